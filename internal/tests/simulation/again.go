package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// APO says of a payment that it has failed, and then that it was done: the buyer's first card was declined, and another
// one works under the same payment. The shop may have cancelled its order in between without asking APO, since nothing
// was paid.

// declined is the buyer's card that does not work, and perhaps another one that does.
func (l *simLife) declined(r *rand.Rand) {
	refused := false
	l.bank.at(l.p, func(now time.Time) {
		if refused = l.p.state == apo.StateProcessing; refused {
			l.p.state, l.p.code = apo.StateFail, apotest.CodeDeclined
			l.bank.notify(l.p, 0, tilltest.Notice{Payment: l.p.id, PaymentRequest: l.p.request, Code: l.p.code,
				Minor: l.p.minor, At: now}.
				Content("PAYMENT_RESULT", "", "", "paymentAmount", "paymentTime"))
		}
	})
	if !refused || r.IntN(2) == 0 {
		return
	}
	time.Sleep(within(r, 3*time.Minute))
	l.bank.at(l.p, func(now time.Time) {
		if now.Sub(l.p.closedAt) >= unpaidLasts {
			return // nobody can pay it any more
		}
		l.p.state, l.p.code, l.p.again = apo.StateProcessing, "", true
		l.bank.befell[linePaidAgain]++
		l.bank.pays(l.p, now, false)
	})
}

// ownCancel reports whether an order was cancelled without APO, whose payment was done after all: its money is late,
// and goes back by a refund, or by a cancel.
func (p *simPayment) ownCancel(o *order.Order) bool {
	return p.again && p.state == apo.StateSuccess && o.Status == order.Cancelled
}
