package viewer

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/internal/path"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
)

// orderPage is an order with its whole story.
type orderPage struct {
	Order    order.Order
	Known    bool // false: there are refusals of an order that was never placed
	Words    string
	How      string // it is captured
	Needs    bool
	Bars     []*amountBar
	Open     []openRow
	Legal    []actionRow
	Not      []actionRow
	Entries  []entryRow
	Left     int // earlier entries that are not shown
	Machines template.HTML
	Messages []messageRow
	Keys     bool // there are some to hold signatures against
}

type openRow struct{ What, Says string }

type actionRow struct {
	Verb, Max, Why, Remedy string
	Record                 uint64
	LegalAt                time.Time
}

type entryRow struct {
	Version  uint64
	At       time.Time
	What     string
	Who, Via string
	Why      string
	Call     string
	Code     string
	Unknown  string
	Then     string
	Refused  bool
	Alarm    bool
	Message  bool // the record keeps one
}

type messageRow struct {
	Version uint64
	At      time.Time
	Via     string
	Line    string // what APO signed before the body
	Verdict string // in a word, for programs
	Says    string
	Holds   bool
	Bad     bool
	Body    string
}

// story is an order's history under way: its newest entries are kept.
type story struct {
	rows     []entryRow
	docs     []documents.Entry
	messages []messageRow
	left     int
	last     order.Order
	path     *path.Path
}

func (v *Viewer) order(ctx context.Context, q *request) (*answer, error) {
	id := q.query.Get("id")
	if id == "" {
		return nil, problemOf(http.StatusBadRequest, "Say which order: /order?id=…")
	}
	s := &story{path: path.New(id)}
	for e, err := range audit.History(ctx, v.log, id) {
		if err != nil {
			return nil, err
		}
		if err := v.tell(s, &e, q.json); err != nil {
			return nil, err
		}
	}
	p := &orderPage{Order: s.last, Known: s.last.Version > 0, Entries: s.rows, Left: s.left, Messages: s.messages,
		Keys: len(v.cfg.Keys) > 0}
	p.Order.ID = id
	doc := orderPageDocument{Earlier: documents.Digits(uint64(s.left)), History: s.docs, Messages: []messageDocument{}}
	if p.Known {
		cfg := v.reader.Config()
		actions := s.last.Actions(order.Env{Now: v.now(), NewID: cfg.NewID, Policy: cfg.Policy})
		p.fill(actions)
		whole, err := documents.OrderOf(s.last, actions)
		if err != nil {
			return nil, err
		}
		doc.Order, doc.Actions = whole.Order, whole.Actions
	}
	for _, m := range s.messages {
		doc.Messages = append(doc.Messages, messageDocument{documents.Digits(m.Version), m.Verdict})
	}
	p.Machines = template.HTML(s.path.Inline()) // it escapes what is in it
	return &answer{template: "order", document: doc,
		shell: shell{Title: "Order " + words.Plain(id), Page: "order", Live: true, Follows: id, Body: p}}, nil
}

// The order's document; docs/reference/json.md tells it.
type orderPageDocument struct {
	Order    json.RawMessage    `json:"order,omitempty"`
	Actions  []documents.Action `json:"actions,omitempty"`
	Earlier  string             `json:"earlier,omitempty"`
	History  []documents.Entry  `json:"history"`
	Messages []messageDocument  `json:"messages"`
}

type messageDocument struct {
	Version   string `json:"version"`
	Signature string `json:"signature"`
}

// tell takes the next entry in.
func (v *Viewer) tell(s *story, e *audit.Entry, program bool) error {
	s.last = e.Order
	s.path.Take(e)
	if len(s.rows) == TimelineMax {
		s.rows, s.left = s.rows[1:], s.left+1
	}
	row := entryOf(e)
	if kept := events.PartsOf(e.Record.Event).Proof; kept.Evidence != nil {
		row.Message = true
		m, err := v.message(e, &kept)
		if err != nil {
			return err
		}
		if len(s.messages) == TimelineMax {
			s.messages = s.messages[1:]
		}
		s.messages = append(s.messages, m)
	}
	s.rows = append(s.rows, row)
	if !program {
		return nil
	}
	if len(s.docs) == TimelineMax {
		s.docs = s.docs[1:]
	}
	doc, err := documents.EntryOf(e)
	s.docs = append(s.docs, doc)
	return err
}

func entryOf(e *audit.Entry) entryRow {
	row := entryRow{Version: e.Record.Version, At: e.Record.Recorded, What: e.What, Who: e.Record.Actor,
		Via: viaWords(e.Via), Why: e.Why, Call: callWords(e.Call), Code: e.Code, Then: e.Order.Words(), Refused: e.Refused}
	if e.Unknown > 0 {
		row.Unknown = span(e.Unknown)
	}
	_, row.Alarm = e.Record.Event.(events.AnomalyObserved)
	return row
}

