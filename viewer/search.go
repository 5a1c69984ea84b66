package viewer

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/store"
)

// searchPage is what a search found.
type searchPage struct {
	Query    string
	Found    []foundOrder
	Progress string // how far APO's own ids are counted; empty: all are
	Trouble  string // why not all are
	Newest   int64  // so many of them are known
	keyed    bool   // what is found has the id for its own, as no other order can

	Searched bool   // older records were searched, from one position to another
	From, To int64  // these
	Before   int64  // where the search goes on, before that position; 0: there is nothing more
	Next     string // the address that does
}

type foundOrder struct{ ID, By string }

// searched are the names of the keys that orders are looked up by.
var searched = []string{events.KeyPaymentID, events.KeyPaymentRequestID, events.KeyCaptureRequestID,
	events.KeyRefundRequestID}

// search finds the orders that have an id, whichever it is. Where it is one order's alone it leads there.
func (v *Viewer) search(ctx context.Context, q *request) (*answer, error) {
	id := strings.TrimSpace(q.query.Get("q"))
	p := &searchPage{Query: id}
	doc := searchDocument{Found: []foundDocument{}}
	before, err := number(q, "before")
	switch {
	case err != nil || id == "":
	case before > 0:
		err = v.findOlder(ctx, id, before, p)
	default:
		soon, cancel := context.WithTimeout(ctx, SearchTimeout)
		defer cancel()
		err = v.find(soon, id, p, &doc)
	}
	if err != nil {
		return nil, err
	}
	doc.Older = p.Before > 0
	if doc.Older {
		doc.Before = documents.Digits(uint64(p.Before))
	}
	for _, f := range p.Found {
		doc.Found = append(doc.Found, foundDocument{f.ID, f.By})
	}
	a := &answer{template: "search", document: doc, shell: shell{Title: "Search", Page: "search", Search: id, Body: p}}
	if p.leads() && !q.json {
		a.to = v.cfg.Prefix + "/order?" + url.Values{"id": {p.Found[0].ID}}.Encode()
	}
	return a, nil
}

// leads tells whether a search leads to what it found: where that is one order, and no record is left that may name the
// id for another.
func (p *searchPage) leads() bool {
	return len(p.Found) == 1 && (p.keyed || p.Before == 0 && p.Progress == "" && p.Trouble == "")
}

// The search's document; docs/reference/json.md tells it.
type searchDocument struct {
	Found    []foundDocument   `json:"found"`
	Counting *countingDocument `json:"counting,omitempty"`
	Older    bool              `json:"older,omitempty"`
	Before   string            `json:"before,omitempty"`
}

type foundDocument struct {
	OrderID string `json:"orderId"`
	By      string `json:"by"`
}

// find asks the log's indexes, and for what these do not have what is counted: some half a dozen reads, however many
// orders there are, and one for each fact that names an id of APO's.
func (v *Viewer) find(ctx context.Context, id string, p *searchPage, doc *searchDocument) error {
	if err := events.CheckID("id", id); err != nil {
		return problemOf(http.StatusBadRequest, noID)
	}
	seen := map[string]bool{}
	add := func(order, by string) {
		if !seen[order] {
			seen[order] = true
			p.Found = append(p.Found, foundOrder{strings.Clone(order), by})
		}
	}
	if err := v.findByKey(ctx, id, add); err != nil {
		return err
	}
	p.keyed = len(p.Found) > 0
	at, so, forgotten := v.counter.find(ctx, id)
	doc.Counting = so.document()
	p.Progress, p.Trouble = so.says()
	p.Newest = NamesMax
	if forgotten > 0 {
		p.goOn(v.cfg.Prefix, id, forgotten+1)
	}
	return named(ctx, v.log, id, at, add)
}

// noID is told of what no id can be.
const noID = "Nothing can have that id: ids have 1 to 64 bytes, and no control characters."

// findByKey asks the log's indexes.
func (v *Viewer) findByKey(ctx context.Context, id string, add func(order, by string)) error {
	for _, category := range []events.Stream{events.OrderStream(id), events.RefusalStream(id)} {
		_, err := v.log.Head(ctx, category)
		switch {
		case err == nil:
			add(id, "order id")
		case !errors.Is(err, store.ErrNotFound):
			return err
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
			return err
		}
	}
	return nil
}
