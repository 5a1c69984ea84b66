package order

import "math"

// What disputes take of the order's money, and which of them stands in a command's way.

// costs is what a dispute that ended took, and what it may have taken beyond that: all there is, where APO has not
// said how much.
func (o *Order) costs(t *transfer) (lost, reserved int64) {
	end := o.find(rulings, t.id, 0)
	switch {
	case end < 0 && (t.minor <= 0 || t.has(markForeign)):
		return 0, math.MaxInt64
	case end < 0:
		return 0, t.minor
	}
	switch e := &o.book[end]; {
	case !e.has(markLost):
		return 0, 0
	case e.has(markForeign), e.has(markUnnamed) && (t.minor <= 0 || t.has(markForeign)):
		return 0, math.MaxInt64
	case e.has(markUnnamed):
		return t.minor, 0
	default:
		return e.minor, 0
	}
}

// inDispute is what disputes that are open may still take.
func (o *Order) inDispute() (reserved int64) {
	for i := range o.book {
		if o.book[i].kind == disputes {
			_, may := o.costs(&o.book[i])
			reserved = plus(reserved, may)
		}
	}
	return reserved
}

// openDispute is the first dispute without an end; nil: none.
func (o *Order) openDispute() *transfer {
	for i := range o.book {
		if t := &o.book[i]; t.kind == disputes && o.find(rulings, t.id, 0) < 0 {
			return t
		}
	}
	return nil
}

// lostDispute is the end of a dispute that took money, as far as is known; nil: none did.
func (o *Order) lostDispute() *transfer {
	for i := range o.book {
		t := &o.book[i]
		if t.kind == rulings && t.has(markLost) && (t.minor > 0 || t.has(markUnnamed) || t.has(markForeign)) {
			return t
		}
	}
	return nil
}

// foreignDispute is a dispute that takes, or may take, money of another currency than the order's, which has no place
// in its amounts; nil: none does.
func (o *Order) foreignDispute() *transfer {
	for i := range o.book {
		t := &o.book[i]
		if t.kind != disputes {
			continue
		}
		foreign := t.has(markForeign)
		if at := o.find(rulings, t.id, 0); at >= 0 {
			end := &o.book[at]
			foreign = end.has(markLost) && (end.has(markForeign) || end.has(markUnnamed) && foreign)
		}
		if foreign {
			return t
		}
	}
	return nil
}
