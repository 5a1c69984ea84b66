package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// meeting is an order in the status, and a fact that its amounts and identities class as that kind.
func meeting(t *testing.T, k law.Fact, s Status) (*till, Fact) {
	x := in(t, s)
	capture := Fact{Kind: CaptureFailed, TransferID: "C8", Code: "RISK_REJECT"}
	refund := Fact{Kind: RefundFailed, TransferID: "F8", Code: "RISK_REJECT"}
	switch k {
	case law.CaptureSucceeded:
		return x, captured("C9", 200)
	case law.CaptureAfterRefund:
		return heldAndRefunded(x, "F1"), captured("C9", 200)
	case law.CaptureFailed:
		return x, capture
	case law.CaptureReversed:
		if s == Cancelled {
			x.observe(captured("C1", 600))
		}
		capture.TransferID = "C1"
		return countsBeside(t, x), capture
	case law.CaptureTakenBack:
		if s == Captured {
			x.observe(captured("C0", 300))
		}
		if s == Cancelled {
			x.observe(captured("C1", 600))
		}
		capture.TransferID = "C1"
		x = countsBeside(t, x)
		return x.asking(), x.newest(capture)
	case law.OnlyCaptureTakenBack:
		capture.TransferID = "C1"
		return x.asking(), x.newest(capture)
	case law.RefundSucceeded:
		if s == Cancelled {
			x = in(t, Paid)
			x.inquire(tells(StateCancelled, cancelled()))
		}
		return x, refunded("F9", 200)
	case law.RefundAhead:
		if s == Cancelled {
			x = in(t, Authorized)
			x.inquire(tells(StateCancelled, cancelled()))
		}
		return x, refunded("F9", 650)
	case law.RefundBeyond:
		return x, refunded("F9", theAmount+1)
	case law.HeldRefundFailed:
		x.observe(refunded("F9", 650))
		refund.TransferID = "F9"
		return x, refund
	case law.DisputeOpened, law.DisputeDue, law.DisputeDefended, law.DisputeClosed:
		return x, disputed(disputeFacts[k], "D1", 300)
	case law.RefundOfLateMoney:
		x.observe(captured("C1", 600))
		return x, refunded("F9", 200)
	case law.HeldMoneyTakenBack:
		x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C1"}))
		refund.TransferID = "F1"
		return x.asking(), x.newest(refund)
	case law.UnpaidTakenBack:
		return takenBackUnpaid(t, s)
	case law.RefundReversed, law.RefundTakenBack, law.OnlyRefundTakenBack, law.PaidRefundTakenBack:
		return refundedAndFailed(t, k, x)
	case law.RefundFailed:
		return x, refund
	}
	return meetingPayment(t, k, s)
}

// meetingPayment is meeting of what tells of the payment as a whole.
func meetingPayment(t *testing.T, k law.Fact, s Status) (*till, Fact) {
	x := in(t, s)
	switch k {
	case law.PaymentPending:
		return x, Fact{Kind: PaymentPending, PaymentID: "P1"}
	case law.PaymentPaid:
		return settledUnpaid(t, s), paid()
	case law.PaidBesideCaptures:
		x = placed(t, CaptureNone)
		if s == Cancelled {
			reach(x, s)
			x.observe(captured("C1", 600))
			return x, paid()
		}
		return unpaid(t, s, CaptureNone), paid()
	case law.PaidWhole:
		return x, paid()
	case law.HeldAfterRefund:
		x = placed(t, CaptureManual)
		x.observe(Fact{Kind: RefundSucceeded, Amount: usd(100)})
		x.inquire(tells(StateProcessing))
		x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "ticket 7"})
		return x, authorized()
	case law.PaymentAuthorized:
		return unpaid(t, s, CaptureManual), authorized()
	case law.PaymentOnlyHeld, law.HeldBesideCaptures:
		return meetingHeld(t, k, s)
	case law.PaidAfterAll:
		return meetingMoved(t, s)
	case law.PaymentFailed:
		return x, failed()
	case law.PaymentReversed, law.PaymentTakenBack, law.CapturedCancelled:
		if s == Cancelled {
			x.observe(authorized())
		}
		f := failed()
		if s == Created || s == Failed { // of what is held a payment is known
			x.observe(refunded("F9", 650))
			f.Code = "RISK_REJECT" // another word than before
		}
		switch k {
		case law.PaymentTakenBack:
			return x.asking(), x.newest(f)
		case law.CapturedCancelled:
			f = x.asking().newest(cancelled())
			f.Proof.Evidence = signed()
		}
		return x, f
	case law.PaymentUndone:
		return cancelledByS(t, CaptureManual), paidAtTime(paidAt)
	case law.PaymentRaised, law.RaiseUndone, law.RaiseContradicts, law.RaiseFailed:
		return meetingRaise(t, k, s)
	case law.PaymentCancelled:
		return x, cancelled()
	case law.CancelDated:
		return x, voided(x.now)
	case law.LateMoneyReleased:
		x.observe(authorized())
		x.later(time.Hour)
		return x, voided(x.now)
	case law.RestReleased:
		return closed(t, s), voidedPart(400)
	case law.PartReleased:
		return x, voidedPart(400)
	}
	require.Fail(t, "no fact of that kind is made here", "%s", k)
	return x, Fact{}
}

