package tables

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Query says what a table is of. The zero value asks for everything.
type Query struct {
	Orders []string // ids; none: every order
	Kinds  []string // of movements, as MovementKinds has them; none: all
	// From and Until bound when a movement happened, by APO's word, and when an order was placed: at From or later, and
	// before Until. A zero time is no bound.
	From, Until time.Time
	Progress    func(records uint64) // is told now and then how many were read; may be nil
}

// kindAuthorization is a payment that captured nothing by itself.
const kindAuthorization = "authorization"

// MovementKinds are what a row of movements can be.
func MovementKinds() []string {
	return []string{kindAuthorization, events.TransferPayment.String(), events.TransferRaise.String(),
		events.TransferCapture.String(), events.TransferRefund.String(), events.TransferCancel.String(),
		events.TransferDispute.String()}
}

func kindOf(e *order.Entry) string {
	if e.Transfer == events.TransferPayment && !e.OneStep {
		return kindAuthorization
	}
	return e.Transfer.String()
}

func (q *Query) takes(id string, at time.Time) bool {
	return (len(q.Orders) == 0 || slices.Contains(q.Orders, id)) && (q.From.IsZero() || !at.Before(q.From)) &&
		(q.Until.IsZero() || at.Before(q.Until))
}

func (q *Query) wants(kind string) bool { return len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind) }

// movementColumns are as the page of the guide tells them.
var movementColumns = []string{"time", "order", "movement", "state", "amount", "currency", "by", "reason", "whose",
	"paymentId", "transferId", "requestId", "commandId", "told", "recorded", "position"}

// Movements is the money of all orders as it moved, and every cancel, oldest first. It replays the log, so it is made
// of one whose every record was judged; the error is the replay's. Memory grows with the commands of the log and with
// the rows.
func Movements(ctx context.Context, log store.Reader, q Query) (*Table, error) {
	m := &moving{q: &q, asked: map[asked]*command{}, told: map[place]*fact{}}
	replayed, err := audit.Replay(ctx, log, &audit.Config{Each: m.each, Progress: q.Progress})
	if err != nil {
		return nil, err
	}
	for o := range replayed.Orders() {
		for _, e := range o.Book() {
			f := m.told[place{o.ID, e.Record}]
			if f == nil || e.Transfer == events.TransferDispute || !q.wants(kindOf(&e)) {
				continue // what is only asked for moves nothing, and a dispute's end is a row by itself
			}
			if f.payment == "" { // a refund's notification does not name it
				f.payment = o.PaymentID
			}
			m.rows = append(m.rows, m.booked(f, &e))
		}
	}
	slices.SortFunc(m.rows, func(a, b *movement) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.position, b.position))
	})
	t := &Table{Name: "movements", Columns: movementColumns}
	for _, row := range m.rows {
		t.Rows = append(t.Rows, row.cells())
	}
	return t, nil
}

// moving collects movements.
type moving struct {
	q     *Query
	asked map[asked]*command
	told  map[place]*fact // what may be an entry of a book
	rows  []*movement
}

// asked names a command: by its own id, or by that of the request to APO.
type asked struct{ order, id string }

// place names a record.
type place struct {
	order   string
	version uint64
}

// command is who asked for something, and why.
type command struct{ id, by, reason string }

// fact is what a record told of a movement.
type fact struct {
	at, recorded                   time.Time
	position                       uint64
	order                          string
	payment, transfer, request, on string // ids; on is the command's
	told                           string
	cause                          string // of a cancel that nobody commanded
}

// movement is a row.
type movement struct {
	*fact
	kind, state, whose string
	amount             money.Amount
	command            *command
}

// each takes a record in. Texts are copied: as they are they would keep the record's whole frame.
func (m *moving) each(r events.Record, _ order.Order) error {
	if r.Stream.Category != events.CategoryOrder {
		return nil
	}
	switch e := r.Event.(type) {
	case events.CancelRequested:
		m.ask(&r, "", e.Reason)
	case events.CaptureRequested:
		m.ask(&r, e.CaptureRequestID, "")
	case events.RefundRequested:
		m.ask(&r, e.RefundRequestID, e.Reason)
	default:
		if m.q.takes(r.Stream.ID, r.Occurred) {
			m.tell(&r)
		}
	}
	return nil
}

func (m *moving) ask(r *events.Record, request, reason string) {
	id := strings.Clone(r.Stream.ID)
	c := &command{strings.Clone(r.CommandID), strings.Clone(r.Actor), strings.Clone(reason)}
	m.asked[asked{id, c.id}] = c
	if request != "" {
		m.asked[asked{id, strings.Clone(request)}] = c
	}
}

