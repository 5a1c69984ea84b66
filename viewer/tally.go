package viewer

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Bounds of what is counted.
const (
	tallyOrders = 8192 // orders kept folded; another one is read again, up to its newest record
	wordsMax    = 64   // reasons, and currencies that money does not know, that are told apart; ours are far fewer
	hoursKept   = 24   // of the charts
)

// sums is money by what has become of it, in minor units of one currency. Sums of many orders can be more than one
// order's amounts may be.
type sums struct {
	orders int64
	held   *big.Int // authorized, and neither captured nor given up
	kept   *big.Int // captured, and neither refunded nor lost in a dispute
	back   *big.Int // refunded
	lost   *big.Int // in disputes
	late   *big.Int // came when the order was cancelled, and is still here
}

func newSums() *sums {
	return &sums{held: new(big.Int), kept: new(big.Int), back: new(big.Int), lost: new(big.Int), late: new(big.Int)}
}

// share is what one order adds to the sums of its status and currency.
type share struct {
	status                       order.Status
	currency                     string
	held, kept, back, lost, late int64
	stands                       stands
}

// stands is which lists an order is in.
type stands struct{ open, parked, anomaly, dispute bool }

// each calls f with the word of each list that it is in.
func (s stands) each(f func(only string)) {
	for _, l := range []struct {
		in   bool
		only string
	}{{s.open, onlyOpen}, {s.parked, onlyParked}, {s.anomaly, onlyAnomalies}, {s.dispute, onlyDisputes}} {
		if l.in {
			f(l.only)
		}
	}
}

// shareOf is the share of an order as it stands.
func shareOf(o *order.Order) share {
	s := share{status: o.Status, currency: o.Amount.Currency, kept: o.Captured - o.Refunded - o.Disputed,
		back: o.Refunded, lost: o.Disputed}
	if o.Status == order.Authorized || o.Status == order.Captured {
		s.held = o.Capturable()
	}
	h := o.Head()
	s.stands = stands{open: !h.OperationSince.IsZero(), parked: !h.ParkedSince.IsZero(),
		anomaly: !h.AnomalySince.IsZero(), dispute: !h.DisputeBy.IsZero()}
	if !o.Late.IsZero() {
		s.late = max(o.Late.Authorized, o.Late.Captured) - o.Late.Refunded - o.Late.Disputed
	}
	return s
}

// cell names the sums of a status and currency. One without a currency of its own has the orders of all that are too
// many, and no sums: minor units of two currencies come to nothing.
type cell struct {
	status   order.Status
	currency string
	several  bool
}

// hour is what happened in one hour.
type hour struct{ placed, paid, cancelled, refunded, refused, unknown uint64 }

// tally is a log's counts up to a position. It is not safe for several goroutines.
type tally struct {
	log    store.Reader
	seed   maphash.Seed
	kept   []order.Order // folded, each at its place by its id's hash
	cells  map[cell]*sums
	exotic map[string]bool // currencies that money does not know, and that are told apart

	listed  map[string]int64  // orders in each list that needs no clock
	refused map[string]uint64 // by reason
	hours   [hoursKept]hour   // that of the newest hour n is at n modulo hoursKept
	newest  int64             // hours since 1970
	read    uint64            // the newest position
	names   *names
}

func newTally(log store.Reader) *tally {
	return &tally{log: log, seed: maphash.MakeSeed(), kept: make([]order.Order, tallyOrders), cells: map[cell]*sums{},
		exotic: map[string]bool{}, listed: map[string]int64{}, refused: map[string]uint64{}, names: newNames()}
}

// take counts the log's next record, and the order as it was before that; nil for a record of no order.
func (t *tally) take(o *order.Order, r *events.Record) {
	if o != nil {
		was, counted := shareOf(o), o.Version > 0
		*o = order.Evolve(*o, *r)
		if is := shareOf(o); !counted || is != was {
			if counted {
				t.add(&was, -1)
			}
			t.add(&is, 1)
		}
	}
	t.happened(r)
	t.names.take(r)
	t.read = r.Position
}

// before is the order as it was before a record: its place, to be written to; nil for a record of no order. It may read
// the log, as long as that takes, and touches nothing that counts does. The error is the log's or the context's.
func (t *tally) before(ctx context.Context, r *events.Record) (*order.Order, error) {
	if r.Stream.Category != events.CategoryOrder {
		return nil, nil
	}
	o := &t.kept[maphash.String(t.seed, r.Stream.ID)%uint64(len(t.kept))]
	if o.ID == r.Stream.ID && o.Version == r.Version-1 {
		return o, nil
	}
	*o = order.Order{}
	if r.Version == 1 {
		return o, nil
	}
	for earlier, err := range t.log.Read(ctx, r.Stream, 0) {
		if err != nil {
			*o = order.Order{}
			return nil, err
		}
		if earlier.Version >= r.Version {
			break
		}
		*o = order.Evolve(*o, earlier)
	}
	return o, nil
}

