package ordertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// contested is the one stream that all clients use.
var contested = events.OrderStream("contested")

// recordTime is when every record happens; what is checked is order, not time.
var recordTime = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// race is what the clients share: the log, a clock that never says the same twice, and what they saw.
type race struct {
	log store.Log

	mu       sync.Mutex
	clock    int64
	history  []porcupine.Operation
	recent   []string // ids of appends begun lately, for lookups
	sighted  map[string]events.Record
	mismatch error
	report   Report
}

// tick is the next moment.
func (r *race) tick() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	return r.clock
}

// did puts an operation on record. One in doubt never returned.
func (r *race) did(client int, begun int64, in asked, out told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	end := r.clock
	if in.verb == verbAppend && out.result == resultInDoubt {
		end = never
	}
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: begun, Return: end})
	r.report.count(in, out)
}

// never is later than every moment.
const never = 1<<63 - 1

// saw holds every record against what was seen of it before: its place, once told, stays, and so do its bytes.
func (r *race) saw(records []events.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range records {
		before, known := r.sighted[rec.ID]
		r.sighted[rec.ID] = rec
		switch {
		case r.mismatch != nil:
		case !known:
			want := fresh(rec.ID)
			want.Stream, want.Version, want.Position, want.Previous = contested, rec.Version, rec.Position, rec.Previous
			if !sameBytes(rec, want) {
				r.mismatch = fmt.Errorf("%w: record %s is not what was appended; the log must keep records byte by byte",
					ErrNotLinearizable, rec.ID)
			}
		case !sameBytes(before, rec):
			r.mismatch = fmt.Errorf("%w: record %s was told at version %d, position %d and later at version %d, position %d, "+
				"or with other bytes; neither ever changes",
				ErrNotLinearizable, rec.ID, before.Version, before.Position, rec.Version, rec.Position)
		}
	}
}

func sameBytes(a, b events.Record) bool {
	x, errX := events.AppendFrame(nil, a)
	y, errY := events.AppendFrame(nil, b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// fresh is the record with the id: it has a lookup key of its own, and its head tells its id.
func fresh(id string) events.Record {
	return events.Record{
		ID: id, Recorded: recordTime, Occurred: recordTime,
		Head:  events.Head{Status: id, StatusSince: recordTime},
		Keys:  []events.Key{keyOf(id)},
		Event: events.PaymentPending{PaymentID: id},
	}
}

func keyOf(id string) events.Key { return events.NewKey(events.KeyPaymentID, id) }

// client is one goroutine's view of the stream.
type client struct {
	*race
	number  int
	random  *rand.Rand
	version uint64 // as it was last told
	made    int
	last    asked // the newest append, to be repeated
}

// recentMax bounds the ids that lookups choose from, so that most of them are still being written.
const recentMax = 8

// Of a hundred operations: how many are which. The rest are lookups.
const (
	percentAppend = 40
	percentCut    = 10 // appends whose context ends under way
	percentRepeat = 15
	percentRead   = 15
	percentHead   = 10
)

// act does one operation, chosen at random.
func (c *client) act(ctx context.Context) error {
	switch n := c.random.IntN(100); {
	case n < percentAppend:
		return c.append(ctx, c.next())
	case n < percentAppend+percentCut:
		short, cancel := context.WithTimeout(ctx, time.Duration(c.random.IntN(int(cutAfterMax))))
		defer cancel()
		return c.append(short, c.next())
	case n < percentAppend+percentCut+percentRepeat && c.last.ids != nil:
		return c.append(ctx, c.last)
	case n < percentAppend+percentCut+percentRepeat+percentRead:
		_, err := c.read(ctx, c.random.Uint64N(c.version+2))
		return err
	case n < percentAppend+percentCut+percentRepeat+percentRead+percentHead:
		return c.head(ctx)
	}
	return c.lookup(ctx)
}

// cutAfterMax is the longest a cut append's context lasts: about as long as an append does.
const cutAfterMax = 2 * time.Millisecond

// next makes a new append of one to three records, mostly at the version the client believes in.
func (c *client) next() asked {
	in := asked{verb: verbAppend, after: c.version}
	if c.random.IntN(10) == 0 {
		in.after = c.random.Uint64N(c.version + 2)
	}
	for range 1 + c.random.IntN(3) {
		c.made++
		in.ids = append(in.ids, fmt.Sprintf("c%d-%d", c.number, c.made))
	}
	c.last = in
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent = append(c.recent, in.ids...)
	c.recent = c.recent[max(0, len(c.recent)-recentMax):]
	return in
}

func (c *client) append(ctx context.Context, in asked) error {
	records := make([]events.Record, len(in.ids))
	for i, id := range in.ids {
		records[i] = fresh(id)
	}
	begun := c.tick()
	written, err := c.log.Append(ctx, contested, in.after, records...)
	var conflict *store.ConflictError
	out := told{result: resultInDoubt}
	switch {
	case err == nil:
		out.result, c.version = resultDone, in.after+uint64(len(in.ids))
	case errors.As(err, &conflict):
		out.result, out.version, c.version = resultConflict, conflict.Have, conflict.Have
	case ctx.Err() != nil && errors.Is(err, ctx.Err()), errors.Is(err, store.ErrUnavailable):
		out.result = resultNothing
	case errors.Is(err, store.ErrInvalid), errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrKeyTaken):
		return err
	}
	c.did(c.number, begun, in, out)
	if err == nil {
		c.saw(written)
		return checkPlaces(in, written)
	}
	return nil
}

// checkPlaces tells whether an append was answered with its own records in their places.
func checkPlaces(in asked, written []events.Record) error {
	if len(written) != len(in.ids) {
		return fmt.Errorf("%w: an append of %d records was answered with %d", ErrNotLinearizable, len(in.ids), len(written))
	}
	for i, r := range written {
		if r.ID != in.ids[i] || r.Version != in.after+uint64(i)+1 {
			return fmt.Errorf("%w: record %s, appended after version %d, was answered as %s at version %d", ErrNotLinearizable,
				in.ids[i], in.after+uint64(i), r.ID, r.Version)
		}
	}
	return nil
}

func (c *client) read(ctx context.Context, after uint64) (ids []string, err error) {
	begun := c.tick()
	var records []events.Record
	for r, err := range c.log.Read(ctx, contested, after) {
		if err != nil {
			return nil, err
		}
		records, ids = append(records, r), append(ids, r.ID)
	}
	c.did(c.number, begun, asked{verb: verbRead, after: after}, told{ids: ids})
	c.saw(records)
	if n := len(records); n > 0 {
		c.version = records[n-1].Version
	}
	return ids, nil
}

func (c *client) head(ctx context.Context) error {
	begun := c.tick()
	h, err := c.log.Head(ctx, contested)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	out := told{version: h.Version}
	if err == nil {
		out.ids = []string{h.Status}
	}
	c.did(c.number, begun, asked{verb: verbHead}, out)
	c.version = h.Version
	return nil
}

func (c *client) lookup(ctx context.Context) error {
	c.mu.Lock()
	id := "nobody's"
	if n := len(c.recent); n > 0 {
		id = c.recent[c.random.IntN(n)]
	}
	c.mu.Unlock()
	begun := c.tick()
	owner, err := c.log.Lookup(ctx, keyOf(id))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil && owner != contested {
		return fmt.Errorf("%w: the key of %s belongs to %s %q, which never had it", ErrNotLinearizable, id, owner.Category,
			owner.ID)
	}
	c.did(c.number, begun, asked{verb: verbLookup, ids: []string{id}}, told{found: err == nil})
	return nil
}
