package law

import "github.com/tilltape/tilltape/internal/words"

// Effect is what recording a fact does to an order in a given status.
type Effect uint8

// The effects.
const (
	// Impossible: the fact cannot be classified so in this status (there is nothing captured that could be refunded).
	Impossible Effect = iota
	// Ignored: it cannot follow or changes nothing; nothing is appended.
	Ignored
	// Duplicate: known already; nothing is appended.
	Duplicate
	// Noted: appended, changes neither status nor amounts; once.
	Noted
	// Ends: appended, ends the operation or the gateway capture it belongs to; noted where it belongs to neither.
	Ends
	// Applied: appended, moves status and amounts.
	Applied
	// AppliedAnomaly: Applied, and an anomaly beside it.
	AppliedAnomaly
	// Held: appended and kept until the capture it belongs to is known.
	Held
	// LateMoney: appended, the status stays, the amount goes to the late account; an anomaly stands until it is zero.
	LateMoney
	// Released: appended, lets go a refund that was held, and an anomaly beside it: APO says otherwise than before.
	Released
	// Contradicts: only an anomaly is appended, with the fact's evidence.
	Contradicts
	// Apart: appended, changes an amount of its own, of which no status tells.
	Apart
)

var effectNames = [...]string{"impossible", "ignored", "duplicate", "noted", "ends its operation", "applied",
	"applied, anomaly", "held", "late money", "released, anomaly", "anomaly", "counts apart"}

// String is the effect in words.
func (e Effect) String() string { return words.Of(effectNames[:], e) }

// Recorded reports whether the fact itself is appended (a contradiction appends an anomaly instead).
func (e Effect) Recorded() bool {
	switch e {
	case Noted, Ends, Applied, AppliedAnomaly, Held, LateMoney, Released, Apart:
		return true
	}
	return false
}

// Fact is a proven fact as the status table sees it: one that depends on amounts or identities is split, because a
// machine has one target for an event and a status.
type Fact uint8

// The facts. Those marked "split" are what becomes of one that can be given, once it meets its order.
const (
	FactNone             Fact = iota
	PaymentPending            // APO knows the payment and has no result
	PaymentAuthorized         // money is held
	HeldAfterRefund           // split: the same, and a refund counts that nothing captured can be of
	PaymentPaid               // one-step payment done
	PaidBesideCaptures        // split: the same, and captures that such a payment cannot have were told before
	PaidWhole                 // split: the same of an order to be captured: APO says that all of it has moved
	PaidAfterAll              // split: the same by the newest word, of one placed so that was told as authorized
	PaymentOnlyHeld           // split: authorized by the newest word, of one that was told as paid in one step
	HeldBesideCaptures        // split: the same, and captures of it were told
	PaymentFailed             // failed or timed out
	PaymentReversed           // split: the same of one that had succeeded, by no newest word
	PaymentTakenBack          // split: the same by the newest word
	PaymentUndone             // split: authorized or paid before the cancel that is on record, by APO's times
	PaymentRaised             // the authorization holds a larger total; of a cancelled order, one that is late money
	RaiseUndone               // split: of an authorization that the cancel on record let go of
	RaiseContradicts          // split: another total than before, after it failed, or dated after the cancel
	RaiseFailed               // of a raise not known to have succeeded
	CaptureSucceeded          // ours, automatic or foreign
	CaptureAfterRefund        // split: the same, and a refund counts that waited for none
	CaptureFailed             // of a capture not known to have succeeded
	CaptureReversed           // split: the failure of a capture that had succeeded, by no newest word
	CaptureTakenBack          // split: the same by the newest word
	OnlyCaptureTakenBack      // split: the same of the only capture, and nothing is refunded
	CaptureSettled            // split: a capture in doubt, done by a person's word
	RefundSucceeded           // at most what is captured and not refunded
	RefundAhead               // split: beyond captured, within authorized
	RefundBeyond              // split: beyond authorized
	RefundOfLateMoney         // split: at most what is captured late and not refunded
	RefundFailed              // of a refund not known to have succeeded
	RefundReversed            // split: the failure of a refund that had succeeded, by no newest word
	RefundTakenBack           // split: the same by the newest word
	OnlyRefundTakenBack       // split: the same of the only refund
	PaidRefundTakenBack       // split: the same, and the payment was in one step
	HeldMoneyTakenBack        // split: the same of the only refund, and nothing is captured any more
	UnpaidTakenBack           // split: the same of the only capture or refund, and no payment is known
	RefundSettled             // split: a refund in doubt, done by a person's word
	HeldRefundSettled         // split: the same of a payment that is only held
	HeldRefundFailed          // split: the failure of a refund that is held
	PaymentCancelled          // own S, inquiry CANCELLED, a VOID or CANCEL transaction
	CapturedCancelled         // split: the same of captured money, by the newest word
	CancelDated               // split: the same with a time, and the cancel on record has none
	LateMoneyReleased         // split: S to a cancel that compensates, or such a transaction after the late payment
	RestReleased              // split: such a transaction of what a last capture, or the authorization's end, left
	PartReleased              // split: such a transaction of less than was authorized, and nothing says why
	DisputeOpened             // the buyer disputes the payment
	DisputeDue                // its defence is due soon
	DisputeDefended           // documents that defend it are with APO
	DisputeClosed             // it was judged, accepted, withdrawn or resolved
)

