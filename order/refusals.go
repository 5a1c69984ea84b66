package order

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
)

// Refusals is what is known of an order's refused commands: a value, made by [Refusals.Evolve] from the zero Refusals
// and the records of the order's stream of category [events.CategoryRefusal], and by [Refusals.Refuse]. Refusals are
// kept apart from the order, which they do not change, and as well as can be: those that were counted and are not on
// record yet are forgotten with the value.
type Refusals struct {
	Version uint64 // of the newest record folded; 0: none on record
	rows    []refusalRow
}

// refusalRow is the budget of one reason.
type refusalRow struct {
	reason  string
	records int
	last    time.Time // when one was last recorded
	pending uint64    // counted and not on record
}

// Refuse counts a refusal and says whether it is to be recorded now: the fact goes into the order's refusal stream,
// after Version, under the command's id and actor ([Describe]). Fold what was appended with [Refusals.Evolve]; until
// then the refusal counts as not on record, so one whose append failed stands in the count of the next. An order that
// is not on record leaves no refusals. Cost: one small allocation.
func (r Refusals) Refuse(c Command, e *RejectedError, now time.Time) (next Refusals, fact events.CommandRefused,
	record bool) {
	if e.Status == Unplaced {
		return r, events.CommandRefused{}, false
	}
	next, row := r.writable(e.Reason.String())
	row.pending++
	if row.records >= RefusalsMax && now.Sub(row.last) < RefusalEvery {
		return next, events.CommandRefused{}, false
	}
	return next, events.CommandRefused{Command: e.Command.String(), Reason: e.Reason.String(), Remedy: e.Remedy,
		Cause: e.Cause.Version, Amount: Describe(c).Amount, Count: row.pending}, true
}

// Evolve folds one record of the order's refusal stream. Other records leave it as it is.
func (r Refusals) Evolve(rec events.Record) Refusals {
	e, ok := rec.Event.(events.CommandRefused)
	if !ok {
		return r
	}
	next, row := r.writable(e.Reason)
	next.Version = rec.Version
	row.records++
	row.last = rec.Recorded
	row.pending -= min(e.Count, row.pending)
	return next
}

// Count returns how many refusals for the reason are on record each by itself or in a count, and how many are not yet.
func (r Refusals) Count(reason Reason) (records int, pending uint64) {
	if i := r.find(reason.String()); i >= 0 {
		return r.rows[i].records, r.rows[i].pending
	}
	return 0, 0
}

func (r Refusals) find(reason string) int {
	return slices.IndexFunc(r.rows, func(row refusalRow) bool { return row.reason == reason })
}

// writable returns a copy and the reason's row in it: r stays what it is for every other holder.
func (r Refusals) writable(reason string) (Refusals, *refusalRow) {
	i := r.find(reason)
	r.rows = slices.Clone(r.rows)
	if i < 0 {
		i = len(r.rows)
		r.rows = append(r.rows, refusalRow{reason: reason})
	}
	return r, &r.rows[i]
}
