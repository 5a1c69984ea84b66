package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// Operations returns what APO was asked for and has not decided: the outstanding operation, and the refunds that it has
// accepted, oldest first.
func (o Order) Operations() []Operation {
	var all []Operation
	if o.Operation.outstanding() {
		all = append(all, o.Operation)
	}
	return append(all, o.Accepted...)
}

// OperationOf returns the operation that a command began, as long as it is not decided.
func (o Order) OperationOf(commandID string) (Operation, bool) {
	if p := o.operationOf(commandID); p != nil {
		return *p, true
	}
	return Operation{}, false
}

// OperationAt returns the operation that the intent of that stream version began, as long as it is not decided.
func (o Order) OperationAt(intent uint64) (Operation, bool) {
	if p := o.current(intent); p != nil {
		return *p, true
	}
	return Operation{}, false
}

func (o *Order) operationOf(commandID string) *Operation {
	return o.findOperation(func(p *Operation) bool { return commandID != "" && p.CommandID == commandID })
}

// current is the operation that an intent began; nil: it is over.
func (o *Order) current(intent uint64) *Operation {
	return o.findOperation(func(p *Operation) bool { return p.Intent == intent })
}

// askedFor is the operation of that kind under this request id; nil: it is not ours, or over.
func (o *Order) askedFor(kind CallKind, request string) *Operation {
	if !o.Operation.outstanding() && len(o.Accepted) == 0 {
		return nil // as mostly
	}
	return o.findOperation(func(p *Operation) bool { return p.Kind == kind && p.RequestID == request })
}

func (o *Order) findOperation(is func(*Operation) bool) *Operation {
	if p := &o.Operation; p.outstanding() && is(p) {
		return p
	}
	for i := range o.Accepted {
		if is(&o.Accepted[i]) {
			return &o.Accepted[i]
		}
	}
	return nil
}

// writable is current for the fold: the list is copied, since branches of an explorer share the old one.
func (o *Order) writable(intent uint64) *Operation {
	if len(o.Accepted) > 0 && o.Operation.Intent != intent {
		o.Accepted = slices.Clone(o.Accepted)
	}
	return o.current(intent)
}

// leaveSlot puts the outstanding refund, which APO has just accepted, beside the others, so that another command may
// come.
func (o *Order) leaveSlot() {
	o.Accepted = append(slices.Clip(o.Accepted), o.Operation)
	o.Operation = Operation{}
}

// returnToSlot takes a refund that APO does not know after all back, to be asked for again under the same id.
func (o *Order) returnToSlot(intent uint64) {
	p := *o.current(intent)
	o.drop(intent)
	o.Operation = p
}

// drop ends an operation.
func (o *Order) drop(intent uint64) {
	if o.Operation.Intent == intent {
		o.Operation = Operation{}
		return
	}
	at := slices.IndexFunc(o.Accepted, func(p Operation) bool { return p.Intent == intent })
	switch {
	case at < 0:
	case len(o.Accepted) == 1:
		o.Accepted = nil
	default:
		o.Accepted = slices.Delete(slices.Clone(o.Accepted), at, at+1)
	}
}

// acceptedMinor is what the accepted refunds of what was captured in time come to.
func (o *Order) acceptedMinor() (minor int64) {
	for i := range o.Accepted {
		if o.Accepted[i].Compensates == 0 {
			minor = plus(minor, o.Accepted[i].Amount.Minor)
		}
	}
	return minor
}

// dueFirst is the accepted refund that is to be asked about first; nil: none by itself.
func (o *Order) dueFirst() *Operation {
	var first *Operation
	for i := range o.Accepted {
		if p := &o.Accepted[i]; !p.Due.IsZero() && (first == nil || p.Due.Before(first.Due)) {
			first = p
		}
	}
	return first
}

// askedLast is the accepted refund that APO has not been asked about for longest; nil: there is none.
func (o *Order) askedLast() *Operation {
	var last *Operation
	for i := range o.Accepted {
		if p := &o.Accepted[i]; last == nil || p.AskedAt.Before(last.AskedAt) {
			last = p
		}
	}
	return last
}

// parked is the operation that a person has, named by its intent; of 0, the outstanding one, or the only one that there
// is. nil: none is.
func (o *Order) parked(intent uint64) *Operation {
	if intent != 0 {
		if p := o.current(intent); p != nil && p.Phase == Parked {
			return p
		}
		return nil
	}
	if o.Operation.Phase == Parked {
		return &o.Operation
	}
	var one *Operation
	for i := range o.Accepted {
		switch p := &o.Accepted[i]; {
		case p.Phase != Parked:
		case one != nil:
			return nil
		default:
			one = p
		}
	}
	return one
}

// foldParked gives an operation to a person.
func (o *Order) foldParked(r *events.Record, e *events.OperationParked) {
	if p := o.writable(e.Intent); p != nil {
		p.Phase, _ = p.Phase.next(law.StepParked)
		p.Due, p.ParkedAt, p.Unanswered = e.Due, r.Recorded, 0
	}
}
