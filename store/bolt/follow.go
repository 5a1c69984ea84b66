package bolt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// Followed is how far a log has applied the order that it follows. What the sequence counts, and what the digest is
// over, is up to whoever has the order; the zero value is before its beginning.
type Followed struct {
	Sequence uint64            // of the newest message that was applied
	Digest   [sha256.Size]byte // that tells it from any other message of that sequence
}

// followsSize is how many bytes stand for it in the file.
const followsSize = numberSize + sha256.Size

func (f Followed) text() string { return string(number(f.Sequence)) + string(f.Digest[:]) }

// parseFollowed reads what text wrote; nil where a log follows nothing.
func parseFollowed(text string) *Followed {
	if len(text) != followsSize {
		return nil
	}
	sequence, _ := parseNumber([]byte(text[:numberSize]))
	return &Followed{sequence, [sha256.Size]byte([]byte(text[numberSize:]))}
}

// isBefore tells whether a file that says this may be one whose log had come to f earlier.
func (f *Followed) isBefore(text string) bool {
	now := parseFollowed(text)
	if f == nil || now == nil {
		return f == nil && text == ""
	}
	return *now == *f || now.Sequence > f.Sequence
}

// follow sets how far the log is.
func (l *Log) follow(text string) {
	l.follows = text
	l.followed.Store(parseFollowed(text))
}

// checkFollow refuses what cannot be together with Config.Follow.
func (c Config) checkFollow(path string) error {
	switch {
	case c.Follow == "":
		return nil
	case !sealed.IsOrigin(c.Follow):
		return fmt.Errorf("%w: log %s: Config.Follow is %.120q, which is no whole origin; give that of the log whose order "+
			"is to be followed", store.ErrInvalid, path, c.Follow)
	case c.Unsealed || c.Journal || c.ReadOnly || c.Origin != "":
		return fmt.Errorf("%w: log %s: a log that follows an order has a seal, no journal and the origin in Config.Follow, "+
			"and is applied to; leave out Config.Unsealed, Journal, ReadOnly and Origin", store.ErrInvalid, path)
	case !c.naming().SpeaksFor(c.Follow):
		return fmt.Errorf("%w: log %s: its origin is %s, and the key of Config.Signer speaks for %q; give the key of its "+
			"own name", store.ErrInvalid, path, c.Follow, c.Signer.Verifier().Name())
	}
	return nil
}

// checkFollows tells whether the file may be opened as one that follows, or does not.
func (l *Log) checkFollows(c Config) error {
	id, follows := l.id(), l.followed.Load() != nil
	switch {
	case c.Follow != "" && !follows:
		return fmt.Errorf("%w: log %s: it follows no order: its appends are its own; name another file, where the copy of "+
			"the log %s is to be", store.ErrInvalid, l.path, c.Follow)
	case c.Follow != "" && c.Follow != id.origin:
		return l.damagedError("it is a copy of the log %s, and the order that it is to follow now is that of %s: another "+
			"one, or one that was made again", id.origin, c.Follow)
	case c.Follow == "" && follows && !c.ReadOnly && !c.asIs && !id.copied:
		return followsError(l.path)
	}
	return nil
}

func followsError(path string) error {
	return &FileError{Kind: store.ErrReadOnly, Path: path, Reason: "it follows an order of appends that is kept elsewhere",
		Remedy: "append through what keeps that order; to read, set Config.ReadOnly; to go on without the order, open a " +
			"backup of it"}
}

// Followed tells how far the log has applied the order that it follows; false where it follows none.
func (l *Log) Followed() (Followed, bool) {
	if f := l.followed.Load(); f != nil {
		return *f, true
	}
	return Followed{}, false
}

// Ordered is an append whose place in the order that the log follows is decided, and what became of it.
type Ordered struct {
	Stream  events.Stream
	After   uint64
	Records []events.Record   // at least one
	Frames  []events.Prepared // of these; whoever keeps the order keeps these bytes

	First    uint64 // position of the first record
	Previous uint64 // position of the stream's record before
	Err      error  // *store.ConflictError, *store.KeyTakenError, or store.ErrInvalid: a frame is too long at its place
}

// What an order brings waits in memory until it is in the file, which followedAt bytes of it are reason for, or that it
// has waited for followedLate: after a kill, that much is applied again. Apply waits where followedMax bytes do.
const (
	followedAt   = 1 << 20
	followedMax  = 32 << 20
	followedLate = time.Second
)

// useOrder has what is applied move into the file behind Apply.
func (l *Log) useOrder(bounds moveBounds) {
	m := newMover(bounds)
	m.filling = func(used int64) bool { return used > bounds.max/2 }
	m.late = time.NewTicker(followedLate).C
	l.mover = m
}

// applied waits for a group that is being applied; another one finds that the log is closed.
func (l *Log) applied() {
	l.committing.Lock()
	defer l.committing.Unlock()
}

