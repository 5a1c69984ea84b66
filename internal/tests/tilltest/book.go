package tilltest

import (
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/order"
)

// Ruling is what the rule book says of a command.
type Ruling string

const (
	Sends   Ruling = "goes to APO"
	Local   Ruling = "done without APO"
	Already Ruling = "in effect already"
	Refusal Ruling = "refused"
)

// Book is a rule book's own order: what a person with pen and paper would keep, fact by fact, from the tables of the
// design. It never looks at the library's order.
type Book struct {
	mode   string // "one-step", "manual", "automatic"
	amount int64

	status                         string
	Authorized, Captured, Refunded int64
	late                           order.Late
	paymentKnown                   bool
	failureKnown                   bool  // APO has called the payment failed before it called it done
	failureTold                    bool  // it has called it failed though it was done
	doubted                        bool  // it has called the payment both
	moved                          bool  // it moved the money at once, so that nothing is held
	raisedTo                       int64 // the largest total that an authorization was raised to
	cancelDated                    bool  // APO signed when it cancelled

	op       string // outstanding command, "" for none
	opMinor  int64
	accepted []noted // refunds that APO works on
	gateway  string  // "", "outstanding", "failed"
	held     []noted
	captures []noted // told before the payment was known
	strange  []noted // captures and refunds that the amounts cannot have: they may stand
	disputes []noted // open ones
	lost     int64   // in disputes that are over
	Trouble  int     // anomalies ever
}

// noted is a capture or refund under the name that its message gives it.
type noted struct {
	what, id string
	minor    int64
}

func NewBook(mode string, amount int64) *Book {
	return &Book{mode: mode, amount: amount, status: "created"}
}

// Command says whether a command may go out, and notes what its answer ("S", "F", "U") makes of the order.
func (b *Book) Command(verb string, minor int64, answer string) Ruling {
	switch verb {
	case "cancel":
		if r := b.cancellable(); r != Sends {
			if r == Local {
				b.status = "cancelled"
			}
			return r
		}
	case "capture":
		ours := b.mode == "manual" || b.mode == "automatic" && b.gateway == "failed"
		if !ours || b.status != "authorized" && b.status != "captured" || b.op != "" || len(b.accepted)+len(b.held) > 0 ||
			len(b.strange) > 0 || b.doubted || minor <= 0 || minor > b.Authorized-b.Captured {
			return Refusal
		}
	case "refund":
		if b.status != "captured" && b.status != "paid" && b.status != "refunded" || b.op != "" || minor <= 0 ||
			len(b.disputes) > 0 || b.doubted ||
			minor > b.Captured-b.Refunded-b.lost-b.mayHaveGoneBack()-sumOf(b.accepted)-sumOf(b.held) {
			return Refusal
		}
	}
	switch {
	case answer == "U":
		b.op, b.opMinor = verb, minor
	case answer == "F":
	case verb == "cancel":
		b.status, b.gateway, b.cancelDated, b.doubted = "cancelled", "", true, false
	case verb == "capture":
		b.captureKnown(minor)
	case verb == "refund":
		b.accepted = append(slices.Clip(b.accepted), noted{verb, "", minor})
	}
	return Sends
}

func (b *Book) cancellable() Ruling {
	switch {
	case b.status == "cancelled":
		return Already
	case b.status == "captured" || b.status == "refunded" || b.op != "" || b.gateway == "outstanding" ||
		len(b.accepted) > 0 || len(b.held) > 0 || len(b.strange) > 0 || len(b.disputes) > 0 || b.lost > 0:
		return Refusal
	case b.status == "failed":
		return Local
	}
	return Sends
}

