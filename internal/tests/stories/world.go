package stories

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/storetest"
)

// lookEvery is how often a call looks whether APO holds the line.
const lookEvery = 2 * time.Millisecond

// story is the world that one story plays in: APO on loopback, a log of any engine, a clock that only the story
// moves, and one process after the other.
type story struct {
	t         *testing.T
	ctx       context.Context
	engine    storetest.Factory
	rounds    func(whole, everyday int) int
	behaviour apotest.Behaviour

	clock   *apotest.Clock
	server  *apotest.Server // nil until the first line that needs it: until then APO's behaviour can be chosen
	client  *apo.Client
	web     *httptest.Server
	disk    store.Log
	faults  *tilltest.Flaky // on the disk, whichever process writes
	process *process
	over    bool

	err      error // of the newest command
	result   tilltape.Result
	mail     []apotest.Notification // sent by APO, and not arrived yet
	heard    []apotest.Notification // arrived at least once
	codes    []int                  // how those of the newest delivery were answered
	disputes map[string]string      // by order
	crowd    int                    // orders that are spoken of together
}

// process is one run of the service. Once it has died it neither writes nor calls: whatever its goroutines still do is
// lost, as by kill -9.
type process struct {
	store.Log
	tilltape.Gateway
	server  *apotest.Server
	orders  *tilltape.Orders
	handler *notify.Handler
	dead    atomic.Bool
	dying   string // where it dies
	hangUp  context.CancelFunc
}

// deaths are the places where a process can die.
var deaths = []string{"after the intent", "before the call", "after the call", "after the answer"}

func newStory(t *testing.T, engine storetest.Factory, rounds func(whole, everyday int) int) *story {
	return &story{t: t, ctx: t.Context(), engine: engine, rounds: rounds, clock: apotest.NewClock(tilltest.Dawn())}
}

// begin makes the world, once.
func (s *story) begin() {
	if s.server != nil {
		return
	}
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.process.handler.ServeHTTP(w, r)
	}))
	keys := tilltest.ServerKeys()
	var err error
	s.server, err = apotest.NewServer(&apotest.Config{Merchant: keys[0], APO: keys[1], Now: s.clock.Now,
		ManualDelivery: true, NotifyURL: s.web.URL + tilltest.EarPath, Behaviour: s.behaviour})
	require.NoError(s.t, err)
	s.client, err = apo.NewClient(s.server.URL(), s.server.ClientID(), s.server.Keys(), nil)
	require.NoError(s.t, err)
	s.start()
}

// end ends the world, once: before what the engine needs is gone, whichever opening of the log that was made for.
func (s *story) end() {
	if s.over {
		return
	}
	s.over = true
	s.web.Close()
	require.NoError(s.t, s.process.orders.Close())
	require.NoError(s.t, s.disk.Close())
	s.client.Close()
	require.NoError(s.t, s.server.Close())
}

// start runs a new process on what the one before has left behind.
func (s *story) start() {
	switch {
	case s.disk == nil:
		s.disk = s.engine.Open(s.t)
	case s.engine.Reopen != nil:
		s.disk = s.engine.Reopen(s.t, s.disk)
	}
	s.faults = &tilltest.Flaky{Log: s.disk}
	p := &process{Log: s.faults, Gateway: s.client, server: s.server}
	var err error
	p.orders, err = tilltape.New(p, p, &tilltape.Config{Now: s.clock.Now, Policy: order.Policy{Jitter: order.NoJitter}})
	require.NoError(s.t, err)
	verifier, err := s.client.Verifier(nil)
	require.NoError(s.t, err)
	p.handler, err = notify.NewHandler(p.orders, verifier, nil)
	require.NoError(s.t, err)
	s.process = p
	s.t.Cleanup(s.end)
}

// restart ends the process, if it is not dead yet, and runs the next one.
func (s *story) restart() error {
	s.process.dead.Store(true)
	if err := s.process.orders.Close(); err != nil {
		return err
	}
	s.start()
	return nil
}

func (p *process) Append(ctx context.Context, at events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	if p.dead.Load() {
		return nil, tilltest.ErrDead
	}
	out, err := p.Log.Append(ctx, at, after, records...)
	for _, r := range records {
		kind := string(r.Event.Kind())
		ended := strings.Contains(kind, ".succeeded.") || strings.Contains(kind, ".accepted.") ||
			strings.Contains(kind, ".failed.")
		if p.dying == "after the intent" && strings.Contains(kind, ".requested.") || p.dying == "after the answer" && ended {
			p.dead.Store(true)
			return nil, tilltest.ErrDead
		}
	}
	return out, err
}

// Read belongs to the dead process too: what it would tell has nobody to hear it.
func (p *process) Read(ctx context.Context, at events.Stream, after uint64) iter.Seq2[events.Record, error] {
	if p.dead.Load() {
		return func(yield func(events.Record, error) bool) { yield(events.Record{}, tilltest.ErrDead) }
	}
	return p.Log.Read(ctx, at, after)
}

// call makes a command's call, and dies where the story says.
func call[A any](ctx context.Context, p *process, make func(context.Context) A) A {
	var nothing A // the zero answer is unknown
	if p.dying == "before the call" {
		p.dead.Store(true)
	}
	if p.dead.Load() {
		return nothing
	}
	if p.hangUp != nil {
		p.hangUp()
	}
	ctx, timeout := context.WithCancel(ctx)
	defer timeout()
	go p.giveUp(ctx, timeout, p.server.Count())
	a := make(ctx)
	if p.dying == "after the call" {
		p.dead.Store(true)
	}
	return a
}

