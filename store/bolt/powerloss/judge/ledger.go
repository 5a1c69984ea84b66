package judge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/powerloss/work"
)

// ledger is what follows from a log's records alone: the oracle for everything else that the log answers.
type ledger struct {
	records []events.Record
	frames  [][]byte
	streams map[events.Stream][]int // indexes of its records
	owners  map[events.Key]events.Stream
}

func newLedger() *ledger {
	return &ledger{streams: map[events.Stream][]int{}, owners: map[events.Key]events.Stream{}}
}

func (l *ledger) end() uint64 { return uint64(len(l.records)) }

// newest is the stream's newest record; the zero record where the stream is not there.
func (l *ledger) newest(of events.Stream) events.Record {
	if all := l.streams[of]; len(all) > 0 {
		return l.records[all[len(all)-1]]
	}
	return events.Record{}
}

// add takes the log's next record. An error says why it cannot be the next.
func (l *ledger) add(r events.Record) error {
	before := l.newest(r.Stream)
	if r.Position != l.end()+1 || r.Version != before.Version+1 || r.Previous != before.Position {
		return fmt.Errorf("after position %d comes version %d of %v, which names position %d and the one before it %d; "+
			"its stream ended with version %d at %d",
			l.end(), r.Version, r.Stream, r.Position, r.Previous, before.Version, before.Position)
	}
	frame, err := events.AppendFrame(nil, r)
	if err != nil {
		return fmt.Errorf("position %d: %w", r.Position, err)
	}
	for _, key := range r.Keys {
		if owner, taken := l.owners[key]; taken && owner != r.Stream {
			return fmt.Errorf("position %d: key %q of %v is owned by %v", r.Position, key, r.Stream, owner)
		}
		l.owners[key] = r.Stream
	}
	l.streams[r.Stream] = append(l.streams[r.Stream], len(l.records))
	l.records = append(l.records, r)
	l.frames = append(l.frames, frame)
	return nil
}

// kept tells whether all that was told is there, byte for byte.
func (l *ledger) kept(how string, told map[uint64][]byte) error {
	for position, frame := range told {
		switch {
		case position > l.end():
			return fmt.Errorf("position %d was %s and is lost: the log ends at position %d", position, how, l.end())
		case len(frame) == 0 || !bytes.Equal(frame, l.frames[position-1]):
			return fmt.Errorf("position %d was %s and is another record now: %q", position, how, l.records[position-1].ID)
		}
	}
	return nil
}

// streamsOf compares Head and Read with the records.
func (l *ledger) streamsOf(log *bolt.Log) error {
	ctx := context.Background()
	for n := range work.StreamsMax {
		stream := work.Stream(n)
		newest := l.newest(stream)
		head, err := log.Head(ctx, stream)
		if newest.Version == 0 {
			if !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("%v has no records, and its head is version %d, %v", stream, head.Version, err)
			}
		} else if err != nil || head != headOf(newest) {
			return fmt.Errorf("%v ends with version %d at %d, and its head is version %d at %d, %v",
				stream, newest.Version, newest.Position, head.Version, head.Position, err)
		}
		read := 0
		for record, err := range log.Read(ctx, stream, 0) {
			if err != nil {
				return fmt.Errorf("%v: reading it ends with %w", stream, err)
			}
			if read >= len(l.streams[stream]) || record.Position != l.records[l.streams[stream][read]].Position {
				return fmt.Errorf("%v: position %d does not follow after %d of its records", stream, record.Position, read)
			}
			read++
		}
		if read != len(l.streams[stream]) {
			return fmt.Errorf("%v: reading it finds %d of %d records", stream, read, len(l.streams[stream]))
		}
	}
	return nil
}

func headOf(r events.Record) store.Head {
	return store.Head{Stream: r.Stream, Version: r.Version, Position: r.Position, Head: r.Head}
}

// headsOf compares Heads, under filters of each kind, with the records.
func (l *ledger) headsOf(log *bolt.Log) error {
	filters := []store.Filter{store.AllOrders(), store.DueBy(work.Noon.Add(66 * time.Minute)), store.Outstanding(),
		store.Attention(events.AttentionParked), store.Attention(events.AttentionAnomaly),
		store.Attention(events.AttentionDispute)}
	for _, status := range work.Statuses {
		filters = append(filters, store.InStatus(status))
	}
	for _, filter := range filters {
		var want, have []store.Head
		for stream := range l.streams {
			if h := headOf(l.newest(stream)); stream.Category == events.CategoryOrder && filter.Matches(h) {
				want = append(want, h)
			}
		}
		slices.SortFunc(want, filter.Compare)
		for head, err := range log.Heads(context.Background(), filter) {
			if err != nil {
				return fmt.Errorf("heads of %s end with %w", filter, err)
			}
			have = append(have, head)
		}
		if !slices.Equal(want, have) {
			return fmt.Errorf("heads of %s are %d, and %d by the records", filter, len(have), len(want))
		}
	}
	return nil
}

// goesOn appends to the log: an append that is there already, once more; to a stream that is there, and to a new one.
func (l *ledger) goesOn(log *bolt.Log) error {
	ctx := context.Background()
	if l.end() > 0 {
		last := l.records[l.end()-1]
		written, err := log.Append(ctx, last.Stream, last.Version-1, last)
		if err != nil || len(written) != 1 || written[0].Position != last.Position {
			return fmt.Errorf("repeating the append of position %d ends with %d records, %v", last.Position, len(written), err)
		}
	}
	random := rand.New(rand.NewPCG(l.end(), 0))
	for i, stream := range []events.Stream{work.Stream(0), events.OrderStream("afterwards")} {
		record := work.Record(random, fmt.Sprintf("afterwards-%d", i))
		record.Keys = []events.Key{events.NewKey(events.KeyPaymentID, record.ID)}
		written, err := log.Append(ctx, stream, l.newest(stream).Version, record)
		if err != nil {
			return fmt.Errorf("it takes no further append: %w", err)
		}
		if err := l.add(written[0]); err != nil {
			return fmt.Errorf("a further append: %w", err)
		}
		if owner, err := log.Lookup(ctx, record.Keys[0]); err != nil || owner != stream {
			return fmt.Errorf("the key of a further append is owned by %v, %v", owner, err)
		}
		if head, err := log.Head(ctx, stream); err != nil || head != headOf(written[0]) {
			return fmt.Errorf("the head after a further append is version %d, %v", head.Version, err)
		}
	}
	return nil
}
