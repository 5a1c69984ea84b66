package viewer

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

const (
	// OlderMax is how many searches of older records run at once; the next one is told to come again.
	OlderMax = 2
	// OlderTimeout ends the reading for one of them. It says where it has come before that.
	OlderTimeout = 20 * time.Second
)

// For how long one request goes back, and how many records it reads at once. Tests shorten both.
var (
	olderWithin = 5 * time.Second
	olderPiece  = uint64(1 << 14)
)

// findOlder reads the records before a position, the newest first and some at a time, until one of them names the id,
// all are read, or it has gone on long enough. It is for what the ring of names has forgotten: whatever was ever told
// is found, and nothing is written for it.
func (v *Viewer) findOlder(ctx context.Context, id string, before uint64, p *searchPage) error {
	if err := events.CheckID("id", id); err != nil {
		return problemOf(http.StatusBadRequest, noID)
	}
	leave, err := take(v.older, "searches of older records")
	if err != nil {
		return err
	}
	defer leave()
	p.Searched = true
	seen := map[string]bool{}
	for began := time.Now(); before > 1; {
		from := before - min(before-1, olderPiece)
		last, err := readNames(ctx, v.log, from, before, func(order, name, has string) {
			if has == id && !seen[order] {
				seen[order] = true
				p.Found = append(p.Found, foundOrder{strings.Clone(order), name})
			}
		})
		if err != nil {
			return err
		}
		p.To = max(p.To, int64(last))
		before = from
		if len(p.Found) > 0 || time.Since(began) >= olderWithin {
			break
		}
	}
	p.From = int64(before)
	p.goOn(v.cfg.Prefix, id, before)
	return nil
}

// goOn has the page say where a search of older records goes on, before that position.
func (p *searchPage) goOn(prefix, id string, before uint64) {
	if before > 1 {
		p.Before = int64(before)
		p.Next = prefix + "/search?" + url.Values{"q": {id}, "before": {fmt.Sprint(before)}}.Encode()
	}
}

// readNames calls f with each id that the records from one position to before another name, and that is no lookup key.
// last is the position of the last of them.
func readNames(ctx context.Context, log store.Reader, from, before uint64,
	f func(order, name, id string)) (last uint64, err error) {
	for r, err := range log.All(ctx, store.After(events.Record{Position: from - 1})) {
		if err != nil {
			return last, err
		}
		if r.Position >= before {
			break
		}
		last = r.Position
		each(r.Event, func(name, id string) { f(r.Stream.ID, name, id) })
	}
	return last, nil
}
