package audit

import (
	"context"
	"iter"
	"runtime"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

const (
	batchMax = 128 // records handed over at once: enough that handing over costs nothing beside decoding
	batches  = 3   // one being filled, one being read, one between
)

// readOn is what a context forbids that has ended.
const readOn = "read on in the log"

// batch is records on their way from the goroutine that decodes to the one that folds.
type batch struct {
	records []events.Record
	err     error // after the records
	last    bool  // nothing follows
	panics  any   // what the log's own code panicked with
}

// reading begins to read a log's records, oldest first.
type reading func(context.Context) iter.Seq2[events.Record, error]

// walk calls do with all records that are read, in order and a few at a time, on the caller's goroutine, until an
// error. The records are do's until it returns. Where there is a second core, the log is read and decoded on another
// goroutine a few hundred records ahead; that one has ended when walk returns. An error of do comes back as it is, one
// of the log through explain.
func walk(ctx context.Context, read reading, explain func(error) error, do func([]events.Record) error) error {
	if runtime.GOMAXPROCS(0) < 2 {
		return alone(ctx, read, explain, do)
	}
	ctx, leave := context.WithCancel(ctx)
	full, free := make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		free <- &batch{}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fill(ctx, read, full, free)
	}()
	defer func() { leave(); <-ended }()
	for {
		b := <-full
		if err := store.CheckContext(ctx, readOn); err != nil {
			return explain(err)
		}
		if err := do(b.records); err != nil {
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
func alone(ctx context.Context, read reading, explain func(error) error, do func([]events.Record) error) error {
	records := make([]events.Record, 0, batchMax)
	for r, err := range read(ctx) {
		if err == nil {
			records = append(records, r)
			if len(records) < batchMax {
				continue
			}
		}
		if err := do(records); err != nil {
			return err
		}
		if err != nil {
			return explain(err)
		}
		records = records[:0]
	}
	return do(records)
}

// fill reads the log into batches until its end or the context's. The last batch is always handed over, since there is
// room for all of them: whatever becomes of the log's own code, the reader does not wait for ever.
func fill(ctx context.Context, read reading, full chan<- *batch, free <-chan *batch) {
	b := <-free
	b.last = true // unless it is full
	finished := false
	defer func() {
		if !finished {
			if b.panics = recover(); b.panics == nil {
				b.panics = "audit: the log ended the goroutine that read it"
			}
		}
		full <- b
	}()
	for r, err := range read(ctx) {
		if err != nil {
			b.err = err
			break
		}
		b.records = append(b.records, r)
		if len(b.records) < batchMax {
			continue
		}
		b.last = false
		full <- b
		select {
		case b = <-free:
			b.records, b.last = b.records[:0], true
		case <-ctx.Done():
			b = &batch{last: true, err: store.CheckContext(ctx, readOn)}
		}
		if b.err != nil {
			break
		}
	}
	finished = true
}
