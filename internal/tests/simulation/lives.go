package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// simLife is one order's: its buyer, whoever serves the buyer, and somebody at the dashboard.
type simLife struct {
	*simulation
	id     string
	p      *simPayment
	minor  int64 // what was ordered
	chance *rand.Rand
	n      int // commands so far
}

const day = 24 * time.Hour

// live is the life of the nth order.
func (s *simulation) live(n int) {
	l := &simLife{simulation: s, id: fmt.Sprint("o-", n), chance: rand.New(rand.NewPCG(s.seed, uint64(n)))}
	modes := []events.CaptureMode{order.CaptureNone, order.CaptureManual, order.CaptureManual, order.CaptureAutomatic}
	mode, minor := modes[l.chance.IntN(len(modes))], 100+l.chance.Int64N(100_000)
	l.p, l.minor = s.bank.register(l.id, minor, mode), minor
	method := apotest.MethodCard
	if mode == order.CaptureNone {
		method = "ALIPAY_CN"
	}
	place := order.Create{OrderID: l.id, PaymentRequestID: l.p.request, Amount: tilltest.USD(minor), Method: method,
		CaptureMode: mode}
	if !l.per(100) {
		place.PayBy = time.Now().Add(unpaidLasts)
	}
	if l.per(300) {
		place.PaymentID = l.p.id
	}
	if l.give(func(ctx context.Context, o *tilltape.Orders) error { _, err := o.Create(ctx, place); return err }) != nil {
		l.mind(fmt.Errorf("%s could not be placed", l.id))
		return
	}
	var crowd sync.WaitGroup
	crowd.Go(l.buyer(rand.New(rand.NewPCG(s.seed, uint64(n)<<8+1))))
	crowd.Go(l.dashboard(rand.New(rand.NewPCG(s.seed, uint64(n)<<8+2))))
	crowd.Go(l.disputes(rand.New(rand.NewPCG(s.seed, uint64(n)<<8+3))))
	crowd.Go(l.raises(rand.New(rand.NewPCG(s.seed, uint64(n)<<8+4))))
	crowd.Go(l.oddities(rand.New(rand.NewPCG(s.seed, uint64(n)<<8+5))))
	l.service()
	crowd.Wait()
}

func (l *simLife) per(mille int) bool { return l.chance.IntN(1000) < mille }

func (l *simLife) wait(most time.Duration) { time.Sleep(within(l.chance, most)) }

// buyer pays, is declined, goes away, or never got as far.
func (l *simLife) buyer(r *rand.Rand) func() {
	return func() {
		time.Sleep(within(r, time.Minute))
		if r.IntN(25) == 0 {
			return // the call to pay was lost
		}
		l.bank.at(l.p, func(time.Time) { l.p.exists = true })
		time.Sleep(within(r, unpaidLasts-2*time.Minute))
		switch r.IntN(20) {
		case 0:
			return
		case 1:
			l.declined(r)
			return
		}
		l.bank.at(l.p, func(now time.Time) { l.bank.pays(l.p, now, r.IntN(2) == 0) })
	}
}

// pays is the buyer's payment, late where it was cancelled meanwhile and the buyer goes on with it.
func (b *simBank) pays(p *simPayment, now time.Time, insists bool) {
	switch {
	case p.state == apo.StateCancelled && insists:
		p.late, p.lateHeld = true, true
		b.befell["paid late"]++
	case p.state != apo.StateProcessing:
		return
	default:
		p.state = apo.StateSuccess
	}
	p.paidAt = now
	n := tilltest.Notice{Payment: p.id, PaymentRequest: p.request, Minor: p.minor, At: now}
	if p.card() {
		p.expires = now.Add(authorizationLasts)
		n.Expires = p.expires
	}
	b.notify(p, 0, n.Content("PAYMENT_RESULT", "", "", "paymentAmount", "paymentTime"))
	if p.mode == order.CaptureAutomatic {
		m := &simMove{id: "auto-" + p.id, minor: p.minor, state: apo.StateProcessing, at: now, foreign: true}
		p.captures = append(p.captures, m)
		takes, fails := within(p.chance, time.Hour), p.per(100)
		if p.per(150) {
			takes = within(p.chance, 3*day)
		}
		if fails {
			b.befell["automatic capture failed"]++
		}
		go func() {
			time.Sleep(takes)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.end(p, apo.OpCapture, m, fails)
		}()
	}
}

// dashboard is somebody who captures or refunds without telling us.
func (l *simLife) dashboard(r *rand.Rand) func() {
	move := func(moves *[]*simMove, kind string, minor int64, now time.Time) {
		m := &simMove{id: fmt.Sprint(kind, "-d-", l.p.id, len(*moves)),
			request: fmt.Sprint("dash-", kind, l.p.id, len(*moves)), minor: minor,
			state: apo.StateSuccess, at: now, foreign: true}
		*moves = append(*moves, m)
		op := apo.OpRefund
		if kind == "cap" {
			op = apo.OpCapture
		}
		l.bank.befell["dashboard "+kind]++
		l.bank.end(l.p, op, m, false)
	}
	return func() {
		if r.IntN(12) == 0 {
			time.Sleep(within(r, 3*day))
			l.bank.at(l.p, func(now time.Time) {
				if l.p.held() > 0 && !l.p.late {
					move(&l.p.captures, "cap", 1+r.Int64N(l.p.minor), now)
				}
			})
		}
		for range r.IntN(12) - 9 {
			time.Sleep(within(r, 15*day))
			l.bank.at(l.p, func(now time.Time) {
				left := l.p.captured() - l.p.lost() - l.p.gone()
				if left > 0 && len(l.p.voids) == 0 {
					move(&l.p.refunds, "ref", 1+r.Int64N(left), now)
				}
			})
		}
	}
}