// PaymentSucceeds is a notification that the payment is authorized, or paid, before or after the moment in which a
// cancel takes effect. Only the first one tells anything.
func (b *Book) PaymentSucceeds(beforeCancel bool) {
	if b.paymentKnown {
		return
	}
	oneStep := b.mode == "one-step"
	if oneStep && max(b.Refunded, b.late.Refunded) > b.amount { // more went back than such a payment has
		b.Trouble++
		return
	}
	b.paymentKnown = true
	held := max(b.amount, b.raisedTo)
	if oneStep {
		held = b.amount
	}
	if b.status == "cancelled" && b.cancelDated && beforeCancel { // the cancel gave it back, whenever we hear of it
		b.Authorized, b.late.Authorized, b.moved = held, 0, oneStep
		if oneStep {
			b.Captured = b.amount
		}
		b.doubted = b.doubted || b.failureKnown && b.stands()
		b.placeHeld()
		return
	}
	switch b.status {
	case "created", "failed":
		if b.status == "failed" {
			b.Trouble++
		}
		b.status, b.Authorized = "authorized", held
		if oneStep {
			b.status, b.Captured, b.moved = "paid", b.amount, true
		}
	case "captured", "refunded":
		if oneStep {
			b.paidBesideCaptures()
		}
	case "cancelled":
		if b.late == (order.Late{}) {
			b.Trouble++
		}
		b.late.Authorized = held
		if oneStep {
			b.late.Captured, b.moved = b.amount, true
			b.noCaptures()
		}
	}
	b.doubted = b.doubted || b.failureKnown && b.stands()
	if b.mode == "automatic" && b.Captured+b.late.Captured < b.amount {
		b.gateway = "outstanding"
	}
	b.placeHeld()
}

// PaymentFails is a notification that it did not succeed.
func (b *Book) PaymentFails() {
	switch b.status {
	case "created":
		if b.stands() {
			b.failureContradicts()
			return
		}
		b.status, b.failureKnown = "failed", true
		if b.op == "cancel" { // there is nothing left to cancel: the cancel has what it wanted
			b.status, b.op = "cancelled", ""
		}
	case "failed":
	case "cancelled":
		switch {
		case b.failureTold: // delivered again, it is no news
		case !b.stands() || b.failureKnown:
			b.failureKnown = true
		default:
			b.failureContradicts()
		}
	default:
		b.failureContradicts()
	}
}

func (b *Book) failureContradicts() {
	b.Trouble++
	b.doubted, b.failureTold = true, true
}

// stands reports whether there is money that a failure of the payment contradicts, or a refund that is held.
func (b *Book) stands() bool {
	left := b.late
	left.Disputed = min(b.lost, left.Captured)
	switch b.status {
	case "created", "failed":
		return len(b.held) > 0
	case "cancelled":
		return !left.IsZero() || len(b.held) > 0
	}
	return true
}

// CaptureSucceeds is a notification of a capture that nobody has told of before; ours is the outstanding one.
func (b *Book) CaptureSucceeds(id string, minor int64, ours bool) {
	captured := b.Captured
	if b.status == "cancelled" {
		captured = b.late.Captured
	}
	if b.status == "paid" || minor > b.full()-captured {
		b.mayStand(noted{"capture", id, minor})
		return
	}
	b.forget("capture", id)
	b.captures = append(slices.Clip(b.captures), noted{"capture", id, minor})
	if b.status == "failed" {
		b.Trouble++
	}
	b.captureKnown(minor)
	if ours {
		b.op = ""
	}
}

func (b *Book) captureKnown(minor int64) {
	switch b.status {
	case "cancelled":
		if b.late == (order.Late{}) {
			b.Trouble++
		}
		if b.Authorized == 0 {
			b.late.Authorized = max(b.amount, b.raisedTo)
		}
		b.late.Captured += minor
		if b.late.Captured >= b.full() {
			b.gateway = ""
		}
	default:
		if b.status != "refunded" {
			b.status = "captured"
		}
		b.Authorized = b.full() // a capture proves the authorization it drew on
		b.Captured += minor
		if b.Captured >= b.full() {
			b.gateway = ""
		}
	}
	b.doubted = b.doubted || b.failureKnown && b.stands()
	b.placeHeld()
	b.endCancel()
}

// RefundSucceeds is a notification of a refund that nobody has told of before.
func (b *Book) RefundSucceeds(id string, minor int64, ours bool) {
	n := noted{"refund", id, minor}
	switch left := b.Captured - b.Refunded; {
	case b.status == "cancelled" && minor <= b.late.Captured-b.late.Refunded:
		b.late.Refunded += minor
	case minor <= left:
		b.Refunded += minor
		if b.status == "cancelled" {
			b.Trouble++
		} else {
			b.status = "refunded"
		}
	case b.status == "cancelled" && b.paymentKnown &&
		minor > max(b.Authorized, b.late.Authorized)-b.Refunded-b.late.Refunded:
		b.mayStand(n)
		return
	case b.status == "created" || b.status == "failed" || b.status == "cancelled":
		b.held = append(b.held, n)
	case b.status == "paid" || minor > b.Authorized-b.Refunded-sumOf(b.held):
		b.mayStand(n)
		return
	default:
		b.held = append(b.held, n)
	}
	b.forget("refund", id)
	switch at := slices.IndexFunc(b.accepted, func(n noted) bool { return n.minor == minor }); {
	case ours && b.op == "refund":
		b.op = ""
	case ours:
		b.accepted = slices.Delete(slices.Clone(b.accepted), at, at+1)
	}
	b.endCancel()
}

