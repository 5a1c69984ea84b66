package postgres

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// One page is what a read takes in one round trip. No transaction and no connection is held while it is yielded.
const (
	pageFirst    = 64      // records of a read's first page, of whose frames nothing is known
	pageGrowth   = 4       // times as many as those before has a page at most
	pageMax      = 2048    // records
	pageBytesMax = 2 << 20 // of frames; the frame that passes it is the page's last
)

// bigint is a position or version as the server's type, which is large enough for any that there is.
func bigint(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// Read implements [store.Log]: a page of the stream in each round trip.
func (l *Log) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if err := store.CheckStream(from); err != nil {
			yield(events.Record{}, err)
			return
		}
		doing := fmt.Sprintf("read %s %q", from.Category, from.ID)
		var p page
		for {
			err := l.usable(ctx, doing)
			if err == nil {
				err = l.streamPage(ctx, &p, from, after)
			}
			for _, r := range p.records {
				if !yield(r, nil) {
					return
				}
				after = r.Version
			}
			if err != nil {
				yield(events.Record{}, explain(ctx, l.name, doing, err))
				return
			}
			if !p.last {
				continue
			}
			if err := l.usable(ctx, doing); err != nil { // a context that ended in the loop's body is no end of the stream
				yield(events.Record{}, err)
			}
			return
		}
	}
}

// page is the records of one round trip.
type page struct {
	records []events.Record
	most    int                    // records that were asked for
	frames  int                    // bytes
	last    bool                   // nothing follows
	keep    bool                   // the frames are wanted
	raw     []byte                 // they, one after the other
	ends    []int                  // where each ends
	tiles   map[seal.TileID][]byte // of the seal, that the frames' leaves begin
}

// full tells whether the page ended because it had enough.
func (p *page) full() bool { return len(p.records) == p.most || p.frames >= pageBytesMax }

// follow empties the page for the records after those of the page before, which may be itself; nil: there was none. As
// many are asked for as may have room, by the size of those before: a limit of bytes that the server keeps would have
// it copy each frame, which takes it three times as long. What is sent beyond the page's room is thrown away.
func (p *page) follow(before *page) {
	most := pageFirst
	if before != nil && before.frames > 0 {
		most = max(1, min(pageGrowth*before.most, pageMax, len(before.records)*pageBytesMax/before.frames))
	}
	*p = page{records: p.records[:0], raw: p.raw[:0], ends: p.ends[:0], keep: p.keep, most: most}
}

// frame is the bytes of the page's i-th record, where they are kept.
func (p *page) frame(i int) []byte {
	begin := 0
	if i > 0 {
		begin = p.ends[i-1]
	}
	return p.raw[begin:p.ends[i]]
}

// streamPage reads the stream's next page, and where the stream ends: a record that is gone is no end.
func (l *Log) streamPage(ctx context.Context, p *page, from events.Stream, after uint64) error {
	p.follow(p)
	end := uint64(0)
	var s pgx.Batch
	s.Queue(l.sql.version, from.Category, from.ID).QueryRow(func(r pgx.Row) error { return r.Scan(&end) })
	s.Queue(l.sql.stream, from.Category, from.ID, bigint(after), p.most).Query(func(rows pgx.Rows) error {
		next := after
		return l.scan(rows, p, func(r *events.Record) error {
			if next++; r.Version == next && r.Stream == from {
				return nil
			}
			return l.damagedError("version %d of %s %q is missing", next, from.Category, from.ID)
		})
	})
	if err := l.pool.SendBatch(ctx, &s).Close(); err != nil {
		return err
	}
	if p.last = !p.full(); p.last && after+uint64(len(p.records)) < end {
		return l.damagedError("version %d of %s %q is missing", after+uint64(len(p.records))+1, from.Category, from.ID)
	}
	return nil
}

