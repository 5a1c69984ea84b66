package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// APO takes money from a payment in a way that no answer makes plain: by a line of a kind that nobody knows, or by a
// refund without any name. It tells of neither but when it is asked, and only a person can say what became of them.

// oddities is such a line, now and then.
func (l *simLife) oddities(r *rand.Rand) func() {
	return func() {
		if r.IntN(20) != 0 {
			return
		}
		time.Sleep(within(r, 20*day))
		l.bank.at(l.p, func(now time.Time) {
			p := l.p
			left := p.captured() - p.lost() - p.gone()
			if left <= 0 || len(p.voids) > 0 || p.late {
				return
			}
			m := &simMove{id: "odd-" + p.id, minor: 1 + r.Int64N(left), state: apo.StateSuccess, at: now, foreign: true}
			if r.IntN(2) == 0 {
				p.others = append(p.others, m)
				l.bank.befell[lineUnknownKind]++
				return
			}
			m.nameless = true
			p.refunds = append(p.refunds, m)
			l.bank.befell[lineNameless]++
		})
	}
}

// gone is what has gone back, or may.
func (p *simPayment) gone() int64 {
	return total(p.refunds, (*simMove).alive) + total(p.others, settled)
}

// settle is a person who asks APO's support about what no answer makes plain. It reports whether it found any.
func (s *simulation) settle(o *order.Order, round int) (found bool) {
	doubts := map[uint64]bool{}
	for _, record := range o.Doubts() {
		doubts[record] = true
	}
	for r, err := range s.log.Read(context.Background(), events.OrderStream(o.ID), 0) {
		if err != nil || len(doubts) == 0 {
			break
		}
		e, is := r.Event.(events.AnomalyObserved)
		odd := is && (e.Fact == events.KindInquiryAnswered ||
			e.Fact == events.KindRefundSucceeded && e.TransferID == "" && e.RequestID == "")
		if !odd || !doubts[r.Version] {
			continue
		}
		found = true
		if err := s.give(func(ctx context.Context, orders *tilltape.Orders) error {
			_, err := orders.Resolve(ctx, o.ID, order.Resolve{CommandID: fmt.Sprintf("%s-s%d-%d", o.ID, round, r.Version),
				Record: r.Version, Resolution: events.ResolvedSucceeded, Actor: "ann", Statement: "APO support: it took money"})
			return err
		}); err == nil {
			s.bank.mu.Lock()
			s.bank.befell[lineSettled]++
			s.bank.mu.Unlock()
		}
	}
	return found
}
