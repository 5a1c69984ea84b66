package export

import (
	"context"
	"iter"
	"runtime"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

const (
	batchRecords = 128     // handed over at once: enough that handing over costs nothing beside decoding
	batchBytes   = 1 << 20 // of their frames; the last may pass it
	batches      = 3       // one being filled, one being written, one between
)

// batch is records with their stored bytes, on their way from the goroutine that reads to the one that writes.
type batch struct {
	records []events.Record
	ends    []int // of each one's bytes
	bytes   []byte
	err     error // after the records
	panics  any   // what the log's own code panicked with
}

// add takes a record in, and reports whether more have room beside it.
func (b *batch) add(f *store.Frame) (more bool) {
	b.records = append(b.records, f.Record)
	b.bytes = append(b.bytes, f.Bytes...)
	b.ends = append(b.ends, len(b.bytes))
	return len(b.records) < batchRecords && len(b.bytes) < batchBytes
}

// ahead yields what is read on the caller's goroutine. Where there is a second core, it is read on another one, a few
// hundred records ahead; that one has ended when the loop has.
func ahead(ctx context.Context, read func(context.Context) iter.Seq2[store.Frame, error],
) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		if runtime.GOMAXPROCS(0) < 2 {
			read(ctx)(yield)
			return
		}
		ctx, leave := context.WithCancel(ctx)
		// There is always room in both: for all batches, and for the one that tells that ctx has ended.
		full, free := make(chan *batch, batches+1), make(chan *batch, batches)
		for range batches {
			free <- &batch{}
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			fill(ctx, read, full, free)
		}()
		defer func() { leave(); <-ended }()
		for b := range full {
			begin := 0
			for i, r := range b.records {
				if !yield(store.Frame{Record: r, Bytes: b.bytes[begin:b.ends[i]]}, nil) {
					return
				}
				begin = b.ends[i]
			}
			if b.panics != nil {
				panic(b.panics)
			}
			if b.err != nil {
				yield(store.Frame{}, b.err)
				return
			}
			free <- b
		}
	}
}

// fill reads into batches until the end of what is read or the context's.
func fill(ctx context.Context, read func(context.Context) iter.Seq2[store.Frame, error], full chan<- *batch,
	free <-chan *batch) {
	defer close(full)
	b := <-free
	defer func() {
		if p := recover(); p != nil {
			full <- &batch{records: b.records, ends: b.ends, bytes: b.bytes, panics: p}
		}
	}()
	for f, err := range read(ctx) {
		if err != nil {
			b.err = err
			break
		}
		if b.add(&f) {
			continue
		}
		full <- b
		select {
		case b = <-free:
			b.records, b.ends, b.bytes = b.records[:0], b.ends[:0], b.bytes[:0]
		case <-ctx.Done():
			full <- &batch{err: store.CheckContext(ctx, "read on in the log")}
			return
		}
	}
	full <- b
}
