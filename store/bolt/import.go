package bolt

import (
	"context"
	"errors"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

var (
	_ sealed.Original = (*Log)(nil)
	_ sealed.Batcher  = (*Log)(nil)
)

// AppendAll implements [sealed.Batcher]: the appends come in their order, in as few commits as they fit in. An append
// that was written before is recognised as by [Log.Append].
func (l *Log) AppendAll(ctx context.Context, appends []sealed.Append) error {
	requests := make([]*request, len(appends))
	for i, a := range appends {
		var err error
		if requests[i], err = l.prepare(ctx, a.Stream, a.After, a.Records); err != nil {
			return err
		}
	}
	for range requests {
		l.queue.Enter()
		defer l.queue.Leave()
	}
	err := l.queue.EnqueueAll(ctx, requests)
	if errors.Is(err, store.ErrClosed) {
		err = closedError(l.path)
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
