package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// What APO promises and the simulation's ledger keeps.
const (
	authorizationLasts = 7 * 24 * time.Hour
	unpaidLasts        = 14 * time.Minute
	keysLast           = 24 * time.Hour // of payments whose acquirer forgets request ids
)

// simPayment is one payment in the ledger. The ledger's lock guards it.
type simPayment struct {
	order, id, request string
	minor              int64 // what it came to, with what it was raised to
	first              int64 // what was asked for
	mode               events.CaptureMode
	chance             *rand.Rand // whatever befalls this payment: no other one's timing can change it

	exists   bool // the buyer's pay call got through
	state    apo.State
	code     string
	paidAt   time.Time
	expires  time.Time
	closedAt time.Time
	byUs     bool // our cancel closed it
	late     bool // the buyer paid after that
	lateHeld bool // and the money is with us
	captures []*simMove
	refunds  []*simMove
	voids    []*simMove
	raises   []*simMove // each to so much in all
	disputes []*simDispute
	others   []*simMove // of a kind that nobody knows
	beside   bool       // a refund was taken while another was worked on
	again    bool       // the buyer paid after that had failed

	forgets bool      // request ids, after a day
	strict  bool      // a second cancel is ORDER_STATUS_INVALID
	mute    time.Time // until then nobody learns anything
	finals  map[string]simFinal
	asked   map[string]tilltest.WireCall
	calling map[string]int // calls on their way, by what they ask for

	told     string // the newest inquiry's body, and what it proved
	facts    []apo.Verified
	evidence *apo.Evidence
}

// simMove is one movement of money. What APO or the dashboard moved is foreign.
type simMove struct {
	id, request string
	minor       int64
	state       apo.State
	at          time.Time
	foreign     bool
	takenBack   bool // after it was done
	nameless    bool // an inquiry tells it without any identifier
}

func (m *simMove) alive() bool { return m.state == apo.StateSuccess || m.state == apo.StateProcessing }

// simFinal is an answer that APO replays.
type simFinal struct {
	status, code string
	extra        map[string]any
	at           time.Time
	moved        *simMove
}

// again is the answer as it is replayed: what APO worked on may have come to an end.
func (f simFinal) again() simFinal {
	if f.status != "U" {
		return f
	}
	switch f.moved.state {
	case apo.StateSuccess:
		f.status, f.code = "S", "SUCCESS"
	case apo.StateFail:
		f.status, f.code, f.extra = "F", "PROCESS_FAIL", nil
	}
	return f
}

func simRefusal(code string) simFinal { return simFinal{status: "F", code: code} }

func (p *simPayment) card() bool { return p.mode != order.CaptureNone }

// per reports something that happens so often in a thousand times.
func (p *simPayment) per(mille int) bool { return p.chance.IntN(1000) < mille }

