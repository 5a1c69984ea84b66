package jsonform

import (
	"bytes"

	"github.com/tilltape/tilltape/events"
)

// The words of the enumerations that facts have, as these say them.
var (
	channels        = vocabulary[events.Channel]()
	captureModes    = vocabulary[events.CaptureMode]()
	cancelCauses    = vocabulary[events.CancelCause]()
	subjects        = vocabulary[events.Subject]()
	inquiryOutcomes = vocabulary[events.InquiryOutcome]()
	resolutions     = vocabulary[events.Resolution]()
	anomalyReasons  = vocabulary[events.AnomalyReason]()
	disputeOutcomes = vocabulary[events.DisputeOutcome]()
)

// part is an object that is left out where it says nothing.
func part[T comparable](f *form, name string, v *T, members func(*form, *T)) {
	var nothing T
	if f.writing && *v == nothing {
		return
	}
	o, ok := f.open(name)
	if !ok {
		return
	}
	members(f, v)
	if !f.writing && *v == nothing {
		f.fail("", "says nothing; leave it out")
	}
	f.close(o)
}

func (f *form) identifier(name string, v *events.Identifier) { part(f, name, v, identifierMembers) }

func identifierMembers(f *form, v *events.Identifier) {
	f.text("paymentId", &v.PaymentID)
	f.text("paymentRequestId", &v.PaymentRequestID)
}

func (f *form) proof(name string, v *events.Proof) { part(f, name, v, proofMembers) }

func proofMembers(f *form, v *events.Proof) {
	word(f, "via", channels, &v.Via)
	f.number("inquiry", &v.Inquiry)
	f.number("attempt", &v.Attempt)
	f.evidence("evidence", &v.Evidence)
}

// evidence may be absent, which is not the same as empty.
func (f *form) evidence(name string, v **events.Evidence) {
	if f.writing && *v == nil {
		return
	}
	o, ok := f.open(name)
	if !ok {
		return
	}
	if !f.writing {
		*v = new(events.Evidence)
	}
	evidenceMembers(f, *v)
	f.close(o)
}

func evidenceMembers(f *form, e *events.Evidence) {
	f.text("method", &e.Method)
	f.text("path", &e.Path)
	f.text("clientId", &e.ClientID)
	f.text("time", &e.Time)
	f.text("keyVersion", &e.KeyVersion)
	f.text("signature", &e.Signature)
	f.bytes("body", &e.Body)
	f.message("message", e.Body)
}

// message is a body decoded, where it is JSON: it says nothing of its own.
func (f *form) message(name string, body []byte) {
	if f.writing {
		if decoded, is := f.decoded(body); is {
			f.name(name)
			f.b = append(f.b, decoded...)
		}
		return
	}
	at := f.member(name)
	if f.err != nil {
		return
	}
	decoded, is := f.decoded(body)
	switch {
	case at < 0 && is:
		f.fail(name, "is missing; the body is JSON, which stands here without spaces")
	case at >= 0 && !is:
		f.fail(name, "is given of a body that is not JSON; leave it out")
	case is:
		want := bytes.Clone(decoded) // the next one may take its place
		if got, is := f.decoded(f.raw(at)); !is || !bytes.Equal(got, want) {
			f.fail(name, "is not what the body says; the body counts, so give that, in its order and with its digits")
		}
	}
}

// decoded is a body in the one form that it has here, until the next one is decoded. is is false where it is not JSON
// in UTF-8 without a name twice in one object, or nested or wide beyond what is shown.
func (f *form) decoded(body []byte) (_ []byte, is bool) {
	if len(body) == 0 {
		return nil, false
	}
	s := &f.copier
	*s = scanner{src: body, depth: MessageDepthMax, naming: true, out: s.out[:0], names: s.names[:0]}
	if is = s.whole(); !is || !s.loose { // as APO writes them, it is in that form already
		return body, is
	}
	*s = scanner{src: body, depth: MessageDepthMax, copying: true, out: s.out[:0], names: s.names[:0]}
	is = s.whole()
	return s.out, is
}
