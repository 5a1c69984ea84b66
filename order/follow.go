package order

import (
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/ours"
)

// Follow is for this module alone. It judges the record like [Judge] and, where it may follow, folds it into the order
// like [Evolve]; it returns the head that the record has to carry. Where it may not, the error is Judge's and the order
// stays as it was. It is for a caller that folds many orders and owns each: the order itself is changed, since copying
// it, as the functions over values do, costs more than folding. What it shares with other orders it still copies before
// it adds to it.
func (o *Order) Follow(_ ours.Key, r *events.Record) (events.Head, error) {
	if err := o.legal(r); err != nil {
		return events.Head{}, err
	}
	o.own()
	o.fold(r)
	return o.head(), nil
}