// within is some time up to that.
func within(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

func total(moves []*simMove, counts func(*simMove) bool) (minor int64) {
	for _, m := range moves {
		if counts(m) {
			minor += m.minor
		}
	}
	return minor
}

func settled(m *simMove) bool { return m.state == apo.StateSuccess }

// captured is what moved to the merchant.
func (p *simPayment) captured() int64 {
	switch {
	case p.card():
		return total(p.captures, settled)
	case p.paidAt.IsZero():
		return 0
	}
	return p.minor
}

// held is what the buyer's card is blocked for and nobody has captured.
func (p *simPayment) held() int64 {
	if !p.card() || p.paidAt.IsZero() || p.state != apo.StateSuccess && !p.lateHeld ||
		total(p.captures, (*simMove).alive) > 0 {
		return 0
	}
	return p.minor
}

// age lets time do what it does to a payment.
func (p *simPayment) age(now time.Time) {
	switch {
	case p.exists && p.state == apo.StateProcessing && now.Sub(p.closedAt) >= unpaidLasts: // closedAt: since when it waits
		p.state, p.code = apo.StateFail, "ORDER_IS_CLOSED"
	case p.held() > 0 && !now.Before(p.expires):
		p.release(p.expires, "void-x-")
	}
}

// release lets go what is held, or gives back what was paid in one step.
func (p *simPayment) release(now time.Time, prefix string) {
	if !p.paidAt.IsZero() {
		p.voids = append(p.voids, &simMove{id: fmt.Sprint(prefix, p.id, len(p.voids)), minor: p.minor,
			state: apo.StateSuccess, at: now})
	}
	p.state, p.lateHeld, p.closedAt = apo.StateCancelled, false, now
}

// cancel is APO's rule for a cancel.
func (p *simPayment) cancel(now time.Time) simFinal {
	switch {
	case !p.exists:
		return simRefusal("ORDER_NOT_EXIST")
	case p.state == apo.StateFail:
		return simRefusal("ORDER_IS_CLOSED")
	case p.gone() > 0, p.card() && total(p.captures, settled) > 0:
		return simRefusal("PROCESS_FAIL")
	case p.card() && total(p.captures, (*simMove).alive) > 0:
		return simRefusal("ORDER_STATUS_INVALID")
	case p.state == apo.StateCancelled && !p.lateHeld:
		if p.strict {
			return simRefusal("ORDER_STATUS_INVALID")
		}
	default:
		p.release(now, "void-")
		p.byUs = true
	}
	return simFinal{status: "S", code: "SUCCESS",
		extra: map[string]any{"paymentId": p.id, "cancelTime": tilltest.Stamp(p.closedAt)}}
}

// capture is APO's rule for a capture; slow leaves it in process.
func (p *simPayment) capture(now time.Time, request string, minor int64, slow bool) (simFinal, *simMove) {
	switch {
	case !p.exists:
		return simRefusal("AUTH_NOT_FOUND"), nil
	case !p.card() || p.paidAt.IsZero():
		return simRefusal("ORDER_STATUS_INVALID"), nil
	case p.state == apo.StateCancelled && !p.lateHeld:
		return simRefusal("AUTH_CANCELLED"), nil
	case minor > p.minor-total(p.captures, (*simMove).alive):
		return simRefusal("CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"), nil
	}
	m := &simMove{id: fmt.Sprint("cap-", p.id, len(p.captures)), request: request, minor: minor, state: apo.StateSuccess,
		at: now}
	p.captures = append(p.captures, m)
	extra := map[string]any{"captureId": m.id, "captureRequestId": request, "paymentId": p.id,
		"captureAmount": tilltest.Wire(minor), "captureTime": tilltest.Stamp(now)}
	if slow {
		m.state = apo.StateProcessing
		return simFinal{status: "U", code: "CAPTURE_IN_PROCESS", extra: extra}, m
	}
	return simFinal{status: "S", code: "SUCCESS", extra: extra}, m
}

// refund is APO's rule for a refund. It is accepted; when it is done is not known here.
func (p *simPayment) refund(now time.Time, request string, minor int64) (simFinal, *simMove) {
	gone := p.state == apo.StateCancelled && !p.late || !p.card() && len(p.voids) > 0
	if gone || minor > p.captured()-p.lost()-p.gone() {
		return simRefusal("REFUND_AMOUNT_EXCEED"), nil
	}
	working := func(m *simMove) bool { return m.state == apo.StateProcessing }
	p.beside = p.beside || slices.ContainsFunc(p.refunds, working)
	m := &simMove{id: fmt.Sprint("ref-", p.id, len(p.refunds)), request: request, minor: minor, state: apo.StateProcessing,
		at: now}
	p.refunds = append(p.refunds, m)
	return simFinal{status: "S", code: "SUCCESS",
		extra: map[string]any{"refundId": m.id, "refundRequestId": request, "paymentId": p.id,
			"refundAmount": tilltest.Wire(minor), "refundTime": tilltest.Stamp(now)}}, m
}

// picture is what an inquiry tells of a payment, all of it true.
func (p *simPayment) picture() map[string]any {
	content := map[string]any{"result": tilltest.Result("S", "SUCCESS"), "paymentStatus": string(p.state),
		"paymentId": p.id, "paymentRequestId": p.request, "paymentAmount": tilltest.Wire(p.minor)}
	if !p.paidAt.IsZero() {
		content["paymentTime"] = tilltest.Stamp(p.paidAt)
	}
	if !p.expires.IsZero() {
		content["authExpiryTime"] = tilltest.Stamp(p.expires)
	}
	if p.code != "" {
		content["paymentResultCode"] = p.code
	}
	if len(p.captures)+len(p.refunds)+len(p.raises)+len(p.others) == 0 && !p.late {
		return content
	}
	var lines []map[string]any
	add := func(kind string, ms ...*simMove) {
		for _, m := range ms {
			l := map[string]any{"transactionType": kind, "transactionStatus": string(m.state),
				"transactionAmount": tilltest.Wire(m.minor), "transactionTime": tilltest.Stamp(m.at)}
			if !m.nameless {
				l["transactionId"] = m.id
			}
			if m.request != "" {
				l["transactionRequestId"] = m.request
			}
			lines = append(lines, l)
		}
	}
	payment, void := "PAYMENT", "CANCEL"
	if p.card() {
		payment, void = "AUTHORIZATION", "VOID"
	}
	add(payment, &simMove{id: "paid-" + p.id, request: p.request, minor: p.first, state: apo.StateSuccess, at: p.paidAt})
	add("INCREMENTAL", p.raises...)
	add("CAPTURE", p.captures...)
	add("REFUND", p.refunds...)
	add("CHARGEBACK", p.others...)
	add(void, p.voids...)
	content["transactions"] = lines
	return content
}
