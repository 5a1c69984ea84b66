package order

import (
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// observeCapture records a capture that APO proved: ours, its own or foreign.
func (d *decision) observeCapture(f *Fact) {
	o := &d.o
	id, request := digest(f.TransferID), digest(f.RequestID)
	ours := o.Operation.Kind == CallCapture && f.RequestID == o.Operation.RequestID
	if ours && f.Amount != o.Operation.Amount {
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s captured, we asked for %s", f.Amount, o.Operation.Amount))
		return
	}
	if a, b := o.find(captures, id, 0), o.find(captures, 0, request); a >= 0 && b >= 0 && a != b && !d.unite(f, a, b) {
		if one(&o.book[a], &o.book[b], f.Amount.Minor) {
			d.emitCapture(f)
		} else {
			d.anomaly(events.TransferContradicts, f, twoAreOne)
		}
		return
	}
	at := o.findCapture(id, request, f.Amount.Minor)
	if o.counted(at) {
		if !d.settle(f, at) {
			d.seenAgain(f, &o.book[at], id, request)
		}
		return
	}
	if o.movedOnRecord(at, f) || d.observeEither(f, at, id, request) || d.observeOtherwise(f, at) {
		return
	}
	if at < 0 && id == 0 && request == 0 && f.Amount.Minor != o.fullAmount() {
		d.anomaly(events.TransferContradicts, f, "a partial capture without an identifier cannot be told from others")
		return
	}
	cell := o.cell(o.captureRow())
	remain := o.uncaptured(cell.Effect)
	switch {
	case cell.Effect == law.Contradicts:
		d.anomaly(events.StatusContradicts, f, "the order is "+o.Status.String())
		return
	case f.Amount.Minor > remain:
		d.anomaly(events.BeyondAuthorized, f,
			fmt.Sprintf("%s captured, %s of %s remain", f.Amount, o.money(remain), o.money(o.fullAmount())))
		return
	}
	revived := at >= 0 && o.book[at].is(transferFailed)
	d.emitCapture(f)
	switch {
	case cell.Effect == law.LateMoney:
		d.lateMoney(f)
	case cell.Effect == law.AppliedAnomaly:
		d.anomaly(events.PaymentRevived, f, "the payment had failed")
	case revived:
		d.anomaly(events.TransferContradicts, f, "the capture had failed")
	}
}

// askedForNothing reports whether a capture is a last one of ours that captures nothing: under way, or known.
func (o *Order) askedForNothing(id, request string) bool {
	if p := &o.Operation; p.Kind == CallCapture && p.Last && p.Amount.Minor == 0 && p.RequestID == request {
		return true
	}
	at := o.placed(captures, id, request)
	return o.counted(at) && o.book[at].minor == 0
}

func (d *decision) emitCapture(f *Fact) {
	d.emit(events.CaptureSucceeded{CaptureID: f.TransferID, CaptureRequestID: f.RequestID, PaymentID: f.PaymentID,
		Amount: f.Amount, At: f.At, Due: d.reconcileDue(0), Proof: f.Proof})
}

func (d *decision) observeCaptureFailed(f *Fact) {
	o := &d.o
	ours := o.Operation.Kind == CallCapture && f.RequestID == o.Operation.RequestID
	d.uniteNamed(f)
	at := o.failingNow(f)
	if o.failedBefore(at, &f.Proof) && !o.book[at].failedOther(f) {
		if o.ownAfterAll(at, f) {
			told := o.book[at].version
			d.emitCaptureFailed(f)
			d.endPending(told, ownFailed)
		}
		return
	}
	if o.counted(at) && o.book[at].id == 0 && o.book[at].request == 0 && f.Amount.Minor > 0 &&
		f.Amount.Minor != o.book[at].minor {
		d.failedAnother(f, o.book[at].minor)
		return
	}
	kind := o.failure(captures, at, &f.Proof)
	switch cell := o.cell(kind); cell.Effect {
	case law.AppliedAnomaly, law.LateMoney:
		doubt := o.book[at].doubt
		d.emitCaptureFailed(f)
		d.tellReversal(f, doubt, "a capture that had succeeded failed")
	case law.Contradicts:
		if kind == law.CaptureReversed {
			d.anomaly(events.Reversal, f, "a capture that had succeeded failed")
		} else {
			d.anomaly(events.StatusContradicts, f, "the order is "+o.Status.String())
		}
	case law.Noted, law.Ends:
		switch {
		case !ours && o.failsAnother(f):
			d.failedAnother(f, o.fullAmount())
			return
		case f.TransferID == "" && f.RequestID == "" && o.Gateway != GatewayOutstanding && !o.awaitsGateway():
			return // nothing to note it by, and nothing that waits for it
		}
		d.emitCaptureFailed(f)
	}
}

// failedAnother tells of a failure that names no request, and is of another amount than APO's own capture.
func (d *decision) failedAnother(f *Fact, own int64) {
	d.anomaly(events.TransferContradicts, f,
		fmt.Sprintf("a capture of %s failed; APO's own is of %s", f.Amount, d.o.money(own)))
}

func (d *decision) emitCaptureFailed(f *Fact) {
	d.emit(events.CaptureFailed{CaptureID: f.TransferID, CaptureRequestID: f.RequestID, PaymentID: f.PaymentID,
		Code: f.Code, Message: clip(f.Message), At: f.At, Proof: f.Proof})
}

// ownAfterAll reports whether what failed as another capture than APO's own, by its amount, is APO's own now: the
// payment is of that amount after all.
func (o *Order) ownAfterAll(at int, f *Fact) bool {
	t := &o.book[at]
	return t.failedApart() && t.minor == o.fullAmount() && f.RequestID == "" && o.Gateway == GatewayOutstanding
}

// failedBefore reports whether a failure says nothing new of the transfer at that place: it has failed, or is in doubt,
// and this word is not the newest.
func (o *Order) failedBefore(at int, p *events.Proof) bool {
	return at >= 0 && (o.book[at].is(transferFailed) || o.book[at].doubt != 0 && !o.supersedes(p, &o.book[at]))
}

// failsAnother reports whether a failure that names no request is of another amount than APO's own capture, for which
// it would be taken on record. Only a person can say whose it was.
func (o *Order) failsAnother(f *Fact) bool {
	return f.RequestID == "" && f.Amount.Minor > 0 && f.Amount.Minor != o.fullAmount() &&
		(o.Gateway == GatewayOutstanding || o.awaitsGateway())
}

// awaitsGateway reports whether a payment still to be heard of would open a gateway capture, whose result may come
// first: where it was placed to be paid in one step, it does if APO calls it authorized.
func (o *Order) awaitsGateway() bool { return o.CaptureMode != CaptureManual && !o.paymentKnown() }

// The failure of a capture that names no request may come before its payment is known, and tell another amount than
// what was ordered. Where the payment is authorized of that amount, it is APO's own capture that has failed: whichever
// comes first, the end is one.

// failedApart reports whether a transfer is such a capture.
func (t *transfer) failedApart() bool {
	return t.ownFailure() && t.minor > 0 && !t.has(markTakenBack)
}

// failedOther reports whether a transfer is such a capture, and the failure tells of another amount; of a capture with
// an id it may leave the amount out.
func (t *transfer) failedOther(f *Fact) bool {
	return t.failedApart() && t.minor != f.Amount.Minor && (t.id == 0 || f.Amount.Minor > 0)
}

// foldFailedApart remembers such a failure, also one that comes while APO's own capture is waited for: it may be told
// again without its amount.
func (o *Order) foldFailedApart(r *events.Record, e *events.AnomalyObserved) {
	if e.Fact != events.KindCaptureFailed || e.Reason != events.TransferContradicts || e.RequestID != "" ||
		e.Amount.Minor <= 0 || e.Amount.Currency != o.Amount.Currency ||
		!o.awaitsGateway() && o.Gateway != GatewayOutstanding {
		return
	}
	record := uint32(r.Version)
	switch at := o.failing(captures, e.TransferID, ""); {
	case at < 0:
		o.enter(-1, &transfer{kind: captures, id: digest(e.TransferID), minor: e.Amount.Minor, standing: transferFailed,
			owner: ownerGateway, version: record})
	case o.book[at].is(transferFailed) && o.book[at].version == record: // APO had worked on it
		o.book = slices.Clone(o.book)
		o.book[at].owner = ownerGateway
	default:
		o.foldOwnFailure(at, record, e.Amount.Minor)
	}
}

// foldOwnFailure remembers without a name that a capture has failed, before the payment is known, where under its own
// name another word stands in the way: the payment says whose it was.
func (o *Order) foldOwnFailure(at int, record uint32, minor int64) {
	t := &o.book[at]
	if t.kind != captures || t.request != 0 || o.counted(at) || !o.awaitsGateway() {
		return
	}
	own := func(k transfer) bool { return k.ownFailure() && k.id == 0 && k.minor == minor }
	if (t.id != 0 || t.is(transferContradicted)) && !slices.ContainsFunc(o.book, own) {
		o.enter(-1, &transfer{kind: captures, minor: minor, standing: transferFailed, owner: ownerGateway, version: record})
	}
}

// ownFailure reports whether a transfer is a capture without a request that has failed by APO's word, as its own may.
func (t *transfer) ownFailure() bool {
	return t.kind == captures && t.is(transferFailed) && t.owner == ownerGateway && t.request == 0
}
