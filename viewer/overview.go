package viewer

import (
	"context"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// The lists that the overview counts, and the list's page shows, by the word that asks for them.
const (
	onlyAll       = "all"
	onlyOpen      = "open"
	onlyDue       = "due"
	onlyParked    = "parked"
	onlyAnomalies = "anomalies"
	onlyDisputes  = "disputes"
)

// listing is one of them.
type listing struct {
	word, title, says string
	filter            func(now time.Time) store.Filter
	needs             bool // whoever sees it should do something
}

var listings = []listing{
	{onlyDue, "Due now", "APO is owed a call, or a claim has ended; settling sees to it", store.DueBy, false},
	{onlyOpen, "Open", "asked of APO, and the outcome is not known, or APO has accepted it",
		func(time.Time) store.Filter { return store.Outstanding() }, false},
	{onlyParked, "Parked", "given to a person, who says what became of it",
		func(time.Time) store.Filter { return store.Attention(events.AttentionParked) }, true},
	{onlyAnomalies, "Anomalies", "what APO signed contradicts what is on record",
		func(time.Time) store.Filter { return store.Attention(events.AttentionAnomaly) }, true},
	{onlyDisputes, "Disputes", "the buyer disputes the payment, and nobody has defended it",
		func(time.Time) store.Filter { return store.Attention(events.AttentionDispute) }, true},
}

// overviewPage is what the overview shows.
type overviewPage struct {
	Counts   counts
	Lists    []countedList
	Oldest   *oldest // the operation whose outcome has not been known for longest; nil: none is
	Farther  bool    // nil, but not all that stands open was looked at
	Told     []consumerRow
	Money    []moneyRow
	Late     bool // some of it came late
	Refused  []refusedRow
	Charts   []chart
	Ends     time.Time // of the charts
	Old      bool      // they end before now
	Progress string    // how far the counting is; empty: done
	Trouble  string    // why it is not
}

type countedList struct {
	Word, Title, Says string
	Needs             bool
	length
}

type oldest struct {
	ID    string
	Phase string
	Since time.Time
	For   time.Duration
}

type moneyRow struct {
	Status, Currency             string
	Several                      bool // of more currencies than are told apart: there are no sums
	Orders                       int64
	Held, Kept, Back, Lost, Late string
}

type refusedRow struct {
	Reason, Says, Remedy string
	N                    uint64
}

func (v *Viewer) overview(ctx context.Context, _ *request) (*answer, error) {
	now := v.now()
	p := &overviewPage{Counts: v.counter.counts(ctx, now)}
	whole := p.Counts.Done && p.Counts.Err == nil
	asked := make(<-chan struct{})
	if !whole { // what stopped counting is old
		asked = v.lists.ask(v, now)
	}
	due, err := v.lengthOf(ctx, store.DueBy(now))
	if err != nil {
		return nil, err
	}
	if p.Oldest, p.Farther, err = v.oldestUnknown(ctx, now); err != nil {
		return nil, err
	}
	lengths := p.Counts.lengths()
	if !whole {
		lengths = v.lists.wait(ctx, asked)
	}
	for _, l := range listings {
		n := countedList{Word: l.word, Title: l.title, Says: l.says, Needs: l.needs, length: lengths[l.word]}
		if l.word == onlyDue { // which time alone changes
			n.length = due
		}
		p.Lists = append(p.Lists, n)
	}
	p.Told = v.consumers.ask(ctx)
	p.fill(now)
	return &answer{template: "overview", document: p.document(now),
		shell: shell{Title: "Overview", Page: "overview", Live: true, At: now, Body: p}}, nil
}

// unknownsMax is how many orders with an unknown outcome are read for the oldest of them. One that APO has also
// accepted a refund of stands in the list since that one, so that the first need not be the oldest.
const unknownsMax = 16

// oldestUnknown is what has not been known for longest, among the first [CountMax] that stand open. What APO has
// accepted is known to be with APO: a refund may be that for days. farther: none of these, and there are more.
func (v *Viewer) oldestUnknown(ctx context.Context, now time.Time) (is *oldest, farther bool, err error) {
	var heads []store.Head
	walked := 0
	for h, err := range v.log.Heads(ctx, store.Outstanding().Limit(CountMax)) {
		if err != nil {
			return nil, false, err
		}
		walked++
		if h.Phase != order.Accepted.String() {
			h.Stream.ID, h.Phase = strings.Clone(h.Stream.ID), strings.Clone(h.Phase)
			heads = append(heads, h)
		}
		if len(heads) == unknownsMax {
			break
		}
	}
	for _, h := range heads {
		if is != nil && !h.OperationSince.Before(is.Since) {
			break
		}
		o, err := v.reader.Get(ctx, h.Stream.ID)
		if err != nil {
			return nil, false, err
		}
		if p, unknown := o.Unknown(); unknown && (is == nil || p.Since.Before(is.Since)) {
			is = &oldest{h.Stream.ID, p.Phase.String(), p.Since, now.Sub(p.Since)}
		}
	}
	return is, is == nil && walked == CountMax, nil
}

// fill makes what is shown of what was counted.
func (p *overviewPage) fill(now time.Time) {
	c := &p.Counts
	for _, at := range c.cells {
		show := func(n *big.Int) string { return decimals(n, at.currency) }
		p.Money = append(p.Money, moneyRow{at.status.String(), at.currency, at.several, at.orders, show(at.held),
			show(at.kept), show(at.back), show(at.lost), show(at.late)})
		p.Late = p.Late || at.late.Sign() != 0
	}
	for _, r := range c.refused {
		p.Refused = append(p.Refused, refusedOf(r))
	}
	p.Charts = chartsOf(c.hours, c.ends)
	p.Ends, p.Old = c.ends, c.ends.Before(now)
	p.Progress, p.Trouble = c.says()
}

// refusedOf is a reason with its words; one that a newer version wrote has none.
func refusedOf(counted countedWord) refusedRow {
	row := refusedRow{Reason: counted.word, N: counted.n}
	var r order.Reason
	if r.UnmarshalText([]byte(counted.word)) == nil {
		row.Says, row.Remedy = (&order.RejectedError{Reason: r}).Why(), r.Remedy()
	}
	return row
}

// The overview's document; docs/reference/json.md tells it.
type overviewDocument struct {
	At       string            `json:"at"`
	Counting *countingDocument `json:"counting,omitempty"`
	Position string            `json:"position"`
	Lists    []listDocument    `json:"lists"`
	Oldest   *oldestDocument   `json:"oldest,omitempty"`
	Told     []toldDocument    `json:"told,omitempty"`
	Money    []moneyDocument   `json:"money"`
	Refused  []refusedDocument `json:"refused"`
	Hours    []hourDocument    `json:"hours"`
}

type countingDocument struct {
	Read    string `json:"read"`
	Of      string `json:"of,omitempty"`
	Problem string `json:"problem,omitempty"`
}

type listDocument struct {
	Only  string `json:"only"`
	Count string `json:"count,omitempty"`
	More  bool   `json:"more,omitempty"`
}

type oldestDocument struct {
	OrderID string `json:"orderId"`
	Phase   string `json:"phase"`
	Since   string `json:"since"`
}

type moneyDocument struct {
	Status    string           `json:"status"`
	Orders    string           `json:"orders"`
	Held      *documents.Money `json:"held,omitempty"`
	Kept      *documents.Money `json:"kept,omitempty"`
	Refunded  *documents.Money `json:"refunded,omitempty"`
	Disputed  *documents.Money `json:"disputed,omitempty"`
	LateMoney *documents.Money `json:"late,omitempty"`
}

type refusedDocument struct {
	Reason string `json:"reason"`
	Count  string `json:"count"`
}

type hourDocument struct {
	From      string `json:"from"`
	Placed    string `json:"placed,omitempty"`
	Paid      string `json:"paid,omitempty"`
	Cancelled string `json:"cancelled,omitempty"`
	Refunded  string `json:"refunded,omitempty"`
	Refused   string `json:"refused,omitempty"`
	Unknown   string `json:"unknown,omitempty"`
}

func (p *overviewPage) document(at time.Time) any {
	c := &p.Counts
	d := overviewDocument{At: documents.Time(at), Position: strconv.FormatUint(c.Read, 10),
		Counting: c.document(), Lists: []listDocument{}, Money: []moneyDocument{}, Refused: []refusedDocument{},
		Hours: []hourDocument{}}
	for _, l := range p.Lists {
		n := listDocument{Only: l.Word, More: l.More}
		if l.Known {
			n.Count = strconv.FormatInt(l.N, 10)
		}
		d.Lists = append(d.Lists, n)
	}
	if o := p.Oldest; o != nil {
		d.Oldest = &oldestDocument{o.ID, o.Phase, documents.Time(o.Since)}
	}
	for i := range p.Told {
		d.Told = append(d.Told, p.Told[i].document())
	}
	for _, s := range c.cells {
		of := func(n *big.Int) *documents.Money {
			if s.several {
				return nil
			}
			m := &documents.Money{Currency: s.currency, Minor: n.String()}
			if _, known := money.Digits(s.currency); known {
				_, m.Value, _ = strings.Cut(decimals(n, s.currency), " ")
			}
			return m
		}
		d.Money = append(d.Money, moneyDocument{s.status.String(), strconv.FormatInt(s.orders, 10), of(s.held),
			of(s.kept), of(s.back), of(s.lost), of(s.late)})
	}
	for _, r := range c.refused {
		d.Refused = append(d.Refused, refusedDocument{r.word, strconv.FormatUint(r.n, 10)})
	}
	for i, h := range c.hours {
		from := c.ends.Add(time.Duration(i-len(c.hours)) * time.Hour)
		n := documents.Digits
		d.Hours = append(d.Hours, hourDocument{documents.Time(from), n(h.placed), n(h.paid), n(h.cancelled), n(h.refunded),
			n(h.refused), n(h.unknown)})
	}
	return d
}
