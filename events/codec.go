package events

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// upcast lifts a payload from one version of its kind to the next. It must not change the bytes it is given, and what
// it returns is in the one form of the next version.
type upcast func(payload []byte) ([]byte, error)

// kindCodec reads and writes the newest version of one kind, and lifts older ones to it.
type kindCodec struct {
	version uint64
	encode  func(wire, Event) wire // the wire as the walk left it
	own     func(wire, Event) (Event, error)
	decode  func(wire) (Event, error)
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
	with(entry(KindPaymentRaised, walkPaymentRaised)).
	with(entry(KindRaiseFailed, walkRaiseFailed)).
	with(entry(KindCancelRequested, walkCancelRequested)).
	with(entry(KindCancelSucceeded, walkCancelSucceeded)).
	with(entry(KindCancelFailed, walkCancelFailed)).
	with(entry(KindCancelUnresolved, walkCancelUnresolved)).
	with(entry(KindCancelDated, walkCancelDated)).
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
	with(entry(KindDisputeOpened, walkDisputeOpened)).
	with(entry(KindDisputeDue, walkDisputeDue)).
	with(entry(KindDisputeDefended, walkDisputeDefended)).
	with(entry(KindDisputeClosed, walkDisputeClosed)).
	with(entry(KindAttemptStarted, walkAttemptStarted)).
	with(entry(KindInquiryStarted, walkInquiryStarted)).
	with(entry(KindInquiryAnswered, walkInquiryAnswered)).
	with(entry(KindOperationParked, walkOperationParked)).
	with(entry(KindOperationResolved, walkOperationResolved)).
	with(entry(KindTransferResolved, walkTransferResolved)).
	with(entry(KindAnomalyObserved, walkAnomalyObserved)).
	with(entry(KindAnomalyCleared, walkAnomalyCleared)).
	with(entry(KindCommandRefused, walkCommandRefused))

func (c codec) with(name string, k kindCodec) codec {
	c[name] = k
	return c
}

// scratch is what a walk works on. It is used again, since what is handed to a walk lives on the heap.
type scratch[T any] struct {
	wire wire
	fact T
}

// entry makes a kind's codec from the walk over its fields.
func entry[T Event](k Kind, walk func(*wire, *T)) (string, kindCodec) {
	name, version, err := k.split()
	if err != nil {
		panic(err) // a constant of this package is misspelt
	}
	pool := &sync.Pool{New: func() any { return new(scratch[T]) }}
	run := func(w wire, fact T) (wire, T) {
		s := pool.Get().(*scratch[T])
		s.wire, s.fact = w, fact
		walk(&s.wire, &s.fact)
		w, fact = s.wire, s.fact
		*s = scratch[T]{} // it must not keep what it saw
		pool.Put(s)
		return w, fact
	}
	return name, kindCodec{
		version: version,
		encode: func(w wire, e Event) wire {
			fact, ok := e.(T)
			if !ok {
				w.invalid("event", fmt.Sprintf("is a %T; give a %T", e, fact), nil)
				return w
			}
			w, _ = run(w, fact)
			return w
		},
		own: func(w wire, e Event) (Event, error) {
			fact, ok := e.(T)
			if !ok {
				w.invalid("event", fmt.Sprintf("is a %T; give a %T", e, fact), nil)
				return nil, w.err
			}
			s := pool.Get().(*scratch[T])
			s.wire, s.fact = w, fact
			walk(&s.wire, &s.fact)
			err := s.wire.err
			if err == nil {
				e = s.fact
			}
			*s = scratch[T]{}
			pool.Put(s)
			return e, err
		},
		decode: func(w wire) (e Event, err error) {
			s := pool.Get().(*scratch[T])
			s.wire = w
			walk(&s.wire, &s.fact)
			s.wire.done()
			if err = s.wire.err; err == nil {
				e = s.fact
			}
			*s = scratch[T]{} // it must not keep what it saw
			pool.Put(s)
			return e, err
		},
	}
}

// split parts "cancel.requested.v1" into name and version.
func (k Kind) split() (name string, version uint64, err error) {
	i := strings.LastIndex(string(k), ".v")
	if i <= 0 {
		return "", 0, &InvalidError{Field: "kind",
			Problem: fmt.Sprintf("%q has no version; write it like \"cancel.requested.v1\"", string(k))}
	}
	version, err = strconv.ParseUint(string(k[i+2:]), 10, 16)
	if err != nil || version == 0 {
		return "", 0, &InvalidError{Field: "kind",
			Problem: fmt.Sprintf("%q does not end in a version; write it like \"cancel.requested.v1\"", string(k))}
	}
	return string(k[:i]), version, nil
}

// kind returns the name and version that a fact is kept under, and what writes it.
func (c codec) kind(e Event) (name string, version uint64, k kindCodec, err error) {
	name, version, err = e.Kind().split()
	if err != nil {
		return "", 0, kindCodec{}, err
	}
	k, known := c[name]
	if !known || k.version != version {
		return "", 0, kindCodec{}, &InvalidError{Field: "kind",
			Problem: fmt.Sprintf("%q is none that this version writes; give one of Kinds", string(e.Kind()))}
	}
	return name, version, k, nil
}

// decode reads the payload src[at:end] of any version up to the newest. A kind or version that is not known is never
// skipped: what it says might matter to the order. text is a copy of src to share, or empty.
func (c codec) decode(name string, version uint64, src []byte, text string, at, end int) (Event, error) {
	k, known := c[name]
	switch {
	case !known:
		return nil, &UpgradeError{What: "fact", Found: fmt.Sprintf("kind %q", name),
			Known: fmt.Sprintf("%d kinds, not this one", len(c))}
	case version > k.version:
		return nil, &UpgradeError{What: name, Found: fmt.Sprintf("version %d", version),
			Known: fmt.Sprintf("versions up to %d", k.version)}
	case version == k.version:
		return k.decode(wire{name: name, b: src, text: text, at: at, end: end})
	}
	lifted := src[at:end]
	for ; version < k.version; version++ {
		lift, ok := k.upcasts[version]
		if !ok {
			return nil, &FrameError{Offset: at, Field: name, Problem: fmt.Sprintf("was never written in version %d", version)}
		}
		var err error
		if lifted, err = lift(lifted); err != nil {
			return nil, &FrameError{Offset: at, Field: name,
				Problem: fmt.Sprintf("cannot be lifted from version %d: %v", version, err)}
		}
	}
	return k.decode(wire{name: name, b: lifted, end: len(lifted)})
}
