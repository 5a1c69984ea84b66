package jetstream

import (
	"context"
	"errors"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
	"github.com/tilltape/tilltape/store/sealed"
)

var (
	_ sealed.Original = (*Log)(nil)
	_ sealed.Batcher  = (*Log)(nil)
)

// AppendAll implements [sealed.Batcher], for the copy of a log into a stream without appends: they come in their order,
// as many in a message as it has room for, and one message after another, since two that are on their way together may
// change places. An append that was written before is recognised as by [Log.Append]. Calls take turns, and wait for no
// calls of Append.
func (l *Log) AppendAll(ctx context.Context, appends []sealed.Append) error {
	requests := make([]*request, len(appends))
	for i, a := range appends {
		var err error
		if requests[i], err = ledger.Encode[looked](a.Stream, a.After, a.Records); err != nil {
			return err
		}
	}
	for len(requests) > 0 {
		n, size := 0, 0
		for n < len(requests) && (n == 0 || n < ledger.BatchMax && size+sizeOf(requests[n]) <= l.room()) {
			size += sizeOf(requests[n])
			n++
		}
		if err := l.appendTogether(ctx, requests[:n]); err != nil {
			return err
		}
		requests = requests[n:]
	}
	return nil
}

// appendTogether appends what one message has room for.
func (l *Log) appendTogether(ctx context.Context, requests []*request) error {
	l.bulk.Lock()
	defer l.bulk.Unlock()
	if err := l.usable(ctx, "append"); err != nil {
		return err
	}
	if err := l.mayLose(); err != nil {
		return err
	}
	l.carry(requests)
	for _, r := range requests {
		if errors.Is(r.Err, store.ErrConflict) {
			if _, found, err := l.writtenBefore(ctx, r); err != nil || found {
				r.Err = err
			}
		}
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
