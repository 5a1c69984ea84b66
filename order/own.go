package order

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// While APO captures by itself, what it works on without a request is that. It may work on two, and the failure of one
// ends its own capture: so each that APO names stands in the book, and what is left when that has failed may stand.

// awaitOwn records that APO works on its own capture, by the name that this is told with first.
func (d *decision) awaitOwn(f *Fact) {
	if d.o.awaitsAnew(f.about(), f.TransferID, f.RequestID, &f.Proof) {
		d.emit(events.CaptureAccepted{CaptureID: f.TransferID, Code: f.Code, Proof: f.Proof})
	}
}

// awaitsAnew reports whether that is news: of one that had failed by the newest word.
func (o *Order) awaitsAnew(kind transferKind, id, request string, p *events.Proof) bool {
	if kind != captures || id == "" || request != "" || o.Gateway != GatewayOutstanding {
		return false
	}
	at := o.placed(captures, id, "")
	return at < 0 || o.book[at].is(transferFailed) && o.supersedes(p, &o.book[at])
}

// judgeAwaited holds such a record against what is on record.
func (o *Order) judgeAwaited(e *events.CaptureAccepted) string {
	return first(when(e.Attempt != 0, "answers an attempt and names no request"),
		when(!o.awaitsAnew(captures, e.CaptureID, "", &e.Proof), "tells nothing of a capture that APO makes by itself"))
}

func (o *Order) foldAwaited(r *events.Record, e *events.CaptureAccepted) {
	o.enter(o.placed(captures, e.CaptureID, ""), &transfer{kind: captures, id: digest(e.CaptureID),
		standing: transferAwaited, owner: ownerGateway, version: uint32(r.Version)})
}

// endAwaited drops what APO worked on by itself, once it is done with that.
func (o *Order) endAwaited() {
	if awaited := func(t transfer) bool { return t.is(transferAwaited) }; slices.ContainsFunc(o.book, awaited) {
		o.book = slices.DeleteFunc(slices.Clone(o.book), awaited)
	}
}

// doubtAwaited puts in doubt what APO worked on by itself when another one of its own has failed, and has APO asked.
func (o *Order) doubtAwaited(r *events.Record) {
	doubted := false
	for i := range o.book {
		if !o.book[i].is(transferAwaited) {
			continue
		}
		if !doubted {
			o.book, doubted = slices.Clone(o.book), true
		}
		t := &o.book[i]
		t.standing, t.at = transferContradicted, r.Recorded.UnixNano()
		t.set(markOwn|markPending, true)
	}
	if doubted {
		o.watchSoon(r)
	}
}

// untold reports whether a transfer is in doubt that APO worked on by itself, and no anomaly tells of it yet.
func (o *Order) untold(at int) bool {
	return at >= 0 && o.book[at].is(transferContradicted) && o.book[at].has(markOwn)
}

// asOwn reports whether a transfer that APO works on may be its own capture: it has no request.
func (t *transfer) asOwn() bool {
	return t.kind == captures && t.is(transferContradicted) && t.has(markPending) && t.request == 0
}

// ownAfterAll is why the anomaly about what turns out to be APO's own capture is closed: nothing is known of its end.
const ownAfterAll = "the payment is authorized, and this is APO's own capture of it"

// ownFailed is why the anomaly about the failure of a capture is closed that turns out to be APO's own.
const ownFailed = "the payment is authorized, and APO's own capture of it has failed"

// emitAuthorized records an authorization, and closes the anomalies of what is APO's own capture by it.
func (d *decision) emitAuthorized(e events.PaymentAuthorized) {
	var own []uint32
	for i := range d.o.book {
		if t := &d.o.book[i]; t.asOwn() || t.failedApart() && t.minor == e.Amount.Minor {
			own = append(own, t.version)
		}
	}
	d.emit(e)
	why := ownAfterAll
	if d.o.Gateway == GatewayFailed {
		why = ownFailed
	}
	for _, record := range own {
		d.endPending(record, why)
	}
}

// retireOwn ends the doubt of what was told of APO's own capture before anybody knew that there would be one.
func (o *Order) retireOwn() {
	if !slices.ContainsFunc(o.book, func(t transfer) bool { return t.asOwn() }) {
		return
	}
	o.book = slices.DeleteFunc(slices.Clone(o.book), func(t transfer) bool { return t.asOwn() && t.id == 0 })
	for i := range o.book {
		if t := &o.book[i]; t.asOwn() {
			t.standing, t.owner, t.marks, t.doubt, t.at = transferAwaited, ownerGateway, 0, 0, 0
		}
	}
}

// APO's own capture may never be told the end of. A day later a person may say what became of it, after an inquiry.

// ownCapture reports whether a record stands for APO's own capture, under way for so long that a person may settle it.
func (o *Order) ownCapture(record uint64, now time.Time) bool {
	return record != 0 && record == uint64(o.gateway) && o.Gateway == GatewayOutstanding &&
		now.Sub(time.Unix(0, o.gatewayAt)) >= heldQuietly
}

// failAwaited takes a person's word that APO's own capture has failed for what APO works on by itself. Of several
// nobody knows which that was.
func (o *Order) failAwaited(r *events.Record) {
	count := 0
	for i := range o.book {
		if o.book[i].is(transferAwaited) {
			count++
		}
	}
	if count > 1 {
		o.doubtAwaited(r)
		return
	}
	o.endAwaited()
}

// foldOwnCapture takes a person's word on APO's own capture: it was done, of all that was not captured yet, or it has
// failed, and the capture is ours to make.
func (o *Order) foldOwnCapture(r *events.Record, e *events.TransferResolved) {
	if !o.ownCapture(e.Record, r.Recorded) {
		return
	}
	if e.Resolution != events.ResolvedSucceeded {
		o.Gateway = o.Gateway.after(law.EventFailed)
		o.failAwaited(r)
		return
	}
	cell := o.cell(law.CaptureSettled)
	t := transfer{kind: captures, version: uint32(r.Version), owner: ownerGateway, marks: markSettled,
		minor: o.uncaptured(cell.Effect)}
	t.set(markLate, cell.Effect == law.LateMoney)
	o.enter(-1, &t)
	o.Gateway = o.Gateway.after(law.EventCaptured)
	o.endAwaited()
	o.move(Status(cell.To), r)
	o.rememberSettled(r, captures)
}
