package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// demo is the till, the APO it talks to, and what was seen of both.
type demo struct {
	t        terminal
	path     string
	clock    *apotest.Clock
	apo      *apotest.Server
	client   *apo.Client
	verifier *apo.Verifier
	log      *bolt.Log
	orders   *tilltape.Orders
	newID    func() string // nil: the library's own

	seen     int // calls on the wire already told
	refused  int // commands refused before APO
	number   int // of the story
	expected int
	broken   []string
}

func newDemo(t terminal, path string) (*demo, error) { return newDemoOf(t, path, nil) }

// newDemoOf is a demo whose ids are those; nil: the library's own.
func newDemoOf(t terminal, path string, newID func() string) (*demo, error) {
	d := &demo{t: t, path: path, newID: newID, clock: apotest.NewClock(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC))}
	if err := d.begun(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// begun starts APO and opens the till. Where it fails, close ends what was begun.
func (d *demo) begun() (err error) {
	if d.apo, err = apotest.NewServer(&apotest.Config{Now: d.clock.Now, ManualDelivery: true}); err != nil {
		return err
	}
	if d.client, err = apo.NewClient(d.apo.URL(), d.apo.ClientID(), d.apo.Keys(),
		&apo.Config{Now: d.clock.Now, CallTimeout: demoCallTimeout}); err != nil {
		return err
	}
	if d.verifier, err = d.client.Verifier(nil); err != nil {
		return err
	}
	return d.open()
}

// demoCallTimeout is in real time: the lost answers of the demo are cut connections, so it is never waited for.
const demoCallTimeout = 5 * time.Second

// demoConfig is the till's policy: Antom acquires, so its documented windows are known.
func demoConfig(now func() time.Time) *tilltape.Config {
	return &tilltape.Config{Now: now, Actor: "till", Policy: order.Policy{Windows: window.Antom()}}
}

func (d *demo) open() error {
	log, err := bolt.Open(d.path, nil)
	if err != nil {
		return inFlags(err, "name a directory with --dir that can be written")
	}
	cfg := demoConfig(d.clock.Now)
	if d.newID != nil { // whoever wants the same ids every time wants one order at a time
		cfg.NewID, cfg.Concurrency = d.newID, 1
	}
	orders, err := tilltape.New(log, d.client, cfg)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	d.log, d.orders = log, orders
	return nil
}

// shut closes the log, as a process that ends would: bbolt's file belongs to one process at a time.
func (d *demo) shut() error { return errors.Join(d.orders.Close(), d.log.Close()) }

// close ends whatever there is.
func (d *demo) close() {
	if d.orders != nil {
		_ = d.shut()
	}
	if d.client != nil {
		d.client.Close()
	}
	if d.apo != nil {
		_ = d.apo.Close()
	}
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.t.out, "  "+format+"\n", args...) }

func (d *demo) title(text string) { fmt.Fprintf(d.t.out, "%s\n", d.t.paint(bold, text)) }

// begin starts a story, two minutes after the one before.
func (d *demo) begin(title string) {
	d.number++
	d.clock.Advance(2 * time.Minute)
	fmt.Fprintf(d.t.out, "\n%s\n", d.t.paint(bold, fmt.Sprintf("%2d  %s", d.number, title)))
}

// line tells one thing that happened.
func (d *demo) line(id, what string) {
	fmt.Fprintf(d.t.out, "  %s  %-9s  %s\n", d.t.paint(dim, d.clock.Now().Format(time.TimeOnly)), id, what)
}

// expect holds the demo against what must be.
func (d *demo) expect(held bool, format string, args ...any) {
	d.expected++
	if held {
		return
	}
	text := fmt.Sprintf("story %d: expected ", d.number) + fmt.Sprintf(format, args...)
	d.broken = append(d.broken, text)
	d.say("%s %s", d.t.paint(red, "broken:"), text)
}