// service is what the shop wants of the order.
func (l *simLife) service() {
	if l.per(120) {
		l.wait(20 * time.Minute)
		l.cancel()
	}
	l.wait(3 * day)
	switch {
	case l.per(80):
		var both sync.WaitGroup
		other := &simLife{simulation: l.simulation, id: l.id, p: l.p, minor: l.minor,
			chance: rand.New(rand.NewPCG(l.seed, l.chance.Uint64())), n: 100}
		both.Go(l.cancel)
		both.Go(other.capture)
		both.Wait()
	case l.per(250):
		l.cancel()
	case l.p.mode == order.CaptureManual && l.per(850), l.p.mode == order.CaptureAutomatic && l.per(50):
		l.capture()
	}
	for range l.chance.IntN(4) {
		l.wait(8 * day)
		switch {
		case l.per(100):
			l.cancel()
		case l.per(100):
			l.capture()
		case l.per(300): // ticket by ticket
			for range 2 + l.chance.IntN(3) {
				l.refundOf(1 + l.minor/10)
			}
		default:
			l.refund()
		}
	}
}

// insist gives a command and, as callers do, repeats it under its id a few times where its outcome is not known.
func (l *simLife) insist(command func(id string) func(context.Context, *tilltape.Orders) error) {
	l.n++
	id := fmt.Sprintf("%s-c%d", l.id, l.n)
	for l.give(command(id)) != nil && l.per(300) {
		l.wait(10 * time.Minute)
	}
}

func (l *simLife) cancel() {
	l.insist(func(id string) func(context.Context, *tilltape.Orders) error {
		return func(ctx context.Context, o *tilltape.Orders) error {
			_, err := o.Cancel(ctx, l.id, order.Cancel{CommandID: id})
			return err
		}
	})
}

func (l *simLife) capture() {
	amount := tilltest.USD(l.minor)
	if l.per(300) {
		amount = tilltest.USD(1 + l.chance.Int64N(l.minor))
	}
	l.insist(func(id string) func(context.Context, *tilltape.Orders) error {
		return func(ctx context.Context, o *tilltape.Orders) error {
			_, err := o.Capture(ctx, l.id, order.Capture{CommandID: id, Amount: amount})
			return err
		}
	})
}

func (l *simLife) refund() {
	if l.per(300) {
		l.refundOf(l.minor)
	} else {
		l.refundOf(1 + l.chance.Int64N(l.minor))
	}
}

func (l *simLife) refundOf(minor int64) {
	amount := tilltest.USD(minor)
	l.insist(func(id string) func(context.Context, *tilltape.Orders) error {
		return func(ctx context.Context, o *tilltape.Orders) error {
			_, err := o.Refund(ctx, l.id, order.Refund{CommandID: id, Amount: amount})
			return err
		}
	})
}

// operate is the weekly round of whoever looks at what stands open.
func (s *simulation) operate(round int) {
	p := s.process.Load()
	if p.dead.Load() {
		return
	}
	ctx := context.Background()
	for o, err := range p.orders.Outstanding(ctx) {
		if err != nil {
			break // it died
		}
		for _, p := range o.Operations() {
			if p.Phase == order.Parked {
				s.resolve(&o, &p, round)
			}
		}
	}
	for o, err := range p.orders.Anomalies(ctx) {
		if err != nil {
			break
		}
		if !s.settle(&o, round) {
			s.compensate(&o, round)
		}
	}
}

// resolve asks APO's support, which knows the ledger.
func (s *simulation) resolve(o *order.Order, p *order.Operation, round int) {
	pay, done := s.bank.payments[o.PaymentRequestID], false
	s.bank.mu.Lock()
	switch p.Kind {
	case order.CallCancel:
		done = pay.state == apo.StateCancelled && !pay.lateHeld
	default:
		done = slices.ContainsFunc(slices.Concat(pay.captures, pay.refunds), func(m *simMove) bool {
			return m.request == p.RequestID && m.alive()
		})
	}
	s.bank.befell["parked"]++
	s.bank.mu.Unlock()
	if done {
		return // the next inquiry proves it
	}
	_ = s.give(func(ctx context.Context, orders *tilltape.Orders) error {
		_, err := orders.Resolve(ctx, o.ID,
			order.Resolve{CommandID: fmt.Sprintf("%s-r%d-%d", o.ID, round, p.Intent), Record: p.Intent,
				Resolution: events.ResolvedFailed, Actor: "ann",
				Statement: "APO support: it was never done"})
		return err
	})
}

// compensate gives late money back; what APO has already given back is only to be cleared.
func (s *simulation) compensate(o *order.Order, round int) {
	pay := s.bank.payments[o.PaymentRequestID]
	s.bank.mu.Lock()
	late := pay.late || pay.ownCancel(o)
	s.bank.befell["anomaly"]++
	s.bank.mu.Unlock()
	_ = s.give(func(ctx context.Context, orders *tilltape.Orders) error {
		if late {
			_, err := orders.Compensate(ctx, o.ID, order.Compensate{CommandID: fmt.Sprintf("%s-k%d", o.ID, round)})
			return err
		}
		_, err := orders.ClearAnomaly(ctx, o.ID,
			order.ClearAnomaly{CommandID: fmt.Sprintf("%s-k%d", o.ID, round), Anomaly: o.Anomalies[0].Version,
				Reason: "the cancel gave it back"})
		return err
	})
}