// Apply judges appends in the order that the log follows, one after another by what stands before each, and shows those
// that fit to readers, together with how far the log is then: so all logs that apply the same order have the same
// frames at the same positions, and the same root. Each append's outcome is set.
//
// It does not wait for the disk, since what keeps the order keeps what is in it: the file gets what was applied soon
// after, many calls in one transaction, and in the order of the calls. After a kill it is as far as [Log.Followed] says
// then, and whoever has the order applies again what comes after that. [Log.Behind] tells how much that would be, and
// Close leaves nothing.
//
// An error is of the whole: nothing was applied. One that wraps store.ErrFull or another of package store tells why
// what was applied before cannot be moved into the file, and no more may wait: call it again. Where the log does not
// go on after it, opening it again tells how far it is. A sequence that does not go on from [Log.Followed], and a log
// that follows nothing, are store.ErrInvalid. Bound the appends as one commit's: some thousand, some megabytes. Calls
// take turns.
func (l *Log) Apply(ctx context.Context, to Followed, appends []*Ordered) error {
	if err := store.CheckContext(ctx, "apply to log "+l.path); err != nil {
		return err
	}
	l.committing.Lock()
	defer l.committing.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	was := l.followed.Load()
	if l.mover == nil || was == nil || to.Sequence <= was.Sequence {
		return fmt.Errorf("%w: log %s: message %d of an order cannot be applied: the log follows none, or has applied it",
			store.ErrInvalid, l.path, to.Sequence)
	}
	if err := l.mayWait(ctx); err != nil {
		return err
	}
	p := l.newPlan()
	for _, a := range appends {
		if err := l.judge(p, a); err != nil {
			return err
		}
	}
	l.take(p, to)
	l.followed.Store(&to)
	return nil
}

// mayWait returns once more may wait for the file, or why nothing can be moved into it.
func (l *Log) mayWait(ctx context.Context) error {
	m := l.mover
	defer m.starving.Store(false)
	for tried := false; l.waiting.size() >= m.bounds.max || l.crowded(); tried = true {
		if failed := l.failed.Load(); failed != nil {
			return failed.err
		}
		if stuck := l.stuck.Load(); tried && stuck != nil {
			return stuck.err
		}
		m.starve()
		select {
		case <-m.freed:
		case <-ctx.Done():
			return store.CheckContext(ctx, "apply to log "+l.path)
		}
	}
	return nil
}

// take shows readers what a plan has, which goes on to the file. A plan without records leaves nothing there: whoever
// applies it again refuses the same.
func (l *Log) take(p *plan, to Followed) {
	if p.Empty() {
		return
	}
	hashed := p.StartHash()
	defer hashed() // whatever happens: the plan's memory is used again
	g := newGroup(p, [sha256.Size]byte{})
	g.follows = to.text()
	hashed()
	tree := p.Tree()
	g.frontier, g.tiles = tree.AppendFrontier(nil), tree.Full()
	l.waiting.add(g)
	l.lazy.show(p)
	if l.waiting.size() >= l.mover.bounds.moveAt {
		signal(l.mover.wake)
	}
}

// endMoving ends the mover, takes all that is left into the file, and with it how far the log is.
func (l *Log) endMoving() error {
	l.stopMoving()
	if l.journal != nil {
		return l.endJournal()
	}
	if l.failed.Load() != nil {
		return nil
	}
	if err := l.moveUntil(context.Background(), l.lazy.end()); err != nil {
		return err
	}
	return l.fileFollowed()
}

// fileFollowed writes into the file how far the log is, of which all that was taken is there: it may be messages
// further of which nothing was. Nothing is applied meanwhile.
func (l *Log) fileFollowed() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	now := l.header()
	now.follows = l.followed.Load().text()
	if now.follows == l.follows || len(l.waiting.now()) > 0 || l.failed.Load() != nil {
		return nil
	}
	err := guarded(func() error {
		return l.update(func(tx *bbolt.Tx) error { return now.put(tx, metaFollows) })
	})
	if err != nil {
		l.doubt(err)
		return err
	}
	l.follows = now.follows
	return nil
}

// judge takes an append into the plan, or sets why it is refused: by what all who apply it find, and no other reason.
func (l *Log) judge(p *plan, a *Ordered) (err error) {
	r := &request{Stream: a.Stream, After: a.After, Records: a.Records, Frames: a.Frames}
	if r.Look, err = l.lookUp(r); err != nil {
		return err
	}
	a.Err = p.Append(r)
	a.First, a.Previous = r.First, r.Previous
	for _, same := range []error{store.ErrConflict, store.ErrKeyTaken, store.ErrInvalid} {
		if errors.Is(a.Err, same) {
			return nil
		}
	}
	return a.Err
}