// giveUp ends a call that APO holds, as the client's timeout would, but at once: with a real one a story would be slow,
// or would fail on a machine that is. before is how many calls there were.
func (p *process) giveUp(ctx context.Context, timeout context.CancelFunc, before int) {
	for tick := time.NewTicker(lookEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		for _, c := range p.server.Calls()[before:] {
			after := strings.Contains(c.Fault, "timeout after") && c.Status != ""
			if after || strings.Contains(c.Fault, "timeout") && !strings.Contains(c.Fault, "after") {
				timeout()
			}
		}
	}
}

func (p *process) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	return call(ctx, p, func(ctx context.Context) apo.CancelAnswer { return p.Gateway.Cancel(ctx, r) })
}

func (p *process) Capture(ctx context.Context, r apo.CaptureRequest) apo.CaptureAnswer {
	return call(ctx, p, func(ctx context.Context) apo.CaptureAnswer { return p.Gateway.Capture(ctx, r) })
}

func (p *process) Refund(ctx context.Context, r apo.RefundRequest) apo.RefundAnswer {
	return call(ctx, p, func(ctx context.Context) apo.RefundAnswer { return p.Gateway.Refund(ctx, r) })
}

// collect takes what APO has sent since.
func (s *story) collect() { s.mail = append(s.mail, s.server.TakeNotifications()...) }

// deliver brings notifications to the service over HTTP, each spoilt by change.
func (s *story) deliver(ns []apotest.Notification, change func(*http.Request)) error {
	s.codes = nil
	if len(ns) == 0 {
		return errors.New("there is none to arrive")
	}
	for _, n := range ns {
		r, err := http.NewRequestWithContext(s.ctx, n.Method, n.URL, bytes.NewReader(n.Body))
		if err != nil {
			return err
		}
		r.Header = n.Header.Clone()
		change(r)
		answer, err := s.web.Client().Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		s.codes = append(s.codes, answer.StatusCode)
	}
	return nil
}

func asSent(*http.Request) {}

// arrive delivers what is in the mail, in whichever way.
func (s *story) arrive(way func([]apotest.Notification) []apotest.Notification) error {
	s.collect()
	ns := way(slices.Clone(s.mail))
	s.heard, s.mail = append(s.heard, s.mail...), nil
	return s.deliver(ns, asSent)
}

// agrees judges the whole log, and holds it against APO's ledger.
func (s *story) agrees() error {
	p, err := audit.Replay(s.ctx, s.disk, nil)
	if err != nil {
		return fmt.Errorf("the log is not lawful: %w", err)
	}
	var problems []error
	for o := range p.Orders() {
		totals := s.server.Totals(o.PaymentRequestID)
		moved, back := totals.Captured+totals.Paid-totals.Reversed, totals.Refunded-totals.Restored
		if kept := o.Captured + o.Late.Captured; kept != moved {
			problems = append(problems, fmt.Errorf("%s: the ledger captured %d, the log %d", o.ID, moved, kept))
		}
		if gone := o.Refunded + o.Late.Refunded; gone != back {
			problems = append(problems, fmt.Errorf("%s: the ledger refunded %d, the log %d", o.ID, back, gone))
		}
	}
	return errors.Join(problems...)
}

func (s *story) get(id string) (order.Order, error) {
	s.begin()
	return s.process.orders.Get(s.ctx, id)
}

// showRefunds lets the service hear an inquiry's answer that somebody got while APO listed the refunds and not yet the
// captures. The simulator never lags so, but its key can sign that it did.
func (s *story) showRefunds(a args) error {
	const path = "/ams/sandbox/api/v1/payments/inquiryPayment"
	var lines []map[string]any
	for _, e := range s.server.Ledger() {
		if e.Kind == apotest.Refunded && e.PaymentRequestID == preq(a) {
			lines = append(lines, map[string]any{"transactionType": "REFUND", "transactionStatus": "SUCCESS",
				"transactionId":        e.ID,
				"transactionRequestId": e.RequestID, "transactionAmount": tilltest.Wire(e.Amount.Minor),
				"transactionTime": tilltest.Stamp(e.Time)})
		}
	}
	o, err := s.get(a["id"])
	if err != nil {
		return err
	}
	text := tilltest.Encode(map[string]any{"result": tilltest.Result("S", "SUCCESS"), "paymentStatus": "SUCCESS",
		"paymentId":        "pay-" + a["id"],
		"paymentRequestId": preq(a), "paymentAmount": tilltest.Wire(o.Amount.Minor), "transactions": lines})
	m := apo.Message{Method: http.MethodPost, Path: path, ClientID: s.server.ClientID(), Time: tilltest.OfficeTime,
		Body: []byte(text)}
	signature, err := m.Sign(tilltest.ServerKeys()[1])
	if err != nil {
		return err
	}
	h := http.Header{}
	h.Set("Client-Id", m.ClientID)
	h.Set("Response-Time", m.Time)
	h.Set("Signature", apo.Signature{KeyVersion: "1", Value: signature}.Header())
	verifier, err := apo.NewVerifier(m.ClientID, s.server.Keys(), nil)
	if err != nil {
		return err
	}
	facts, err := verifier.VerifyAnswer(apo.OpInquirePayment, path, h, m.Body)
	for _, v := range facts {
		_, failed := s.process.orders.Observe(s.ctx, v)
		err = errors.Join(err, failed)
	}
	return err
}