// IsDisputed is a notification that a dispute was opened.
func (b *Book) IsDisputed(id string, minor int64) {
	b.disputes = append(b.disputes, noted{"dispute", id, minor})
}

// LosesDispute is a notification that a dispute, told of before or not, took the merchant's money.
func (b *Book) LosesDispute(id string, minor int64) {
	b.disputes = slices.DeleteFunc(slices.Clone(b.disputes), func(n noted) bool { return n.id == id })
	b.lost += minor
}

// OpenDispute is the one that was opened first of those that are not over; empty: none is.
func (b *Book) OpenDispute() string {
	if len(b.disputes) == 0 {
		return ""
	}
	return b.disputes[0].id
}

// mayStand notes what the amounts cannot have.
func (b *Book) mayStand(n noted) {
	b.Trouble++
	b.forget(n.what, n.id)
	b.strange = append(b.strange, n)
}

// forget drops such a note: it has found its place.
func (b *Book) forget(what, id string) {
	b.strange = slices.DeleteFunc(slices.Clone(b.strange), func(n noted) bool { return n.what == what && n.id == id })
}

func (b *Book) mayHaveGoneBack() (minor int64) {
	for _, n := range b.strange {
		if n.what == "refund" {
			minor += n.minor
		}
	}
	return minor
}

// endCancel: once money is known to have moved, an outstanding cancel cannot succeed any more.
func (b *Book) endCancel() {
	if b.op == "cancel" && (b.status == "captured" || b.status == "refunded" || b.Refunded > 0 || len(b.held) > 0) {
		b.op = ""
	}
}

// placeHeld gives held refunds their place once there is money they can have come from.
func (b *Book) placeHeld() {
	for i := 0; i < len(b.held); {
		minor := b.held[i].minor
		fits := minor <= b.Captured-b.Refunded
		lateFits := b.status == "cancelled" && minor <= b.late.Captured-b.late.Refunded
		never := b.paymentKnown && minor > max(b.Authorized, b.late.Authorized)-b.Refunded-b.late.Refunded
		switch {
		case lateFits:
			b.late.Refunded += minor
		case fits:
			b.Refunded += minor
			if b.status == "cancelled" {
				b.Trouble++ // given back twice
			} else {
				b.status = "refunded"
			}
		case never:
			b.mayStand(b.held[i])
		default:
			i++
			continue
		}
		b.held = slices.Delete(b.held, i, i+1)
		if lateFits || fits {
			i = 0
		}
	}
}

func sumOf(all []noted) (total int64) {
	for _, n := range all {
		total += n.minor
	}
	return total
}

// Differs says where the library's order is not what the book says, or nothing.
func (b *Book) Differs(o order.Order) string {
	late := b.late
	late.Disputed = min(b.lost, late.Captured)
	b.doubted = b.doubted && b.stands() // a doubt ends with what it is about
	const form = "%s authorized %d captured %d refunded %d lost %d late %v op %q working on %d gateway %q held %d " +
		"disputed %t doubted %t"
	mine := fmt.Sprintf(form, b.status, b.Authorized, b.Captured, b.Refunded, b.lost, late, b.op, len(b.accepted),
		b.gateway, len(b.held), len(b.disputes) > 0, b.doubted)
	op, gateway := "", ""
	if o.Operation.Outstanding() {
		op = o.Operation.Kind.String()
	}
	if o.Gateway != order.GatewayNone {
		gateway = o.Gateway.String()
	}
	open := slices.ContainsFunc(o.Disputes(), func(d order.Dispute) bool { return !d.Closed })
	theirs := fmt.Sprintf(form, o.Status, o.Authorized, o.Captured, o.Refunded, o.Disputed, o.Late, op, len(o.Accepted),
		gateway, len(o.Held), open, Refuted(o))
	if mine == theirs {
		return ""
	}
	return "the book says " + mine + "; the order is " + theirs
}
