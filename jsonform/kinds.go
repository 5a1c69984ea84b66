package jsonform

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/tilltape/tilltape/events"
)

// kind writes and reads the members of one kind's facts.
type kind struct {
	write func(*form, events.Event)
	read  func(*form) events.Event
}

// of makes a kind from the walk over its members.
func of[T events.Event](walk func(*form, *T)) kind {
	pool := &sync.Pool{New: func() any { return new(T) }} // what is handed to a walk lives on the heap
	return kind{
		write: func(f *form, e events.Event) {
			fact, ok := e.(T)
			if !ok {
				f.fail("", fmt.Sprintf("is a %T; give a %T", e, fact))
				return
			}
			v := pool.Get().(*T)
			*v = fact
			walk(f, v)
			var nothing T
			*v = nothing // it must not keep what it saw
			pool.Put(v)
		},
		read: func(f *form) events.Event {
			var fact T
			walk(f, &fact)
			return fact
		},
	}
}

// kinds are all that [events.Kinds] lists; a test holds the two together.
var kinds = map[events.Kind]kind{
	events.KindOrderCreated:      of(walkOrderCreated),
	events.KindPaymentPending:    of(walkPaymentPending),
	events.KindPaymentAuthorized: of(walkPaymentAuthorized),
	events.KindPaymentPaid:       of(walkPaymentPaid),
	events.KindPaymentFailed:     of(walkPaymentFailed),
	events.KindPaymentRaised:     of(walkPaymentRaised),
	events.KindRaiseFailed:       of(walkRaiseFailed),
	events.KindCancelRequested:   of(walkCancelRequested),
	events.KindCancelSucceeded:   of(walkCancelSucceeded),
	events.KindCancelFailed:      of(walkCancelFailed),
	events.KindCancelUnresolved:  of(walkCancelUnresolved),
	events.KindCancelDated:       of(walkCancelDated),
	events.KindCaptureRequested:  of(walkCaptureRequested),
	events.KindCaptureAccepted:   of(walkCaptureAccepted),
	events.KindCaptureSucceeded:  of(walkCaptureSucceeded),
	events.KindCaptureFailed:     of(walkCaptureFailed),
	events.KindCaptureUnresolved: of(walkCaptureUnresolved),
	events.KindRefundRequested:   of(walkRefundRequested),
	events.KindRefundAccepted:    of(walkRefundAccepted),
	events.KindRefundSucceeded:   of(walkRefundSucceeded),
	events.KindRefundFailed:      of(walkRefundFailed),
	events.KindRefundUnresolved:  of(walkRefundUnresolved),
	events.KindRefundHeld:        of(walkRefundHeld),
	events.KindDisputeOpened:     of(walkDisputeOpened),
	events.KindDisputeDue:        of(walkDisputeDue),
	events.KindDisputeDefended:   of(walkDisputeDefended),
	events.KindDisputeClosed:     of(walkDisputeClosed),
	events.KindAttemptStarted:    of(walkAttemptStarted),
	events.KindInquiryStarted:    of(walkInquiryStarted),
	events.KindInquiryAnswered:   of(walkInquiryAnswered),
	events.KindOperationParked:   of(walkOperationParked),
	events.KindOperationResolved: of(walkOperationResolved),
	events.KindTransferResolved:  of(walkTransferResolved),
	events.KindAnomalyObserved:   of(walkAnomalyObserved),
	events.KindAnomalyCleared:    of(walkAnomalyCleared),
	events.KindCommandRefused:    of(walkCommandRefused),
}

// factMembers are a fact's: its kind, then what that kind has.
func factMembers(f *form, e *events.Event) {
	const name = "kind"
	if f.writing {
		kind := (*e).Kind()
		k, known := kinds[kind]
		if !known {
			f.fail(name, fmt.Sprintf("is %q, which this version does not write; give one of events.Kinds", string(kind)))
			return
		}
		f.name(name)
		f.b = append(append(append(f.b, '"'), kind...), '"')
		k.write(f, *e)
		return
	}
	s, ok := f.string(name, f.must(name))
	if !ok {
		return
	}
	k, known := kinds[events.Kind(s)]
	if !known {
		f.failed(name, strconv.Quote(clipped(s))+" is none that this version knows; give one of its kinds, or upgrade, "+
			"if a newer version wrote it", events.ErrUpgrade)
		return
	}
	*e = k.read(f)
}

// fact is always there.
func (f *form) fact(name string, e *events.Event) {
	if f.writing && *e == nil {
		f.fail(name, "is missing; a record carries exactly one fact")
		return
	}
	if o, ok := f.mustOpen(name); ok {
		factMembers(f, e)
		f.close(o)
	}
}
