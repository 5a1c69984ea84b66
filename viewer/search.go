package viewer

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// searchPage is what a search found.
type searchPage struct {
	Query string
	Found []foundOrder
}

type foundOrder struct{ ID, By string }

// searched are the names of the keys that orders are looked up by.
var searched = []string{events.KeyPaymentID, events.KeyPaymentRequestID, events.KeyCaptureRequestID,
	events.KeyRefundRequestID}

// search finds the orders that have an id, whichever it is. Where it is one order's it leads there.
func (v *Viewer) search(ctx context.Context, q *request) (*answer, error) {
	id := strings.TrimSpace(q.query.Get("q"))
	p := &searchPage{Query: id}
	if id != "" {
		var err error
		if p.Found, err = v.find(ctx, id); err != nil {
			return nil, err
		}
	}
	doc := searchDocument{Found: []foundDocument{}}
	for _, f := range p.Found {
		doc.Found = append(doc.Found, foundDocument{f.ID, f.By})
	}
	a := &answer{template: "search", document: doc, shell: shell{Title: "Search", Page: "search", Search: id, Body: p}}
	if len(p.Found) == 1 && !q.json {
		a.to = v.cfg.Prefix + "/order?" + url.Values{"id": {p.Found[0].ID}}.Encode()
	}
	return a, nil
}

// The search's document; docs/reference/json.md tells it.
type searchDocument struct {
	Found []foundDocument `json:"found"`
}

type foundDocument struct {
	OrderID string `json:"orderId"`
	By      string `json:"by"`
}

// find asks the log's indexes: some half a dozen reads, however many orders there are.
func (v *Viewer) find(ctx context.Context, id string) (found []foundOrder, err error) {
	seen := map[string]bool{}
	add := func(order, by string) {
		if !seen[order] {
			seen[order] = true
			found = append(found, foundOrder{strings.Clone(order), by})
		}
	}
	if err := events.CheckID("id", id); err != nil {
		return nil, problemOf(http.StatusBadRequest, "Nothing can have that id: ids have 1 to 64 bytes, and no control "+
			"characters.")
	}
	for _, category := range []events.Stream{events.OrderStream(id), events.RefusalStream(id)} {
		_, err := v.log.Head(ctx, category)
		switch {
		case err == nil:
			add(id, "order id")
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	for _, name := range searched {
		key := events.NewKey(name, id)
		if store.CheckKey(key) != nil { // longer than any that a log has
			continue
		}
		owner, err := v.log.Lookup(ctx, key)
		switch {
		case err == nil:
			add(owner.ID, name)
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return found, nil
}
