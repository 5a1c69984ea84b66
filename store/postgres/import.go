package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
	"github.com/tilltape/tilltape/store/sealed"
)

var (
	_ sealed.Original = (*Log)(nil)
	_ sealed.Batcher  = (*Log)(nil)
	_ sealed.Adopter  = (*Log)(nil)
)

// AppendAll implements [sealed.Batcher]: the appends come in their order, in as few turns as they fit in. An append
// that was written before is recognised as by [Log.Append].
func (l *Log) AppendAll(ctx context.Context, appends []sealed.Append) error {
	requests := make([]*request, len(appends))
	for i, a := range appends {
		var err error
		if requests[i], err = l.prepare(ctx, a); err != nil {
			return err
		}
	}
	for range requests {
		l.queue.Enter()
		defer l.queue.Leave()
	}
	err := l.queue.EnqueueAll(ctx, requests)
	if errors.Is(err, store.ErrClosed) {
		err = l.closedError()
	}
	for _, r := range requests {
		if err == nil && errors.Is(r.Err, store.ErrConflict) {
			if _, found, failed := l.writtenBefore(ctx, r); failed != nil || found {
				err, r.Err = failed, nil
			}
		}
		if err == nil {
			err = r.Err
		}
	}
	return err
}

// Adopt implements [sealed.Adopter].
func (l *Log) Adopt(ctx context.Context, past []seal.Checkpoint) error {
	const doing = "put on record what the log is a copy of"
	var text strings.Builder
	for _, c := range past {
		text.WriteString(sealed.FormatAncestor(c))
	}
	for range adoptTries {
		done, err := l.adopt(ctx, past, text.String())
		if err != nil || done {
			return explain(ctx, l.name, doing, err)
		}
	}
	return &ServerError{Kind: store.ErrUnavailable, Log: l.name,
		Reason: "the list of its earlier origins was changed by others each time it was to be added to", Remedy: "try again"}
}

// adoptTries is how often a list that others change meanwhile is read again: only what names a log changes it.
const adoptTries = 8

// adopt is one try; false: the list is another one by now.
func (l *Log) adopt(ctx context.Context, past []seal.Checkpoint, text string) (done bool, err error) {
	s, r, err := l.sealNow(ctx)
	if err != nil {
		return false, err
	}
	if strings.Contains("\n"+r.ancestry, "\n"+text) {
		return true, nil // by an earlier try
	}
	claimed := sealed.Stored{Frontier: r.frontier, Last: r.last, Past: past}
	if err := s.Verify(ctx, &source{l, l.pool}, claimed); err != nil {
		return false, err
	}
	tag, err := l.pool.Exec(ctx, l.sql.adopt, text, r.ancestry)
	return tag.RowsAffected() > 0, err
}

// prepare checks and encodes an append.
func (l *Log) prepare(ctx context.Context, a sealed.Append) (*request, error) {
	r, err := ledger.Encode[struct{}](a.Stream, a.After, a.Records)
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, ledger.NotBegunError(ctx, a.Stream)
	case l.closed.Load():
		return nil, l.closedError()
	case l.config.ReadOnly:
		return nil, &ServerError{Kind: store.ErrReadOnly, Log: l.name, Reason: "it was opened for reading only",
			Remedy: "open it without Config.ReadOnly to append"}
	}
	return r, nil
}
