package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/store"
)

const (
	// pingEvery is how often a line is sent to a browser that follows and has no news: so it is found out when it is gone.
	pingEvery = 20 * time.Second
	// retryAfter is how long a browser waits before it asks again, in milliseconds.
	retryAfter = 3000
)

// follow tells a browser what the log grows by, as server-sent events: one "change" a record of an order, with the
// order's head. It begins at the log's end, and ends after [LiveFor], with the viewer, or with the log.
func (v *Viewer) follow(w http.ResponseWriter, q *request) {
	watcher, ok := v.log.(store.Watcher)
	if !ok {
		v.fail(w, q, problemOf(http.StatusNotFound, "This log does not tell when it grows: reload the page."))
		return
	}
	ctx, cancel := context.WithTimeout(q.Context(), LiveFor)
	defer cancel()
	leave, err := v.seat()
	if err != nil {
		v.fail(w, q, err)
		return
	}
	defer leave()
	defer context.AfterFunc(v.life, cancel)()
	from, err := v.ends(ctx)
	if err != nil {
		v.fail(w, q, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that keeps it back for more shows nothing
	w.WriteHeader(http.StatusOK)
	if q.Method == http.MethodHead {
		return
	}
	news := make(chan []byte)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watch(ctx, watcher, from, q.query.Get("order"), news)
	}()
	defer func() { cancel(); <-ended }()
	out := stream{w, http.NewResponseController(w)}
	if out.put(fmt.Appendf(nil, "retry: %d\n\n", retryAfter)) != nil {
		return
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case text := <-news:
			err = out.put(text)
		case <-ping.C:
			err = out.put([]byte(": still here\n\n"))
		case <-ended:
			return
		}
		if err != nil {
			return
		}
	}
}

// watch sends what the log grows by until it ends.
func watch(ctx context.Context, log store.Watcher, from store.Cursor, only string, news chan<- []byte) {
	for r, err := range log.Watch(ctx, from) {
		if err != nil {
			return
		}
		if only != "" && r.Stream.ID != only {
			continue
		}
		head, err := jsonform.AppendHead(nil, store.Head{Stream: r.Stream, Version: r.Version, Position: r.Position,
			Head: r.Head})
		if err != nil {
			return
		}
		select {
		case news <- fmt.Appendf(nil, "event: change\nid: %d\ndata: %s\n\n", r.Position, head):
		case <-ctx.Done():
			return
		}
	}
}

// stream writes pieces to a browser that may be slow, or gone.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s stream) put(text []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.rc.Flush()
}

// seat takes one of the places of those who follow. leave must be called once err is nil.
func (v *Viewer) seat() (leave func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, problemOf(http.StatusServiceUnavailable, closedText)
	}
	select {
	case v.live <- struct{}{}:
	default:
		return nil, problemOf(http.StatusServiceUnavailable, fmt.Sprintf("%d browsers follow the log already; reload the "+
			"page instead.", LiveMax))
	}
	v.running.Add(1)
	return func() { <-v.live; v.running.Done() }, nil
}

// ends is the place after the log's newest record. Cost: nothing for a log that knows its length, and otherwise some
// dozens of short reads.
func (v *Viewer) ends(ctx context.Context) (store.Cursor, error) {
	if n := size(ctx, v.log); n > 0 {
		return store.After(events.Record{Position: n}), nil
	}
	there := func(position uint64) (bool, error) {
		for _, err := range v.log.All(ctx, store.After(events.Record{Position: position - 1})) {
			if errors.Is(err, store.ErrInvalid) { // it is beyond the end
				return false, nil
			}
			return err == nil, err
		}
		return false, nil
	}
	low, high := uint64(0), uint64(1)
	for {
		yes, err := there(high)
		if err != nil {
			return store.Start(), err
		}
		if !yes {
			break
		}
		low, high = high, 2*high
	}
	for high-low > 1 {
		middle := low + (high-low)/2
		yes, err := there(middle)
		if err != nil {
			return store.Start(), err
		}
		if yes {
			low = middle
		} else {
			high = middle
		}
	}
	return store.After(events.Record{Position: low}), nil
}
