package storetest_test

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// The broken logs whose fault is in the frames that they hand out.

func frameFaults() []fault {
	frames := func(change framesOf) func() store.Log {
		return func() store.Log { return misframed{memory.New(), change} }
	}
	return []fault{
		{name: "frames-of-the-neighbour", clause: "frames", open: frames(neighbours)},
		{name: "frames-without-a-length", clause: "frames", open: frames(each(func(f *store.Frame) {
			f.Bytes = f.Bytes[2:]
		}))},
		{name: "records-beside-other-bytes", clause: "frames", open: frames(each(func(f *store.Frame) {
			f.Record.Actor = "somebody"
		}))},
		{name: "other-bytes-and-their-record", clause: "frames", open: frames(each(func(f *store.Frame) {
			f.Record.Actor = "somebody"
			f.Bytes, _ = events.AppendFrame(nil, f.Record)
		}))},
		{name: "frames-of-a-buffer", clause: "frames", open: frames(reused())},
		{name: "frames-one-too-early", clause: "frames", open: frames(func(ctx context.Context, l *memory.Log,
			from store.Cursor) iter.Seq2[store.Frame, error] {
			return l.Frames(ctx, store.After(events.Record{Position: max(from.Position(), 1) - 1}))
		})},
		{name: "frames-for-ever", clause: "frames", open: frames(func(ctx context.Context, l *memory.Log,
			from store.Cursor) iter.Seq2[store.Frame, error] {
			return l.Frames(context.WithoutCancel(ctx), from)
		})},
		{name: "frames-of-the-beginning", clause: "frames", open: frames(func(ctx context.Context, l *memory.Log,
			from store.Cursor) iter.Seq2[store.Frame, error] {
			return limited(l.Frames(ctx, from))
		})},
	}
}

// framesOf is another way to hand out a log's frames.
type framesOf func(context.Context, *memory.Log, store.Cursor) iter.Seq2[store.Frame, error]

// misframed hands out its frames in another way.
type misframed struct {
	*memory.Log
	frames framesOf
}

func (l misframed) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return l.frames(ctx, l.Log, from)
}

// each changes every frame.
func each(change func(*store.Frame)) framesOf {
	return func(ctx context.Context, l *memory.Log, from store.Cursor) iter.Seq2[store.Frame, error] {
		return func(yield func(store.Frame, error) bool) {
			for f, err := range l.Frames(ctx, from) {
				if err == nil {
					change(&f)
				}
				if !yield(f, err) {
					return
				}
			}
		}
	}
}

// neighbours hands out the bytes of the record before, but for the first.
func neighbours(ctx context.Context, l *memory.Log, from store.Cursor) iter.Seq2[store.Frame, error] {
	var before []byte
	return each(func(f *store.Frame) {
		f.Bytes, before = before, f.Bytes
		if f.Bytes == nil {
			f.Bytes = before
		}
	})(ctx, l, from)
}

// reused hands out a buffer that all loops over the log share.
func reused() framesOf {
	var buffer []byte
	return each(func(f *store.Frame) {
		buffer = append(buffer[:0], f.Bytes...)
		f.Bytes = buffer
	})
}
