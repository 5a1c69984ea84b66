package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// raises is somebody at the desk who asks for more than was authorized, once or twice, while all of it is still held: a
// guest who stays another night.
func (l *simLife) raises(r *rand.Rand) func() {
	return func() {
		for range max(0, r.IntN(9)-6) {
			time.Sleep(within(r, 2*day))
			l.bank.at(l.p, func(now time.Time) {
				if l.p.mode == order.CaptureManual && l.p.held() > 0 && !l.p.late {
					l.bank.raise(l.p, now, l.p.minor+1+r.Int64N(l.p.first), r.IntN(4) > 0)
				}
			})
		}
	}
}

// raise is APO's: the authorization comes to so much in all, or is refused and holds what it held.
func (b *simBank) raise(p *simPayment, now time.Time, total int64, well bool) {
	m := &simMove{id: fmt.Sprint("inc-", p.id, len(p.raises)), request: fmt.Sprint("update-", p.id, len(p.raises)),
		minor: total, state: apo.StateSuccess, at: now, foreign: true}
	n := tilltest.Notice{Payment: p.id, PaymentRequest: p.request, Request: m.request, Minor: total, At: p.paidAt}
	if well {
		p.minor = total
		b.befell[lineRaised]++
	} else {
		m.state, n.Code = apo.StateFail, "RISK_REJECT"
		b.befell[lineRaiseFailed]++
	}
	p.raises = append(p.raises, m)
	b.notify(p, 0, n.Content("UPDATE_AMOUNT_RESULT", "", "updateRequestId", "paymentAmount", "paymentTime"))
}