// message is what APO signed, with whether it did.
func (v *Viewer) message(e *audit.Entry, kept *events.Proof) (messageRow, error) {
	m := messageRow{Version: e.Record.Version, At: e.Record.Recorded, Via: viaWords(kept.Via),
		Line: fmt.Sprintf("%s %s, %s", kept.Evidence.Method, kept.Evidence.Path, kept.Evidence.Time),
		Body: readable(kept.Evidence.Body), Verdict: "not checked",
		Says: "signature not checked"}
	if len(v.cfg.Keys) == 0 {
		return m, nil
	}
	problem, err := audit.CheckSignature(apo.Evidence(*kept.Evidence), v.cfg.Keys)
	if err != nil {
		return m, err
	}
	switch problem {
	case 0:
		m.Verdict, m.Says, m.Holds = "holds", "signature holds", true
	case audit.NoKey:
		m.Says += fmt.Sprintf(": no key of version %q given", kept.Evidence.KeyVersion)
	default:
		m.Verdict, m.Says, m.Bad = problem.String(), problem.String(), true
	}
	return m, nil
}

// readable is a message's body for people: indented where it is JSON.
func readable(body []byte) string {
	var parsed json.RawMessage
	if json.Unmarshal(body, &parsed) != nil {
		return words.Plain(string(body))
	}
	indented, err := json.MarshalIndent(parsed, "", "  ")
	if err != nil {
		return words.Plain(string(body))
	}
	return string(indented)
}

// fill makes what is shown of an order.
func (p *orderPage) fill(actions []order.Action) {
	o := &p.Order
	p.Words, p.Needs = o.Words(), o.Words() == "needs attention"
	p.How = map[events.CaptureMode]string{order.CaptureNone: "paid in one step",
		order.CaptureAutomatic: "captured by APO", order.CaptureManual: "captured by us"}[o.CaptureMode]
	p.bars()
	p.open()
	for _, a := range actions {
		row := actionRow{Verb: a.Verb.String()}
		if documents.Done(o, &a) {
			continue
		}
		if a.Legal {
			if a.Max.Currency != "" {
				row.Max = "up to " + a.Max.String()
			}
			p.Legal = append(p.Legal, row)
			continue
		}
		if e := a.Rejected; e != nil && a.Verb != order.VerbCreate { // it is placed, as everybody sees
			row.Why, row.Remedy, row.Record, row.LegalAt = e.Why(), e.Remedy, e.Cause.Version, e.LegalAt
			p.Not = append(p.Not, row)
		}
	}
}

// bars draw the amounts.
func (p *orderPage) bars() {
	o := &p.Order
	currency := o.Amount.Currency
	held, open := int64(0), int64(0)
	if o.Status == order.Authorized || o.Status == order.Captured {
		held = o.Capturable()
	}
	for _, d := range o.Disputes() {
		if !d.Closed {
			open += d.Amount.Minor
		}
	}
	kept := o.Captured - o.Refunded - o.Disputed
	open = min(open, kept)
	whole := max(o.Amount.Minor, o.Authorized, o.Captured)
	p.Bars = append(p.Bars, barOf("Ordered", currency, o.Amount.Minor, []piece{
		{"kept", "captured, and kept", kept - open}, {"risk", "captured, and disputed", open},
		{"back", "refunded", o.Refunded}, {"lost", "lost in disputes", o.Disputed},
		{"held", "authorized, not captured", held},
		{"none", "not authorized, or given up", whole - kept - o.Refunded - o.Disputed - held}}))
	if l := o.Late; l != (order.Late{}) {
		all := max(l.Authorized, l.Captured)
		p.Bars = append(p.Bars, barOf("Came late", currency, all, []piece{
			{"risk", "still here", all - l.Refunded - l.Disputed}, {"back", "given back", l.Refunded},
			{"lost", "lost in disputes", l.Disputed}}))
	}
}

// open tells what nobody has decided yet.
func (p *orderPage) open() {
	o := &p.Order
	add := func(what, format string, args ...any) {
		p.Open = append(p.Open, openRow{what, fmt.Sprintf(format, args...)})
	}
	at := func(t time.Time) string { return momentOf(t).Human }
	for _, op := range o.Operations() {
		says := fmt.Sprintf("%s since %s, asked %s", op.Phase, at(op.Since), times(op.Attempt))
		if op.Code != "" {
			says += ", newest code " + op.Code
		}
		if !op.Due.IsZero() {
			says += ", due " + at(op.Due)
		}
		what := op.Verb().String()
		if op.Amount.Currency != "" {
			what += " " + op.Amount.String()
		}
		add(what, "%s (record %d)", says, op.Intent)
	}
	if o.Gateway == order.GatewayOutstanding {
		add("capture by APO", "APO captures by itself, and has not told the end of it")
	}
	for _, a := range o.Anomalies {
		add("anomaly", "%s since %s (record %d)", a.Reason, at(a.At), a.Version)
	}
	for _, record := range o.Doubts() {
		add("in doubt", "what record %d tells", record)
	}
	for _, h := range o.Held {
		add("held refund", "%s, whose capture is not known (record %d)", minorWords(h.Minor, o.Amount.Currency), h.Version)
	}
	for _, d := range o.Disputes() {
		if d.Closed {
			continue
		}
		says := d.Amount.String()
		switch {
		case d.Defended:
			says += ", defended"
		case d.Undefendable:
			says += ", which cannot be defended"
		case !d.DefendBy.IsZero():
			says += ", to be defended by " + at(d.DefendBy)
		}
		add("dispute", "%s (record %d)", says, d.Version)
	}
	if next := o.NextDue(); !next.IsZero() {
		add("next", "APO is asked at %s", at(next))
	}
}
