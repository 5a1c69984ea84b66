package audit

import (
	"context"
	"runtime"
	"slices"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

const (
	batchMax      = store.PageMax // records handed over at once: enough that handing over costs nothing beside decoding
	batchBytesMax = 1 << 20       // of the messages of inquiries in them, which alone grow long; the last may pass it
	factsKept     = 64            // of a message: what has room for more is not used again
	batches       = 3             // one being filled, one being read, one between
)

// readOn is what a context forbids that has ended.
const readOn = "read on in the log"

// batch is records on their way from the goroutine that reads to the one that folds.
type batch struct {
	page    *store.Page     // the frames of all records, where the log is a Pager; without that it is empty
	records []events.Record // of the page those that are decoded: the first ones, as many as the reader had time for
	size    int             // in bytes, of the messages of inquiries in records that came without a page
	letters []letter        // of the first records, as many as the reader had time for
	err     error           // after the records
	last    bool            // nothing follows
	panics  any             // what the log's own code panicked with
}

func newBatch() *batch {
	return &batch{page: new(store.Page), records: make([]events.Record, 0, batchMax)}
}

// add takes a record in, and reports whether more have room beside it.
func (b *batch) add(r *events.Record) (more bool) {
	b.records = append(b.records, *r)
	if answered, is := r.Event.(events.InquiryAnswered); is && answered.Evidence != nil {
		b.size += len(answered.Evidence.Body)
	}
	return len(b.records) < batchMax && b.size < batchBytesMax
}

// decode decodes the next record of the page.
func (b *batch) decode(by *events.Decoder) error {
	n := len(b.records)
	b.records = slices.Grow(b.records, 1)[:n+1]
	err := b.page.Decode(by, n, &b.records[n])
	if err != nil {
		b.records = b.records[:n]
	}
	return err
}

// decodeAll decodes what the page has beyond those that are decoded, until one that cannot be.
func (b *batch) decodeAll(by *events.Decoder) error {
	for len(b.records) < b.page.Len() {
		if err := b.decode(by); err != nil {
			return err
		}
	}
	return nil
}

// empty makes it ready to be filled again. What a long message took is let go: there would be room for one in every
// place.
func (b *batch) empty() {
	for i := range b.letters {
		if says := &b.letters[i].says; cap(says.Facts) > factsKept {
			says.Facts = nil
		}
	}
	b.page.Begin("", 0)
	b.records, b.letters, b.size = b.records[:0], b.letters[:0], 0
}

// walk calls do with all records that are read, in order and a batch at a time, on the caller's goroutine, until an
// error. The batch is do's until it returns. Where there is a second core, the log is read, and as much of it decoded
// by a decoder as there is time for, on another goroutine a few hundred records ahead; that one has ended when walk
// returns. An error of do comes back as it is, one of the log through explain.
func walk(ctx context.Context, read reading, by *events.Decoder, explain func(error) error,
	do func(*batch) error) error {
	if runtime.GOMAXPROCS(0) < 2 {
		return alone(ctx, read, explain, do)
	}
	ctx, leave := context.WithCancel(ctx)
	full, free := make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		free <- newBatch()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fill(ctx, read, by, full, free)
	}()
	defer func() { leave(); <-ended }()
	for {
		b := <-full
		if err := store.CheckContext(ctx, readOn); err != nil {
			return explain(err)
		}
		if err := do(b); err != nil {
			return err
		}
		switch {
		case b.panics != nil:
			panic(b.panics)
		case b.err != nil:
			return explain(b.err)
		case b.last:
			return nil
		}
		free <- b
	}
}

// alone reads and folds in turns, a batch each: record by record, the code of the one would push the other's out of the
// processor's caches, which costs a twentieth.
func alone(ctx context.Context, read reading, explain func(error) error, do func(*batch) error) error {
	var failed error
	h := &hand{b: newBatch()}
	h.over = func() bool {
		if failed = do(h.b); failed != nil {
			return false
		}
		h.b.empty()
		return true
	}
	read(ctx, h)
	switch {
	case failed != nil:
		return failed
	case !h.over():
		return failed
	case h.b.err != nil:
		return explain(h.b.err)
	}
	return nil
}

// fill reads the log into batches until its end or the context's. The last batch is always handed over, since there is
// room for all of them: whatever becomes of the log's own code, the reader does not wait for ever.
func fill(ctx context.Context, read reading, by *events.Decoder, full chan<- *batch, free <-chan *batch) {
	var messages apo.Reader
	h := &hand{b: <-free}
	h.b.last = true // unless it is full
	finished := false
	defer func() {
		if !finished {
			if h.b.panics = recover(); h.b.panics == nil {
				h.b.panics = "audit: the log ended the goroutine that read it"
			}
		}
		full <- h.b
	}()
	busy := func() bool { return len(full) > 0 }
	h.over = func() bool {
		h.b.last = false
		h.b.ahead(by, busy)
		h.b.open(&messages, busy)
		full <- h.b
		select {
		case h.b = <-free:
			h.b.empty()
			h.b.last = true
			return true
		case <-ctx.Done():
			h.b = newBatch()
			h.b.last, h.b.err = true, store.CheckContext(ctx, readOn)
			return false
		}
	}
	read(ctx, h)
	finished = true
}

// ahead decodes the page's records while there is time: either goroutine can, and the one that has less to do should.
// One that cannot be decoded is left for when its turn comes.
func (b *batch) ahead(by *events.Decoder, time func() bool) {
	for len(b.records) < b.page.Len() && time() {
		if b.decode(by) != nil {
			return
		}
	}
}

// letter is a kept message that was read before its record's turn came.
type letter struct {
	of   *events.Evidence // nil: the record has none
	says apo.Reading
	err  error
}

// open reads the messages of the batch's records while there is time. What a message says does not depend on the order
// it is about, so either goroutine can find it out, and the one that has less to do should: the one that folds has more
// than half of all work with them and less without.
func (b *batch) open(messages *apo.Reader, time func() bool) {
	for len(b.letters) < len(b.records) && time() {
		if cap(b.letters) == 0 {
			b.letters = make([]letter, 0, batchMax)
		}
		n := len(b.letters)
		b.letters = b.letters[:n+1] // what it had is used again
		l := &b.letters[n]
		if l.of = messageOf(b.records[n].Event); l.of != nil {
			l.err = messages.Read((*apo.Evidence)(l.of), &l.says)
		}
	}
}