// scan appends the rows' records to the page, each once it is what the columns beside it say and what follows says that
// it is next. Those before a bad one stay.
func (l *Log) scan(rows pgx.Rows, p *page, follows func(*events.Record) error) error {
	if err := rows.Err(); err != nil {
		return err // rows of a connection that broke before they came have no columns to ask for
	}
	binary := isRecordRow(rows.FieldDescriptions())
	var c recordRow
	for !p.full() && rows.Next() {
		if binary {
			c.take(rows.RawValues())
		} else if err := rows.Scan(&c.position, &c.version, &c.category, &c.stream, &c.frame); err != nil {
			return err
		}
		r, err := l.decode(c.position, c.frame)
		if err != nil {
			return err
		}
		if r.Version != c.version || r.Stream.Category != string(c.category) || r.Stream.ID != string(c.stream) {
			return l.damagedAt(c.position, "version %d of %s %q should be here, but it is version %d of %s %q", c.version,
				c.category, c.stream, r.Version, r.Stream.Category, r.Stream.ID)
		}
		if err := follows(&r); err != nil {
			return err
		}
		p.records = append(p.records, r)
		if p.frames += len(c.frame); p.keep {
			p.raw = append(p.raw, c.frame...)
			p.ends = append(p.ends, len(p.raw))
		}
	}
	rows.Close() // what has no room is read and thrown away
	return rows.Err()
}

// inOrder is what follows the record at a position in the log.
func (l *Log) inOrder(after uint64) func(*events.Record) error {
	return func(r *events.Record) error {
		if after++; r.Position == after {
			return nil
		}
		return l.damagedAt(after, "there is no record here")
	}
}

// All implements [store.Log]: a page of the log in each round trip, and the next one while a full page is yielded. It
// ends once a page that was read after the last record was yielded has none.
func (l *Log) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		const doing = "read the log"
		err := l.inPages(ctx, doing, from.Position(), l.logPage, func(p *page) (bool, error) {
			for _, r := range p.records {
				if !yield(r, nil) {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			yield(events.Record{}, explain(ctx, l.name, doing, err))
		}
	}
}

// Frames implements [store.Framer], in All's pages.
func (l *Log) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		const doing = "read the log"
		read := func(ctx context.Context, p, before *page, after uint64) error {
			p.keep = true
			return l.logPage(ctx, p, before, after)
		}
		err := l.inPages(ctx, doing, from.Position(), read, func(p *page) (bool, error) {
			for i, r := range p.records {
				if !yield(store.Frame{Record: r, Bytes: p.frame(i)}, nil) {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			yield(store.Frame{}, explain(ctx, l.name, doing, err))
		}
	}
}

// inPages hands out the log's pages after a position, each once the one before was dealt with, until one has no
// records. It returns the error that ends them, or nil. What is before a bad place in a page is handed out.
func (l *Log) inPages(ctx context.Context, doing string, seen uint64,
	read func(ctx context.Context, p, before *page, after uint64) error, deal func(p *page) (more bool, err error)) error {
	p, next := new(page), new(page)
	fresh := true // the page was read after the one before was dealt with
	err := l.usable(ctx, doing)
	if err == nil {
		err = read(ctx, p, nil, seen)
	}
	for {
		if len(p.records) == 0 && (fresh || err != nil) {
			return err
		}
		var ahead chan error
		if n := len(p.records); n > 0 {
			if seen = p.records[n-1].Position; err == nil && p.full() {
				ahead = make(chan error, 1) // where nobody waits for it any more, it ends by itself
				go func(p, before *page, after uint64) { ahead <- read(ctx, p, before, after) }(next, p, seen)
			}
			if more, failed := deal(p); !more || failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
		if err = l.usable(ctx, doing); err != nil {
			return err
		}
		if fresh = ahead == nil; fresh {
			err = read(ctx, next, p, seen)
		} else {
			err = <-ahead
		}
		p, next = next, p
	}
}

// logPage reads the log's next page, and where the log ends.
func (l *Log) logPage(ctx context.Context, p, before *page, after uint64) error {
	p.follow(before)
	known := l.knows()
	var end ending
	var s pgx.Batch
	s.Queue(l.sql.end).QueryRow(end.scan)
	s.Queue(l.sql.page, bigint(after), int64(math.MaxInt64), p.most).Query(func(rows pgx.Rows) error {
		return l.scan(rows, p, l.inOrder(after))
	})
	if err := l.pool.SendBatch(ctx, &s).Close(); err != nil {
		return err
	}
	l.ends(end, known)
	if after > end.position {
		if err := l.behind(end, after); err != nil && after <= max(known, l.tree.Load().Size()) {
			return err
		}
		return store.BeyondEnd(l.name, after, end.position)
	}
	if !p.full() && after+uint64(len(p.records)) < end.position {
		return l.damagedAt(after+uint64(len(p.records))+1, "there is no record here")
	}
	return nil
}