var factNames = [...]string{"none", "payment pending", "payment authorized",
	"authorized after a refund", "payment paid",
	"paid beside captures", "paid without a capture", "paid in one step after all", "payment only held",
	"only held beside captures",
	"payment failed", "payment reversed", "payment taken back",
	"payment undone", "payment raised",
	"raise undone", "raise contradicts", "raise failed",
	"capture succeeded", "capture after a refund", "capture failed", "capture reversed",
	"capture taken back", "only capture taken back",
	"capture settled by a person", "refund succeeded",
	"refund ahead of its capture", "refund beyond authorized", "refund of late money", "refund failed", "refund reversed",
	"refund taken back", "only refund taken back", "only refund of a payment taken back",
	"only refund of what is held taken back", "only transfer of no payment taken back", "refund settled by a person",
	"refund of what is held settled by a person",
	"held refund failed", "payment cancelled", "captured payment cancelled", "cancel dated",
	"late authorization released", "rest released",
	"part released", "dispute opened", "dispute due", "dispute defended", "dispute closed"}

const factCount = len(factNames)

// String is the fact in words.
func (f Fact) String() string { return words.Of(factNames[:], f) }

// Facts returns the facts, in order.
func Facts() []Fact {
	out := make([]Fact, 0, factCount-1)
	for f := PaymentPending; int(f) < factCount; f++ {
		out = append(out, f)
	}
	return out
}

// Cell is one entry of the status table. To is the status afterwards.
type Cell struct {
	Effect Effect
	To     Status
}

type statusRow struct {
	fact Fact
	from []Status
	cell Cell
}

// stay leaves the status as it is; it is replaced when the table is compiled.
const stay = Unplaced

// everyStatus is where a dispute can come: it is about money that may have moved long before, and moves no status.
var everyStatus = []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}

