package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"encoding/json"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// listPage is a page of a list of orders.
type listPage struct {
	Only, Status string
	Says         string
	Time         string // what the time of a row is
	Rows         []listRow
	Filters      []choice
	Statuses     []string
	Next         string // the address of what comes next; empty: nothing does
	First        string // the address of the list's beginning; empty: it is this page
	Limit        int
}

type choice struct {
	Word, Title string
	On          bool
}

type listRow struct {
	ID, Status, Words string
	At                time.Time
	Amount            string
	Open              string
	Needs             bool
}

// placeSeparator stands between a place's time and its order's id.
const placeSeparator = "/"

// placeOf is where in a list a head stands, as the command line has it too.
func placeOf(filter store.Filter, h store.Head) string {
	return documents.Time(filter.Time(h)) + placeSeparator + h.Stream.ID
}

// parsePlace is a head that stands there, whatever the list is about.
func parsePlace(text string) (store.Head, error) {
	when, id, ok := strings.Cut(text, placeSeparator)
	at, err := time.Parse(time.RFC3339Nano, when)
	if !ok || err != nil || events.CheckID("order id", id) != nil {
		return store.Head{}, problemOf(http.StatusBadRequest, fmt.Sprintf("%q is no place of a list: take the one that a "+
			"page of it leads to.", words.Plain(text)))
	}
	return store.Head{Stream: events.OrderStream(id), Head: events.Head{StatusSince: at, OperationSince: at,
		ParkedSince: at, AnomalySince: at, DisputeBy: at, Due: at}}, nil
}

// asked is what a list's query asks for.
type asked struct {
	page   *listPage
	filter store.Filter
	limit  int
}

func (v *Viewer) list(ctx context.Context, q *request) (*answer, error) {
	a, err := v.asked(q)
	if err != nil {
		return nil, err
	}
	heads, err := v.heads(ctx, a.filter.Limit(a.limit+1)) // one more tells whether there is more
	if err != nil {
		return nil, err
	}
	doc := listPageDocument{Orders: []listRowDocument{}}
	if len(heads) > a.limit {
		heads = heads[:a.limit]
		doc.Next = placeOf(a.filter, heads[a.limit-1])
		a.page.Next = v.listURL(q, doc.Next)
	}
	for _, h := range heads {
		row, told, err := v.row(ctx, a.filter, h)
		if errors.Is(err, order.ErrUnknownOrder) {
			continue
		}
		if err != nil {
			return nil, err
		}
		a.page.Rows = append(a.page.Rows, row)
		doc.Orders = append(doc.Orders, told)
	}
	return &answer{template: "orders", document: doc,
		shell: shell{Title: "Orders", Page: "orders", Live: true, Body: a.page}}, nil
}

// heads reads a bounded list of heads, in order.
func (v *Viewer) heads(ctx context.Context, filter store.Filter) (all []store.Head, err error) {
	for h, err := range v.log.Heads(ctx, filter) {
		if err != nil {
			return nil, err
		}
		h.Stream.ID = strings.Clone(h.Stream.ID) // and not the record that it is a part of
		all = append(all, h)
	}
	slices.SortFunc(all, filter.Compare)
	return all, nil
}

func (v *Viewer) asked(q *request) (*asked, error) {
	p := &listPage{Only: q.query.Get("only"), Status: q.query.Get("status"), Limit: PageDefault,
		Says: "every order, the one longest in its status first", Time: "In its status since"}
	filter := store.AllOrders()
	if p.Only != "" && p.Only != onlyAll {
		at := slices.IndexFunc(listings, func(l listing) bool { return l.word == p.Only })
		if at < 0 {
			return nil, problemOf(http.StatusBadRequest, fmt.Sprintf("There is no list %q.", words.Plain(p.Only)))
		}
		filter, p.Says, p.Time = listings[at].filter(v.now()), listings[at].says, "Since"
		switch p.Only {
		case onlyDue:
			p.Time = "Due"
		case onlyDisputes:
			p.Time = "To be defended by"
		}
	}
	if p.Status != "" {
		var s order.Status
		switch {
		case s.UnmarshalText([]byte(p.Status)) != nil:
			return nil, problemOf(http.StatusBadRequest, fmt.Sprintf("There is no status %q.", words.Plain(p.Status)))
		case p.Only != "" && p.Only != onlyAll:
			return nil, problemOf(http.StatusBadRequest, "A status and a list are two questions: ask one of them.")
		}
		filter, p.Says = store.InStatus(p.Status), "orders that are "+p.Status+", the longest first"
	}
	if text := q.query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > PageMax {
			return nil, problemOf(http.StatusBadRequest, fmt.Sprintf("A page has 1 to %d orders.", PageMax))
		}
		p.Limit = n
	}
	if after := q.query.Get("after"); after != "" {
		last, err := parsePlace(after)
		if err != nil {
			return nil, err
		}
		filter = filter.After(last)
		p.First = v.listURL(q, "")
	}
	p.choices()
	return &asked{p, filter, p.Limit}, nil
}

// choices are the lists and statuses that can be chosen.
func (p *listPage) choices() {
	p.Filters = append(p.Filters, choice{onlyAll, "All", p.Status == "" && (p.Only == "" || p.Only == onlyAll)})
	for _, l := range listings {
		p.Filters = append(p.Filters, choice{l.word, l.title, p.Only == l.word})
	}
	for _, s := range order.Statuses() {
		p.Statuses = append(p.Statuses, s.String())
	}
}

// listURL is the address of the same list from a place on.
func (v *Viewer) listURL(q *request, after string) string {
	next := url.Values{}
	for _, name := range []string{"only", "status", "limit"} {
		if value := q.query.Get(name); value != "" {
			next.Set(name, value)
		}
	}
	if after != "" {
		next.Set("after", after)
	}
	if len(next) == 0 {
		return v.cfg.Prefix + "/orders"
	}
	return v.cfg.Prefix + "/orders?" + next.Encode()
}

// The list's document; docs/reference/json.md tells it.
type listPageDocument struct {
	Orders []listRowDocument `json:"orders"`
	Next   string            `json:"next,omitempty"`
}

type listRowDocument struct {
	Head   json.RawMessage  `json:"head"`
	Words  string           `json:"words"`
	Amount *documents.Money `json:"amount,omitempty"`
}

// row is an order in a list: by the head that the index has, and its amount as it is read.
func (v *Viewer) row(ctx context.Context, filter store.Filter, h store.Head) (listRow, listRowDocument, error) {
	o, err := v.reader.Get(ctx, h.Stream.ID)
	if err != nil {
		return listRow{}, listRowDocument{}, err
	}
	head, err := jsonform.AppendHead(nil, h)
	if err != nil {
		return listRow{}, listRowDocument{}, err
	}
	row := listRow{ID: h.Stream.ID, Status: h.Status, Words: o.Words(), At: filter.Time(h), Amount: o.Amount.String(),
		Needs: len(h.Attention()) > 0}
	var open []string
	if h.Phase != order.Idle.String() {
		open = append(open, h.Phase)
	}
	for _, word := range h.Attention() {
		if word != h.Phase {
			open = append(open, word)
		}
	}
	row.Open = strings.Join(open, ", ")
	return row, listRowDocument{head, o.Words(), documents.MoneyOf(o.Amount)}, nil
}