// wire tells the calls that APO got since last time.
func (d *demo) wire(id string) {
	for _, c := range d.apo.Calls()[d.seen:] {
		d.seen++
		name := "paymentId " + c.PaymentID
		switch {
		case c.RequestID != "":
			name = "request " + c.RequestID
		case c.PaymentID == "":
			name = "paymentRequestId " + c.PaymentRequestID
		}
		answer := strings.TrimSpace(c.Status + " " + c.Code)
		if c.Fault != "" {
			answer += "  [fault: " + c.Fault + "]"
		}
		d.line(id, d.t.paint(cyan, fmt.Sprintf("→ APO %s  %s", c.Op, name)))
		d.line(id, d.t.paint(cyan, "← "+answer))
	}
}

// place puts the order on record and asks APO to collect. The till knows a paymentId once APO has told it, mostly by
// the answer to this call.
func (d *demo) place(ctx context.Context, id, method string, mode events.CaptureMode) error {
	payBy := d.clock.Now().Add(14 * time.Minute)
	placed, err := d.orders.Create(ctx, order.Create{OrderID: id, PaymentRequestID: "pay-" + id, Amount: usd(demoAmount),
		Method: method, Acquirer: window.AcquirerAntom, CaptureMode: mode, PayBy: payBy, Actor: "shop"})
	if err != nil {
		return err
	}
	how := map[events.CaptureMode]string{order.CaptureNone: "paid in one step", order.CaptureAutomatic: "captured by APO",
		order.CaptureManual: "captured by us"}
	d.line(id, fmt.Sprintf("placed: %s by %s, %s", placed.Order.Amount, method, how[mode]))
	captures := map[events.CaptureMode]apo.CaptureMode{order.CaptureAutomatic: apo.CaptureAutomatic,
		order.CaptureManual: apo.CaptureManual}
	answer := d.client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-" + id, Amount: usd(demoAmount), Method: method,
		Capture: captures[mode], OrderID: id, PayBy: payBy})
	d.wire(id)
	for _, fact := range answer.Facts {
		if _, err := d.orders.Observe(ctx, fact); err != nil {
			return err
		}
	}
	if answer.Class == apo.Accepted || answer.Class == apo.Unknown {
		return nil // begun, or perhaps: the story goes on either way
	}
	return fmt.Errorf("%w: the pay call of %s is %s %s", errDemo, id, answer.Class, answer.Code)
}

// demoAmount is what every order of the day comes to, in cents.
const demoAmount = 10_000

func usd(minor int64) order.Money { return order.Money{Minor: minor, Currency: "USD"} }

// hear takes APO's notifications as our endpoint would: verify, observe, and only then acknowledge.
func (d *demo) hear(ctx context.Context, id string) (order.Order, error) {
	var last order.Order
	for _, n := range d.apo.TakeNotifications() {
		v, err := d.verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		if err != nil {
			return last, err
		}
		if last, err = d.orders.Observe(ctx, v); err != nil {
			return last, err
		}
		d.line(id, d.t.paint(cyan, "⇠ APO notifies: "+v.Kind().String())+"; now "+last.Words())
	}
	return last, nil
}

// cancel gives the command and tells how it went.
func (d *demo) cancel(ctx context.Context, id string) (tilltape.Result, error) {
	d.line(id, "cancel")
	result, err := d.orders.Cancel(ctx, id,
		order.Cancel{CommandID: "cancel-" + id, Reason: "the buyer changed their mind", Actor: "alice"})
	d.wire(id)
	d.outcome(id, result, err)
	return result, err
}

// outcome tells where the order stands, or why not where it was meant to.
func (d *demo) outcome(id string, result tilltape.Result, err error) {
	o := &result.Order
	var rejected *order.RejectedError
	switch {
	case errors.As(err, &rejected):
		d.line(id, d.t.paint(yellow, "refused: ")+rejected.Why())
		d.line(id, d.t.paint(yellow, "remedy:  ")+rejected.Remedy)
	case result.Outcome == tilltape.Accepted, result.Outcome == tilltape.Unknown:
		d.line(id, d.t.paint(yellow, fmt.Sprintf("%s, %s; outcome not known, asked again at %s", o.Words(), o.Operation.Phase,
			result.AskAgain.Format(time.TimeOnly))))
	case err != nil:
		d.line(id, d.t.paint(red, err.Error()))
	default:
		d.line(id, d.t.paint(green, o.Words()))
	}
}