// tell keeps what a record tells of a movement; whether it is one, the order's book says in the end.
func (m *moving) tell(r *events.Record) {
	f := &fact{at: r.Occurred, recorded: r.Recorded, position: r.Position, on: r.CommandID}
	var proof events.Proof
	switch e := r.Event.(type) {
	case events.PaymentAuthorized:
		f.payment, proof = e.PaymentID, e.Proof
	case events.PaymentPaid:
		f.payment, proof = e.PaymentID, e.Proof
	case events.PaymentRaised:
		f.payment, f.transfer, f.request, proof = e.PaymentID, e.TransactionID, e.UpdateRequestID, e.Proof
	case events.CaptureSucceeded:
		f.payment, f.transfer, f.request, proof = e.PaymentID, e.CaptureID, e.CaptureRequestID, e.Proof
	case events.CaptureFailed:
		f.payment, f.transfer, f.request, proof = e.PaymentID, e.CaptureID, e.CaptureRequestID, e.Proof
	case events.RefundSucceeded:
		f.payment, f.transfer, f.request, proof = e.PaymentID, e.RefundID, e.RefundRequestID, e.Proof
	case events.RefundFailed:
		f.transfer, f.request, proof = e.RefundID, e.RefundRequestID, e.Proof
	case events.RefundHeld:
		f.payment, f.transfer, f.request, proof = e.PaymentID, e.RefundID, e.RefundRequestID, e.Proof
	case events.AnomalyObserved:
		f.payment, f.transfer, f.request, proof = e.PaymentID, e.TransferID, e.RequestID, e.Proof
	case events.CancelSucceeded:
		f.payment, proof = e.PaymentID, e.Proof
	case events.DisputeClosed:
		f.payment, f.transfer, proof = e.PaymentID, e.DisputeID, e.Proof
	default:
		return
	}
	for _, text := range []*string{&f.payment, &f.transfer, &f.request, &f.on} {
		*text = strings.Clone(*text)
	}
	f.order, f.told = strings.Clone(r.Stream.ID), proof.Via.String()
	m.told[place{f.order, r.Version}] = f
	switch e := r.Event.(type) {
	case events.CancelSucceeded:
		if e.Cause != events.CauseRequested {
			f.cause = e.Cause.String()
		}
		m.direct(f, events.TransferCancel.String(), "done", money.Amount{})
	case events.DisputeClosed:
		m.direct(f, events.TransferDispute.String(), e.Outcome.String(), e.Lost)
	}
}

// direct is a row that no entry of a book stands for.
func (m *moving) direct(f *fact, kind, state string, amount money.Amount) {
	if !m.q.wants(kind) {
		return
	}
	row := &movement{fact: f, kind: kind, state: state, amount: amount, command: m.asked[asked{f.order, f.on}]}
	switch {
	case row.command != nil:
		row.whose = "ours"
	case kind == events.TransferCancel.String():
		row.whose = "elsewhere"
	}
	m.rows = append(m.rows, row)
}

// booked is the row of a book's entry.
func (m *moving) booked(f *fact, e *order.Entry) *movement {
	row := &movement{fact: f, kind: kindOf(e), amount: e.Amount, state: "counted", whose: "elsewhere"}
	switch {
	case e.TakenBack:
		row.state = "taken back"
	case e.Failed:
		row.state = "failed"
	case e.Contradicted:
		row.state = "contradicted"
	case e.Held:
		row.state = "held"
	case e.Late:
		row.state = "late"
	}
	switch {
	case e.Ours:
		row.whose = "ours"
		if row.command = m.asked[asked{f.order, f.request}]; row.command == nil || f.request == "" {
			row.command = m.asked[asked{f.order, f.on}]
		}
	case e.Gateway:
		row.whose = "apo"
	case e.Transfer == events.TransferPayment:
		row.whose = "buyer"
	}
	return row
}

func (row *movement) cells() []Cell {
	c := row.command
	if c == nil {
		c = &command{id: row.on, reason: row.cause}
	}
	currency := row.amount.Currency
	return []Cell{Time(row.at), Text(row.order), Text(row.kind), Text(row.state), Amount(row.amount), Text(currency),
		Text(c.by), Text(c.reason), Text(row.whose), Text(row.payment), Text(row.transfer), Text(row.request), Text(c.id),
		Text(row.told), Time(row.recorded), Text(strconv.FormatUint(row.position, 10))}
}
