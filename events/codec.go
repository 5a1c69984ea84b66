package events

import (
	"fmt"
	"strconv"
	"strings"
)

// upcast lifts a payload from one version of its kind to the next.
type upcast func(payload []byte) ([]byte, error)

// kindCodec reads and writes the newest version of one kind, and lifts older ones to it.
type kindCodec struct {
	version uint64
	encode  func(Event) ([]byte, error)
	decode  func(payload []byte, text string) (Event, error)
	upcasts map[uint64]upcast // by the version they lift
}

// codec knows kinds by name, the version left out.
type codec map[string]kindCodec

// current is the codec of this version of the library. It is never written to after it is made.
var current = codec{}.
	with(entry(KindOrderCreated, walkOrderCreated)).
	with(entry(KindPaymentPending, walkPaymentPending)).
	with(entry(KindPaymentAuthorized, walkPaymentAuthorized)).
	with(entry(KindPaymentPaid, walkPaymentPaid)).
	with(entry(KindPaymentFailed, walkPaymentFailed)).
	with(entry(KindCancelRequested, walkCancelRequested)).
	with(entry(KindCancelSucceeded, walkCancelSucceeded)).
	with(entry(KindCancelFailed, walkCancelFailed)).
	with(entry(KindCancelUnresolved, walkCancelUnresolved)).
	with(entry(KindCaptureRequested, walkCaptureRequested)).
	with(entry(KindCaptureAccepted, walkCaptureAccepted)).
	with(entry(KindCaptureSucceeded, walkCaptureSucceeded)).
	with(entry(KindCaptureFailed, walkCaptureFailed)).
	with(entry(KindCaptureUnresolved, walkCaptureUnresolved)).
	with(entry(KindRefundRequested, walkRefundRequested)).
	with(entry(KindRefundAccepted, walkRefundAccepted)).
	with(entry(KindRefundSucceeded, walkRefundSucceeded)).
	with(entry(KindRefundFailed, walkRefundFailed)).
	with(entry(KindRefundUnresolved, walkRefundUnresolved)).
	with(entry(KindRefundHeld, walkRefundHeld)).
	with(entry(KindAttemptStarted, walkAttemptStarted)).
	with(entry(KindInquiryStarted, walkInquiryStarted)).
	with(entry(KindInquiryAnswered, walkInquiryAnswered)).
	with(entry(KindOperationParked, walkOperationParked)).
	with(entry(KindOperationResolved, walkOperationResolved)).
	with(entry(KindAnomalyObserved, walkAnomalyObserved)).
	with(entry(KindAnomalyCleared, walkAnomalyCleared)).
	with(entry(KindCommandRefused, walkCommandRefused))

func (c codec) with(name string, k kindCodec) codec {
	c[name] = k
	return c
}

// entry makes a kind's codec from the walk over its fields.
func entry[T Event](k Kind, walk func(*wire, *T)) (string, kindCodec) {
	name, version, err := k.split()
	if err != nil {
		panic(err) // a constant of this package is misspelt
	}
	return name, kindCodec{
		version: version,
		encode: func(e Event) ([]byte, error) {
			w, fact := wire{writing: true}, e.(T)
			walk(&w, &fact)
			return w.b, w.err
		},
		decode: func(payload []byte, text string) (Event, error) {
			w := wire{b: payload, text: text}
			var fact T
			walk(&w, &fact)
			w.end()
			return fact, w.err
		},
	}
}

// split parts "cancel.requested.v1" into name and version.
func (k Kind) split() (name string, version uint64, err error) {
	i := strings.LastIndex(string(k), ".v")
	if i <= 0 {
		return "", 0, fmt.Errorf("kind %q: %w: it reads like \"cancel.requested.v1\"", string(k), ErrInvalid)
	}
	version, err = strconv.ParseUint(string(k[i+2:]), 10, 16)
	if err != nil || version == 0 {
		return "", 0, fmt.Errorf("kind %q: %w: it ends in a version such as .v1", string(k), ErrInvalid)
	}
	return string(k[:i]), version, nil
}

// encode returns the name, version and payload that a fact is kept under.
func (c codec) encode(e Event) (name string, version uint64, payload []byte, err error) {
	name, version, err = e.Kind().split()
	if err != nil {
		return "", 0, nil, err
	}
	k, known := c[name]
	if !known || k.version != version {
		return "", 0, nil, fmt.Errorf("kind %q: %w: it is not one of this version's", string(e.Kind()), ErrInvalid)
	}
	payload, err = k.encode(e)
	return name, version, payload, err
}

// decode reads a payload of any version up to the newest. A kind or version that is not known is never skipped: what it
// says might matter to the order. text is the payload as a string to share, or empty.
func (c codec) decode(name string, version uint64, payload []byte, text string) (Event, error) {
	k, known := c[name]
	if !known {
		return nil, &UpgradeError{What: "a fact", Found: fmt.Sprintf("kind %q", name), Known: fmt.Sprintf("%d kinds", len(c))}
	}
	if version > k.version {
		return nil, &UpgradeError{What: name, Found: fmt.Sprintf("version %d", version), Known: fmt.Sprintf("version %d", k.version)}
	}
	for ; version < k.version; version++ {
		lift, ok := k.upcasts[version]
		if !ok {
			return nil, &FrameError{Field: "kind", Problem: fmt.Sprintf("%s was never written in version %d", name, version)}
		}
		lifted, err := lift(payload)
		if err != nil {
			return nil, &FrameError{Field: "payload", Problem: fmt.Sprintf("cannot be lifted from version %d: %v", version, err)}
		}
		payload, text = lifted, ""
	}
	return k.decode(payload, text)
}
