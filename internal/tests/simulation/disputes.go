package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tilltape/tilltape/internal/tests/tilltest"
)

// simDispute is a dispute in the ledger.
type simDispute struct {
	id    string
	minor int64
	lost  int64 // once it is over
}

// lost is what disputes took from the merchant.
func (p *simPayment) lost() (minor int64) {
	for _, d := range p.disputes {
		minor += d.lost
	}
	return minor
}

// ends are the ends of a dispute, and what stands in the message of each.
var ends = []struct {
	kind  string
	takes bool
	more  map[string]any
}{
	{"DISPUTE_JUDGED", true, map[string]any{"disputeJudgedResult": "ACCEPT_BY_MERCHANT"}},
	{"DISPUTE_JUDGED", false, map[string]any{"disputeJudgedResult": "ACCEPT_BY_CUSTOMER"}},
	{"DISPUTE_ACCEPTED", true, map[string]any{"disputeAcceptReason": "TIMEOUT"}},
	{"DISPUTE_CANCELLED", false, nil},
	{"RDR_RESOLVED", true, nil},
}

// disputes is a buyer who disputes what was paid, weeks later, and what becomes of that.
func (l *simLife) disputes(r *rand.Rand) func() {
	return func() {
		for range max(0, r.IntN(12)-9) {
			time.Sleep(within(r, 20*day))
			d := &simDispute{}
			l.bank.at(l.p, func(now time.Time) {
				if left := l.p.captured() - l.p.lost(); left > 0 && !(len(l.p.voids) > 0 && !l.p.card()) {
					d.id, d.minor = fmt.Sprint("dispute-", l.p.id, len(l.p.disputes)), 1+r.Int64N(left)
					l.p.disputes = append(l.p.disputes, d)
					l.bank.befell["disputed"]++
					l.bank.dispute(l.p, d, "DISPUTE_CREATED", map[string]any{"disputeTime": tilltest.Stamp(now),
						"defenseDueTime": tilltest.Stamp(now.Add(7 * day))})
				}
			})
			if d.id == "" {
				continue
			}
			time.Sleep(within(r, 6*day))
			defended, end := r.IntN(2) == 0, ends[r.IntN(len(ends))]
			l.bank.at(l.p, func(now time.Time) {
				if defended {
					l.bank.dispute(l.p, d, "DEFENSE_SUPPLIED", nil)
				} else {
					l.bank.dispute(l.p, d, "DEFENSE_DUE_ALERT", map[string]any{"defenseDueTime": tilltest.Stamp(now.Add(day))})
				}
			})
			time.Sleep(within(r, 20*day))
			l.bank.at(l.p, func(now time.Time) { l.bank.rule(l.p, d, now, end.kind, end.takes, end.more) })
		}
	}
}

// rule ends a dispute.
func (b *simBank) rule(p *simPayment, d *simDispute, now time.Time, kind string, takes bool, words map[string]any) {
	more := map[string]any{}
	for name, word := range words {
		more[name] = word
	}
	if takes {
		d.lost = d.minor
		b.befell["dispute lost"]++
	}
	switch kind {
	case "DISPUTE_JUDGED":
		more["disputeJudgedTime"], more["disputeJudgedAmount"] = tilltest.Stamp(now), tilltest.Wire(d.lost)
	case "DISPUTE_ACCEPTED":
		more["disputeAcceptTime"] = tilltest.Stamp(now)
	}
	b.dispute(p, d, kind, more)
}

// dispute tells of a dispute. No inquiry does, so that a message which APO's tries never bring would leave the log
// without it: they are late here, come twice and out of order, and are not lost for good.
func (b *simBank) dispute(p *simPayment, d *simDispute, kind string, more map[string]any) {
	b.notify(p, 0, tilltest.DisputeContent(kind, tilltest.Notice{Payment: p.id, PaymentRequest: p.request, Transfer: d.id,
		Minor: d.minor}, more))
}
