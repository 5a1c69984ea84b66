package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// simulation is a shop, its buyers, its dashboard and its operators, for years of a bubble's time.
type simulation struct {
	seed uint64
	bank *simBank
	open func() (store.Log, error) // another handle on the log
	log  store.Log                 // the one of who judges, which outlives every process
	ids  *tilltest.Counter

	process atomic.Pointer[simProcess]
	lives   sync.WaitGroup
	letters sync.WaitGroup // notifications on their way
	began   time.Time

	mu       sync.Mutex
	chance   *rand.Rand // of processes
	deaths   int
	problems []string // errors that no caller should ever see
}

// simProcess is one run of the service. A dead one neither writes nor hears.
type simProcess struct {
	store.Log
	world   *simulation
	orders  *tilltape.Orders
	handler *notify.Handler
	dead    atomic.Bool
	over    sync.Once
	stop    func()
}

// start runs a process on the log. Where there is none any more, nobody who waits for one would ever end.
func (s *simulation) start() {
	p := &simProcess{world: s}
	var err error
	if p.Log, err = s.open(); err == nil {
		p.orders, err = tilltape.New(p, simGateway{s.bank, p}, &tilltape.Config{NewID: s.ids.Next, Concurrency: 4})
	}
	if err == nil {
		p.handler, err = notify.NewHandler(p.orders, tilltest.TheOffice().Verifier, nil)
	}
	if err != nil {
		panic(fmt.Sprintf("no process of the service begins any more: %v", err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	p.stop = func() {
		cancel()
		s.mind(<-ended)
		s.mind(p.orders.Close())
		s.mind(p.Log.Close())
	}
	s.process.Store(p)
	go func() { ended <- p.orders.Run(ctx) }() // which may die at once
}

// mind keeps an error that nobody should ever see.
func (s *simulation) mind(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, err.Error())
}

// per reports something that happens to processes so often in a thousand times.
func (s *simulation) per(mille int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chance.IntN(1000) < mille
}

// die ends the process here and now; some time later there is another one.
func (p *simProcess) die() {
	p.dead.Store(true)
	p.over.Do(func() {
		s := p.world
		s.mu.Lock()
		s.deaths++
		down := within(s.chance, 2*time.Minute)
		if s.chance.IntN(10) == 0 {
			down = within(s.chance, 30*time.Hour)
		}
		s.mu.Unlock()
		s.lives.Go(func() {
			p.stop()
			time.Sleep(down)
			s.start()
		})
	})
}

// Append dies before or after it now and then.
func (p *simProcess) Append(ctx context.Context, at events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	p.world.bank.mu.Lock()
	calm := p.world.bank.calm
	p.world.bank.mu.Unlock()
	if !calm && p.world.per(1) {
		p.die()
	}
	if p.dead.Load() {
		return nil, tilltest.ErrDead
	}
	out, err := p.Log.Append(ctx, at, after, records...)
	if !calm && p.world.per(2) {
		p.die()
	}
	if p.dead.Load() {
		return nil, tilltest.ErrDead
	}
	return out, err
}

// Read belongs to the dead process too.
func (p *simProcess) Read(ctx context.Context, at events.Stream, after uint64) iter.Seq2[events.Record, error] {
	if p.dead.Load() {
		return func(yield func(events.Record, error) bool) { yield(events.Record{}, tilltest.ErrDead) }
	}
	return p.Log.Read(ctx, at, after)
}

// deliveries are the waits between APO's tries to notify.
var deliveries = []time.Duration{0, 2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour,
	6 * time.Hour, 15 * time.Hour}

// post sends a notification: late, often, out of order, or never. The ledger's lock is held.
func (s *simulation) post(p *simPayment, delay time.Duration, content map[string]any) {
	if !s.bank.calm {
		switch {
		case content["disputeId"] == nil && p.per(80):
			s.bank.befell["notification lost for good"]++
			return
		case p.per(300):
			s.bank.befell["notification late"]++
			delay += within(p.chance, 12*time.Hour)
		}
	}
	again := p.per(100) && !s.bank.calm
	lossy := rand.New(rand.NewPCG(s.seed, p.chance.Uint64()))
	body := tilltest.Encode(content)
	s.letters.Go(func() {
		time.Sleep(delay + time.Second)
		heard := false
		for _, wait := range deliveries {
			time.Sleep(wait)
			if lossy.IntN(10) == 0 {
				continue // it does not arrive
			}
			if s.deliver(body) {
				heard = true
				if lossy.IntN(10) > 0 { // or its acknowledgement does not
					break
				}
			}
		}
		for !heard && content["disputeId"] != nil { // no inquiry tells of it: somebody asks APO to send it again
			time.Sleep(day)
			heard = s.deliver(body)
		}
		if again {
			time.Sleep(within(lossy, 15*24*time.Hour))
			s.deliver(body)
		}
	})
}

// deliver brings a notification to the process that runs now, and reports whether it was acknowledged.
func (s *simulation) deliver(body string) bool {
	p := s.process.Load()
	if p.dead.Load() {
		return false
	}
	r := httptest.NewRequest(http.MethodPost, tilltest.NotifyPath, bytes.NewReader([]byte(body)))
	r.Header = s.bank.office.Header(tilltest.NotifyPath, "Request-Time", body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Result().Body)
	switch w.Code {
	case http.StatusOK:
		if string(answer) != apo.Acknowledgement {
			s.mind(fmt.Errorf("a notification is acknowledged as %q", answer))
		}
	case http.StatusNotFound, http.StatusServiceUnavailable:
	default:
		s.mind(fmt.Errorf("a genuine notification is answered %d: %s", w.Code, body))
	}
	return w.Code == http.StatusOK
}

// give gives a command to the process that runs now, and again to the next one where that one dies. What a caller may
// be told in the end is a refusal, a failure, or that it is not known yet.
func (s *simulation) give(command func(context.Context, *tilltape.Orders) error) error {
	for {
		p := s.process.Load()
		err := command(context.Background(), p.orders)
		switch {
		case p.dead.Load(): // whatever it answered, nobody heard it
			time.Sleep(30 * time.Second)
			continue
		case err == nil, errors.Is(err, order.ErrRejected), errors.Is(err, order.ErrFailed),
			errors.Is(err, tilltape.ErrUnresolved):
		default:
			s.mind(err)
		}
		return err
	}
}

// verdictOf judges a command's call by the ledger and by what the log had when the call was claimed.
func (s *simulation) verdictOf(p *simPayment, c tilltest.WireCall) string {
	known := s.known(p)
	if first, ok := p.asked[c.Request]; ok && first != c {
		return fmt.Sprintf("its request id asked for %v before", first)
	}
	for id := range p.asked {
		if c.Request != "" && id != c.Request && !known.ended[id] && !(c.Op == apo.OpRefund && known.accepted[id]) {
			return "the outcome of " + id + " is not known"
		}
	}
	if c.Request != "" {
		p.asked[c.Request] = c
	}
	counts := func(m *simMove) bool {
		return m.alive() && m.request != c.Request && !m.nameless && // of which no record has a name
			(!m.foreign || known.ended[m.id] || known.ended[m.request])
	}
	moved := total(p.captures, counts) + total(p.refunds, counts)
	unheard := total(p.captures, func(m *simMove) bool { // which nobody has told us yet
		return m.takenBack && !known.failed[m.id] && !known.failed[m.request]
	})
	captured := p.captured() + unheard
	capturing := p.mode == order.CaptureAutomatic && known.paid && !known.captureFailed
	gone := p.state == apo.StateCancelled && !p.lateHeld && p.byUs
	switch {
	case c.Op == apo.OpCancel && moved > 0:
		return fmt.Sprintf("%d have moved", moved)
	case c.Op == apo.OpCancel && capturing:
		return "APO captures by itself"
	case c.Op == apo.OpCancel && known.cancelled && !p.late && !p.again:
		return "it is known to be cancelled"
	case c.Op == apo.OpCapture && (gone || known.cancelled):
		return "we have cancelled it"
	case c.Op == apo.OpCapture && (p.mode == order.CaptureNone || capturing):
		return "there is nothing for us to capture"
	case c.Op == apo.OpCapture && c.Minor > p.minor-total(p.captures, counts):
		return fmt.Sprintf("of %d are %d captured", p.minor, total(p.captures, counts))
	case c.Op == apo.OpRefund && len(known.disputed) > 0:
		return fmt.Sprintf("a dispute is known to be open: %v", known.disputed)
	case c.Op == apo.OpRefund && c.Minor > captured-known.lost-total(p.refunds, counts):
		return fmt.Sprintf("of %d are %d refunded and %d lost", captured, total(p.refunds, counts), known.lost)
	case c.Op == apo.OpRefund && p.state == apo.StateCancelled && !p.late && (p.byUs || unheard == 0): // else it lapsed
		return "it is cancelled"
	}
	return ""
}

// simKnown is what the log tells of a payment up to its newest claim.
type simKnown struct {
	paid, cancelled, captureFailed bool
	ended, accepted, failed        map[string]bool // movements and requests: that have an end, that APO works on, …
	disputed                       map[string]bool // disputes that are open; the ended ones are among the ended
	lost                           int64
}

func (s *simulation) known(p *simPayment) simKnown {
	var newest, known simKnown
	newest.ended, newest.accepted, newest.failed = map[string]bool{}, map[string]bool{}, map[string]bool{}
	newest.disputed = map[string]bool{}
	for r, err := range s.log.Read(context.Background(), events.OrderStream(p.order), 0) {
		if err != nil {
			return known
		}
		k := &newest
		switch e := r.Event.(type) {
		case events.PaymentAuthorized, events.PaymentPaid:
			k.paid = true
		case events.CancelSucceeded:
			k.cancelled = true
		case events.CaptureSucceeded:
			k.ended[e.CaptureID], k.ended[e.CaptureRequestID] = true, true
		case events.CaptureFailed:
			k.captureFailed = k.captureFailed || e.CaptureRequestID == ""
			k.ended[e.CaptureRequestID], k.failed[e.CaptureRequestID], k.failed[e.CaptureID] = true, true, true
		case events.RefundAccepted:
			k.accepted[e.RefundRequestID] = true
		case events.RefundSucceeded:
			k.ended[e.RefundID], k.ended[e.RefundRequestID] = true, true
		case events.RefundFailed:
			k.ended[e.RefundRequestID] = true
		case events.DisputeOpened, events.DisputeDue, events.DisputeDefended, events.DisputeClosed:
			k.hear(events.PartsOf(e).TransferID, e)
		case events.OperationResolved:
			for id := range p.asked {
				k.ended[id] = true
			}
		}
		if kind := string(r.Event.Kind()); strings.Contains(kind, ".requested.") ||
			strings.Contains(kind, "attempt.started") {
			known = newest
			known.ended, known.accepted, known.failed = maps.Clone(newest.ended), maps.Clone(newest.accepted),
				maps.Clone(newest.failed)
			known.disputed = maps.Clone(newest.disputed)
		}
	}
	return known
}

// hear notes what a fact tells of a dispute: whichever order its messages come in, its end is its end.
func (k *simKnown) hear(id string, e events.Event) {
	if closed, is := e.(events.DisputeClosed); is && !k.ended[id] {
		delete(k.disputed, id)
		k.ended[id] = true
		switch {
		case closed.Lost.Currency != "":
			k.lost += closed.Lost.Minor
		case closed.Outcome != events.DisputeWithdrawn:
			k.lost += closed.Amount.Minor
		}
	} else if !k.ended[id] {
		k.disputed[id] = true
	}
}