// meetingHeld is an order whose payment was told as made in one step, and APO's newest word that it is only held.
func meetingHeld(t *testing.T, k law.Fact, s Status) (*till, Fact) {
	x := placed(t, CaptureManual)
	if s == Paid {
		x = placed(t, CaptureNone)
	}
	if s == Cancelled {
		reach(x, s)
	}
	x.observe(paid())
	switch {
	case k == law.HeldBesideCaptures && s == Paid:
		x.settleOne(tells(StateSuccess, paid(), captured("C1", 600)))
	case k == law.HeldBesideCaptures:
		x.observe(captured("C1", 600))
	}
	if s == Refunded {
		x.observe(refunded("F1", 100))
	}
	require.Equal(t, s, x.o.Status)
	return x.asking(), x.newest(authorized())
}

// refundedAndFailed is an order that knows a refund as done, and the word that it failed.
func refundedAndFailed(t *testing.T, k law.Fact, x *till) (*till, Fact) {
	failed := Fact{Kind: RefundFailed, TransferID: "F1", Code: "RISK_REJECT"}
	switch {
	case x.o.Status == Authorized:
		x = heldAndRefunded(x, "F1")
	case x.o.Status == Cancelled:
		x.observe(captured("C1", 600))
		x.observe(refunded("F1", 100))
	case k == law.RefundTakenBack:
		x.observe(refunded("F0", 100))
	case k == law.PaidRefundTakenBack:
		x = in(t, Paid)
		x.observe(refunded("F1", 100))
	}
	if k == law.RefundReversed {
		return x, failed
	}
	return x.asking(), x.newest(failed)
}

// heldAndRefunded is an authorized order of which a person says that a refund of 100 was done.
func heldAndRefunded(x *till, id string) *till {
	x.observe(refunded(id, 100))
	x.inquire(tells(StateSuccess))
	x.must(Resolve{Record: x.o.Held[0].Version, Resolution: events.ResolvedSucceeded, Statement: "ticket 7"})
	return x
}

// asking has an inquiry under way.
func (x *till) asking() *till {
	x.free()
	x.must(Claim{Inquire: true})
	return x
}

// newest is a fact that the inquiry under way tells.
func (x *till) newest(f Fact) Fact {
	f.Proof = events.Proof{Via: events.ViaInquiry, Inquiry: x.o.Inquiry.Number}
	return f
}

// meetingRaise is meeting of a raise.
func meetingRaise(t *testing.T, k law.Fact, s Status) (*till, Fact) {
	x := in(t, s)
	switch {
	case k == law.PaymentRaised && s == Cancelled:
		x.observe(authorized())
	case k == law.RaiseUndone:
		x = in(t, Authorized)
		x.inquire(tells(StateCancelled, cancelled()))
	case k == law.RaiseContradicts && s == Paid: // what is not held was not raised, so only a failure is on record
		x.observe(raiseFailed("u9"))
	case k == law.RaiseContradicts:
		x.observe(raised("u9", 1400))
	case k == law.RaiseFailed:
		return x, raiseFailed("u9")
	}
	return x, raised("u9", 1500)
}

// settledUnpaid is an order to be paid in one step in the status, whose payment is still to be heard of, where that can
// be: a person has settled what brought it there.
func settledUnpaid(t *testing.T, s Status) *till {
	x := placed(t, CaptureNone)
	switch s {
	case Captured:
		x.observe(captured("", 300)) // which nothing tells from others
	case Refunded:
		x.observe(Fact{Kind: RefundSucceeded, Amount: usd(100)})
	default:
		reach(x, s)
		return x
	}
	x.inquire(tells(StateProcessing))
	x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "ticket 7"})
	require.Equal(t, s, x.o.Status)
	return x
}

// unpaid is an order in the status whose payment is still to be heard of, where that can be: it is noted once, so the
// capture comes before it.
func unpaid(t *testing.T, s Status, mode events.CaptureMode) *till {
	if s != Captured && s != Refunded {
		return in(t, s)
	}
	x := placed(t, mode)
	x.observe(captured("C1", 600))
	if s == Refunded {
		x.observe(refunded("F1", 100))
	}
	return x
}