// cellOf is where a share is counted. It is the same cell each time, as long as the tally lives: what was added there
// is taken away there.
func (t *tally) cellOf(s *share) cell {
	if _, known := money.Digits(s.currency); !known && !t.exotic[s.currency] {
		if len(t.exotic) >= wordsMax { // of a log that is none of ours
			return cell{status: s.status, several: true}
		}
		t.exotic[strings.Clone(s.currency)] = true
	}
	return cell{status: s.status, currency: s.currency}
}

// add adds an order's share, or takes it away.
func (t *tally) add(s *share, sign int64) {
	at := t.cellOf(s)
	sum := t.cells[at]
	if sum == nil {
		at.currency = strings.Clone(at.currency)
		sum = newSums()
		t.cells[at] = sum
	}
	sum.orders += sign
	s.stands.each(func(only string) { t.listed[only] += sign })
	if at.several {
		return
	}
	for _, part := range []struct {
		to    *big.Int
		minor int64
	}{{sum.held, s.held}, {sum.kept, s.kept}, {sum.back, s.back}, {sum.lost, s.lost}, {sum.late, s.late}} {
		if part.minor == 0 {
			continue
		}
		minor := big.NewInt(part.minor)
		if sign < 0 {
			minor.Neg(minor)
		}
		part.to.Add(part.to, minor)
	}
}

// happened counts a record in its hour.
func (t *tally) happened(r *events.Record) {
	refused, isRefusal := r.Event.(events.CommandRefused)
	times := max(refused.Count, 1)
	if isRefusal {
		reason := refused.Reason
		if _, known := t.refused[reason]; !known && len(t.refused) >= wordsMax {
			reason = "other"
		}
		t.refused[strings.Clone(reason)] += times
	}
	h := t.hourOf(r.Recorded)
	if h == nil {
		return
	}
	if isRefusal {
		h.refused += times
		return
	}
	if r.Stream.Category != events.CategoryOrder {
		return
	}
	switch r.Event.(type) {
	case events.OrderCreated:
		h.placed++
	case events.PaymentAuthorized, events.PaymentPaid:
		h.paid++
	case events.CancelSucceeded:
		h.cancelled++
	case events.RefundSucceeded:
		h.refunded++
	default:
		if events.PartsOf(r.Event).Stage == events.StageUnresolved {
			h.unknown++
		}
	}
}

// hourOf is the hour of a time, to be written to; nil where it is too long ago.
func (t *tally) hourOf(at time.Time) *hour {
	n := hoursOf(at)
	switch {
	case n > t.newest:
		for gone := max(t.newest+1, n-hoursKept+1); gone <= n; gone++ {
			t.hours[gone%hoursKept] = hour{}
		}
		t.newest = n
	case n <= t.newest-hoursKept, n < 0:
		return nil
	}
	return &t.hours[n%hoursKept]
}

// hoursOf is a time in hours since 1970.
func hoursOf(at time.Time) int64 { return at.Unix() / int64(time.Hour/time.Second) }

// counts is what a tally comes to, for showing. It shares no memory with it.
type counts struct {
	Read, Of uint64 // positions; Of is 0 where the log does not tell its length
	Done     bool   // all that the log had when the counting began is counted
	Err      error  // the counting has ended with it
	cells    []countedCell
	listed   map[string]int64
	refused  []countedWord
	hours    []hour // oldest first
	ends     time.Time
}

type countedCell struct {
	cell
	sums
}

type countedWord struct {
	word string
	n    uint64
}

// counts copies what there is, the charts up to now: or up to the newest record, where that is longer ago than they go.
func (t *tally) counts(now time.Time) counts {
	c := counts{Read: t.read, listed: maps.Clone(t.listed)}
	for at, sum := range t.cells {
		if sum.orders == 0 {
			continue
		}
		of := func(n *big.Int) *big.Int { return new(big.Int).Set(n) }
		c.cells = append(c.cells, countedCell{at, sums{sum.orders, of(sum.held), of(sum.kept), of(sum.back), of(sum.lost),
			of(sum.late)}})
	}
	slices.SortFunc(c.cells, func(a, b countedCell) int {
		return cmp.Or(cmp.Compare(a.status, b.status), cmp.Compare(a.currency, b.currency))
	})
	for word, n := range t.refused {
		c.refused = append(c.refused, countedWord{word, n})
	}
	slices.SortFunc(c.refused, func(a, b countedWord) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.word, b.word))
	})
	last := hoursOf(now)
	if last-hoursKept >= t.newest || last < t.newest {
		last = t.newest
	}
	for n := last - hoursKept + 1; n <= last; n++ {
		h := hour{}
		if n <= t.newest && n > t.newest-hoursKept && n >= 0 {
			h = t.hours[n%hoursKept]
		}
		c.hours = append(c.hours, h)
	}
	c.ends = time.Unix((last+1)*int64(time.Hour/time.Second), 0).UTC()
	return c
}

// takeAll counts a sequence of records until it ends, each of them within a call of under, which may lock. The log is
// read outside of it.
func (t *tally) takeAll(ctx context.Context, records iter.Seq2[events.Record, error], under func(func())) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		o, err := t.before(ctx, &r)
		if err != nil {
			return fmt.Errorf("position %d: %w", r.Position, err)
		}
		under(func() { t.take(o, &r) })
	}
	return nil
}