// statusRows is status × fact. A pair without a row is Impossible.
var statusRows = []statusRow{
	{PaymentPending, []Status{Created}, Cell{Noted, stay}},
	{PaymentPending, []Status{Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Cell{Ignored, stay}},

	{PaymentAuthorized, []Status{Created}, Cell{Applied, Authorized}},
	{PaymentAuthorized, []Status{Authorized}, Cell{Duplicate, stay}},
	{PaymentAuthorized, []Status{Paid}, Cell{Contradicts, stay}},
	{PaymentAuthorized, []Status{Captured, Refunded}, Cell{Noted, stay}},
	{PaymentAuthorized, []Status{Cancelled}, Cell{LateMoney, stay}},
	{HeldAfterRefund, []Status{Refunded}, Cell{Applied, Authorized}},
	{PaymentAuthorized, []Status{Failed}, Cell{AppliedAnomaly, Authorized}},

	{PaymentPaid, []Status{Created}, Cell{Applied, Paid}},
	{PaymentPaid, []Status{Paid}, Cell{Duplicate, stay}},
	{PaymentPaid, []Status{Captured}, Cell{Applied, Paid}},
	{PaymentPaid, []Status{Refunded}, Cell{Applied, stay}},
	{PaymentPaid, []Status{Cancelled}, Cell{LateMoney, stay}},
	{PaymentPaid, []Status{Failed}, Cell{AppliedAnomaly, Paid}},

	{PaidBesideCaptures, []Status{Captured}, Cell{AppliedAnomaly, Paid}},
	{PaidBesideCaptures, []Status{Refunded}, Cell{AppliedAnomaly, stay}},
	{PaidBesideCaptures, []Status{Cancelled}, Cell{LateMoney, stay}},

	{PaidWhole, []Status{Created, Authorized, Failed}, Cell{AppliedAnomaly, Captured}},
	{PaidWhole, []Status{Captured, Refunded}, Cell{AppliedAnomaly, stay}},
	{PaidWhole, []Status{Cancelled}, Cell{LateMoney, stay}},

	{PaidAfterAll, []Status{Created, Authorized, Captured, Failed}, Cell{AppliedAnomaly, Paid}},
	{PaidAfterAll, []Status{Refunded}, Cell{AppliedAnomaly, stay}},
	{PaidAfterAll, []Status{Cancelled}, Cell{LateMoney, stay}},

	{PaymentOnlyHeld, []Status{Paid, Captured}, Cell{AppliedAnomaly, Authorized}},
	{PaymentOnlyHeld, []Status{Refunded}, Cell{AppliedAnomaly, stay}},
	{PaymentOnlyHeld, []Status{Cancelled}, Cell{LateMoney, stay}},
	{HeldBesideCaptures, []Status{Paid}, Cell{AppliedAnomaly, Captured}},
	{HeldBesideCaptures, []Status{Captured, Refunded}, Cell{AppliedAnomaly, stay}},
	{HeldBesideCaptures, []Status{Cancelled}, Cell{LateMoney, stay}},

	{PaymentFailed, []Status{Created}, Cell{Applied, Failed}},
	{PaymentFailed, []Status{Cancelled}, Cell{Noted, stay}},
	{PaymentFailed, []Status{Failed}, Cell{Duplicate, stay}},
	{PaymentReversed, []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Cell{Contradicts, stay}},
	{PaymentTakenBack, []Status{Created, Authorized, Paid, Captured, Refunded}, Cell{AppliedAnomaly, Failed}},
	{PaymentTakenBack, []Status{Failed}, Cell{Released, stay}},
	{PaymentTakenBack, []Status{Cancelled}, Cell{LateMoney, stay}},

	{PaymentUndone, []Status{Cancelled}, Cell{Applied, stay}},

	{PaymentRaised, []Status{Created, Failed}, Cell{Noted, stay}},
	{PaymentRaised, []Status{Authorized, Captured, Refunded}, Cell{Applied, stay}},
	{PaymentRaised, []Status{Paid}, Cell{Contradicts, stay}},
	{PaymentRaised, []Status{Cancelled}, Cell{LateMoney, stay}},
	{RaiseUndone, []Status{Cancelled}, Cell{Applied, stay}},
	{RaiseContradicts, []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed},
		Cell{Contradicts, stay}},
	{RaiseFailed, []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Cell{Noted, stay}},

	{CaptureSucceeded, []Status{Created, Authorized}, Cell{Applied, Captured}},
	{CaptureSucceeded, []Status{Paid}, Cell{Contradicts, stay}},
	{CaptureSucceeded, []Status{Captured, Refunded}, Cell{Applied, stay}},
	{CaptureSucceeded, []Status{Cancelled}, Cell{LateMoney, stay}},
	{CaptureSucceeded, []Status{Failed}, Cell{AppliedAnomaly, Captured}},
	{CaptureAfterRefund, []Status{Authorized}, Cell{Applied, Refunded}},

	{CaptureFailed, []Status{Created, Cancelled, Failed}, Cell{Noted, stay}},
	{CaptureFailed, []Status{Authorized, Captured, Refunded}, Cell{Ends, stay}},
	{CaptureFailed, []Status{Paid}, Cell{Contradicts, stay}},
	{CaptureReversed, []Status{Authorized, Paid, Captured, Refunded, Cancelled}, Cell{Contradicts, stay}},
	{CaptureTakenBack, []Status{Authorized, Paid, Captured, Refunded}, Cell{AppliedAnomaly, stay}},
	{CaptureTakenBack, []Status{Cancelled}, Cell{LateMoney, stay}},
	{OnlyCaptureTakenBack, []Status{Captured}, Cell{AppliedAnomaly, Authorized}},
	{CaptureSettled, []Status{Created, Authorized, Failed}, Cell{Applied, Captured}},
	{CaptureSettled, []Status{Paid, Captured, Refunded}, Cell{Applied, stay}},
	{CaptureSettled, []Status{Cancelled}, Cell{LateMoney, stay}},

	{RefundSucceeded, []Status{Paid, Captured}, Cell{Applied, Refunded}},
	{RefundSucceeded, []Status{Refunded}, Cell{Applied, stay}},
	{RefundSucceeded, []Status{Cancelled}, Cell{AppliedAnomaly, stay}},
	{RefundAhead, []Status{Created, Authorized, Captured, Refunded, Cancelled, Failed}, Cell{Held, stay}},
	{RefundAhead, []Status{Paid}, Cell{Contradicts, stay}},
	{RefundBeyond, []Status{Created, Cancelled, Failed}, Cell{Held, stay}},
	{RefundBeyond, []Status{Authorized, Paid, Captured, Refunded}, Cell{Contradicts, stay}},
	{RefundOfLateMoney, []Status{Cancelled}, Cell{LateMoney, stay}},

	{RefundFailed, []Status{Created, Authorized, Failed}, Cell{Noted, stay}},
	{RefundFailed, []Status{Paid, Captured, Refunded, Cancelled}, Cell{Ends, stay}},
	{RefundReversed, []Status{Authorized, Paid, Captured, Refunded, Cancelled}, Cell{Contradicts, stay}},
	{RefundTakenBack, []Status{Authorized, Refunded}, Cell{AppliedAnomaly, stay}},
	{RefundTakenBack, []Status{Cancelled}, Cell{LateMoney, stay}},
	{OnlyRefundTakenBack, []Status{Refunded}, Cell{AppliedAnomaly, Captured}},
	{PaidRefundTakenBack, []Status{Refunded}, Cell{AppliedAnomaly, Paid}},
	{HeldMoneyTakenBack, []Status{Refunded}, Cell{AppliedAnomaly, Authorized}},
	{UnpaidTakenBack, []Status{Captured, Refunded}, Cell{AppliedAnomaly, Created}},
	{RefundSettled, []Status{Created, Paid, Captured, Failed}, Cell{Applied, Refunded}},
	{RefundSettled, []Status{Refunded}, Cell{Applied, stay}},
	{RefundSettled, []Status{Cancelled}, Cell{LateMoney, stay}},
	{HeldRefundSettled, []Status{Authorized}, Cell{Applied, stay}},
	{HeldRefundFailed, []Status{Created, Authorized, Captured, Refunded, Cancelled, Failed}, Cell{Released, stay}},

	{PaymentCancelled, []Status{Created, Authorized, Paid, Failed}, Cell{Applied, Cancelled}},
	{PaymentCancelled, []Status{Captured, Refunded}, Cell{Contradicts, stay}},
	{PaymentCancelled, []Status{Cancelled}, Cell{Duplicate, stay}},
	{CapturedCancelled, []Status{Captured, Refunded}, Cell{AppliedAnomaly, Cancelled}},
	{CancelDated, []Status{Cancelled}, Cell{Noted, stay}},
	{LateMoneyReleased, []Status{Cancelled}, Cell{LateMoney, stay}},
	{RestReleased, []Status{Captured, Refunded}, Cell{Ignored, stay}},
	{PartReleased, []Status{Created, Authorized, Paid, Captured, Refunded, Failed}, Cell{Contradicts, stay}},

	{DisputeOpened, everyStatus, Cell{Noted, stay}},
	{DisputeDue, everyStatus, Cell{Noted, stay}},
	{DisputeDefended, everyStatus, Cell{Noted, stay}},
	{DisputeClosed, everyStatus, Cell{Apart, stay}},
}
