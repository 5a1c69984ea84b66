package bolt

import (
	"context"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

var _ sealed.Adopter = (*Log)(nil)

// Adopt implements [sealed.Adopter]: what is claimed is held against the records' tiles, and put on record durably, and
// once, however often it is called. A log that is only read is store.ErrReadOnly, one without a seal store.ErrInvalid.
// It takes a commit, for which appends wait.
func (l *Log) Adopt(ctx context.Context, past []seal.Checkpoint) error {
	if _, err := l.sealNow(ctx); err != nil {
		return err
	}
	if l.readOnly {
		return readOnlyError(l.path)
	}
	if l.followed.Load() != nil {
		return followsError(l.path) // it would not be the other copies' any more
	}
	var text strings.Builder
	for _, c := range past {
		text.WriteString(sealed.FormatAncestor(c))
	}
	if _, ok := sealed.ParseAncestry(text.String()); !ok {
		return l.damagedError("what it is said to be a copy of has no origin that a log can have")
	}
	l.committing.Lock() // nothing comes to the journal meanwhile, and what is there goes into the file first
	defer l.committing.Unlock()
	if err := l.moveUntil(ctx, l.lazy.end()); err != nil {
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	now := l.header()
	if strings.Contains("\n"+now.ancestry, "\n"+text.String()) {
		return nil // by an earlier try
	}
	now.ancestry += text.String()
	tree := l.lazy.layers().tree
	claimed := sealed.Stored{Frontier: now.frontier, Last: tree.Size(), Past: past}
	if err := l.view(func(tx reading) error {
		return l.sealOf(tree).Verify(ctx, newSealSource(l, tx), claimed)
	}); err != nil {
		return err
	}
	return l.adopt(now)
}

// adopt writes a header whose ancestry has grown. Where the disk does not confirm it, nobody knows what the file says
// of the log, and the next commit would sum up what it does not know: so the log stops until it is opened again.
func (l *Log) adopt(now header) error {
	err := guarded(func() error {
		return l.update(func(tx *bbolt.Tx) error { return now.put(tx, metaAncestry) })
	})
	if err == nil {
		err = l.stillThere()
	}
	if err != nil {
		failed := &failure{err: explain(l.path, err), wedged: isFault(err)}
		l.fail(failed)
		return failed.err
	}
	l.named.Store(&now.identity)
	return nil
}

func readOnlyError(path string) error {
	return &FileError{Kind: store.ErrReadOnly, Path: path, Reason: "it was opened for reading only",
		Remedy: "open it without Config.ReadOnly to append"}
}
