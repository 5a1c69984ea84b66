package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Sums are amounts in minor units of one currency.
type Sums struct {
	Authorized int64 // held, or paid at once
	Captured   int64
	Refunded   int64
	// Late is what arrived on orders that were cancelled, and LateRefunded what went back of it. Neither is in the three
	// before.
	Late, LateRefunded int64
	Disputed           int64 // what disputes took
}

// sumsOf is what an order comes to.
func sumsOf(o *order.Order) Sums {
	return Sums{o.Authorized, o.Captured, o.Refunded, max(o.Late.Authorized, o.Late.Captured), o.Late.Refunded,
		o.Disputed + o.Late.Disputed}
}

// fields are the sums by their place.
func (s *Sums) fields() [6]*int64 {
	return [...]*int64{&s.Authorized, &s.Captured, &s.Refunded, &s.Late, &s.LateRefunded, &s.Disputed}
}

// plus adds others; false where that is more than 64 bits can count. It then has what can be counted.
func (s *Sums) plus(other Sums) (ok bool) {
	ok = true
	theirs := other.fields()
	for i, mine := range s.fields() {
		n := *theirs[i]
		if n > 0 && *mine > math.MaxInt64-n || n < 0 && *mine < math.MinInt64-n {
			ok = false
			continue
		}
		*mine += n
	}
	return ok
}

// negative is the sums with the other sign.
func (s Sums) negative() Sums {
	for _, n := range s.fields() {
		*n = -*n
	}
	return s
}

// Day is what moved in a currency on a day. What was taken back later stands with the other sign on the day on which it
// was.
type Day struct {
	Date     string // "2026-11-29", in UTC, by APO's time of what moved, or ours where APO told none; empty: of all days
	Currency string
	Sums
}

// dayKey names a day in a currency.
type dayKey struct {
	day      int64 // since 1970
	currency string
}

// ledger counts the movements of all orders by day.
type ledger struct {
	days    map[dayKey]*Sums
	newest  dayKey // and what it has, since records of a day stand together
	sums    *Sums
	over    bool // a sum is more than can be counted
	settled *matching
}

func newLedger(s *Settlement) *ledger {
	l := &ledger{days: map[dayKey]*Sums{}}
	if s != nil {
		l.settled = newMatching(s)
	}
	return l
}

// moved counts what a record did to its order.
func (l *ledger) moved(r *events.Record, was, is *order.Order) {
	if l.settled != nil {
		l.settled.moved(r)
	}
	before, after := sumsOf(was), sumsOf(is)
	if before == after {
		return
	}
	key := dayKey{floorDay(r.Occurred), is.Amount.Currency}
	if l.sums == nil || key != l.newest {
		if l.sums = l.days[key]; l.sums == nil {
			l.sums = new(Sums)
			l.days[key] = l.sums
		}
		l.newest = key
	}
	if !after.plus(before.negative()) || !l.sums.plus(after) {
		l.over = true
	}
}

const daySeconds = 24 * 60 * 60

// floorDay is the UTC day of a time, since 1970.
func floorDay(t time.Time) int64 {
	seconds := t.Unix()
	day := seconds / daySeconds
	if seconds%daySeconds < 0 {
		day--
	}
	return day
}

// close writes the days into the report, and holds them against what the orders come to.
func (l *ledger) close(report *Report, replayed *Replayed) {
	orders, days := map[string]*Sums{}, map[string]*Sums{}
	of := func(sums map[string]*Sums, currency string) *Sums {
		if sums[currency] == nil {
			sums[currency] = new(Sums)
		}
		return sums[currency]
	}
	for o := range replayed.orders.unsorted() {
		if s := sumsOf(o); s != (Sums{}) {
			l.over = !of(orders, o.Amount.Currency).plus(s) || l.over
		}
	}
	for key, sums := range l.days {
		report.Days = append(report.Days, Day{time.Unix(key.day*daySeconds, 0).UTC().Format(time.DateOnly), key.currency,
			*sums})
		l.over = !of(days, key.currency).plus(*sums) || l.over
		of(orders, key.currency)
	}
	slices.SortFunc(report.Days, func(a, b Day) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Date, b.Date))
	})
	for currency, sums := range orders {
		report.Totals = append(report.Totals, Day{Currency: currency, Sums: *sums})
		if got := *of(days, currency); got != *sums {
			report.add(Finding{Level: LevelMoney, Problem: SumsOpen,
				Detail: fmt.Sprintf("%s: the days come to %+v, the orders to %+v", currency, got, *sums)})
		}
	}
	slices.SortFunc(report.Totals, func(a, b Day) int { return cmp.Compare(a.Currency, b.Currency) })
	if l.over {
		report.add(Finding{Level: LevelMoney, Problem: SumsOpen, Detail: "a sum is more than 64 bits can count"})
	}
	if l.settled != nil {
		l.settled.close(report)
	}
}