// refusedCancel gives a cancel that must be refused for the reason, without a call on the wire.
func (d *demo) refusedCancel(ctx context.Context, id string, reason order.Reason) {
	before := d.apo.Count()
	head, err := d.log.Head(ctx, events.OrderStream(id))
	d.expect(err == nil, "order %s to be on record, got %v", id, err)
	_, err = d.cancel(ctx, id)
	var rejected *order.RejectedError
	d.expect(errors.As(err, &rejected) && rejected.Reason == reason && rejected.Remedy != "",
		"order %s to refuse the cancel as %s with a remedy, got: %v", id, reason, err)
	d.expect(d.apo.Count() == before, "no call to APO for the refused cancel of %s, got %d", id, d.apo.Count()-before)
	d.line(id, d.t.paint(dim, fmt.Sprintf("calls on the wire: %d before, %d after", before, d.apo.Count())))
	if rejected != nil {
		d.recorded(ctx, id, head.Position)
		d.refused++
	}
}

// recordWait bounds how long a refusal may take to be on record. It is in real time.
const recordWait = 5 * time.Second

// recorded waits until the refusal of an order's command is on record after that position. It is written beside the
// answer; a day that went on meanwhile would be another one each time.
func (d *demo) recorded(ctx context.Context, id string, after uint64) {
	ctx, cancel := context.WithTimeout(ctx, recordWait)
	defer cancel()
	for r, err := range d.log.Watch(ctx, store.After(events.Record{Position: after})) {
		if err != nil {
			d.expect(false, "the refusal of order %s to be on record, got %v", id, err)
			return
		}
		if r.Stream == events.RefusalStream(id) {
			return
		}
	}
}

// settle asks APO whatever is due.
func (d *demo) settle(ctx context.Context, id string) (order.Order, error) {
	if _, err := d.orders.SettleDue(ctx); err != nil {
		return order.Order{}, err
	}
	d.wire(id)
	o, err := d.orders.Get(ctx, id)
	if err == nil {
		d.line(id, "settled: "+d.t.paint(green, o.Words()))
	}
	return o, err
}

// balance replays the log and holds it against APO's ledger.
func (d *demo) balance(ctx context.Context) error {
	d.begin("The log against APO's ledger")
	replayed, err := audit.Replay(ctx, d.log, nil)
	if err != nil {
		return err
	}
	for o := range replayed.Orders() {
		t := d.apo.Totals(o.PaymentRequestID)
		ours := [3]int64{o.Authorized + o.Late.Authorized, o.Captured + o.Late.Captured, o.Refunded + o.Late.Refunded}
		theirs := [3]int64{t.Authorized + t.Paid, t.Captured + t.Paid, t.Refunded}
		d.expect(ours == theirs, "order %s to agree with the ledger: authorized, captured, refunded %v here, %v there", o.ID,
			ours, theirs)
		if o.Status == order.Cancelled {
			late := o.Late.Captured - o.Late.Refunded
			d.expect(t.Kept() == late, "order %s, cancelled, to keep no money but what came late (%d), APO says %d", o.ID, late,
				t.Kept())
		}
	}
	d.say("orders %d, facts %d, calls to APO %d, refused before APO %d", replayed.Len(), replayed.Records, d.apo.Count(),
		d.refused)
	d.say("the log replays: every record is legal, and the amounts are the ledger's")
	d.say("look into it: %s replay %s", invoked(os.Args[0]), d.path)
	return nil
}

// invoked is how a program that was started by this name is started again: by go, where that has built it for one run.
func invoked(name string) string {
	if strings.Contains(filepath.ToSlash(name), "/go-build") {
		return "go run ./cmd/tilltape"
	}
	return name
}
