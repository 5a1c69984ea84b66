package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// headsMax is how many heads are read in one round trip.
const headsMax = 256

// Head implements [store.Log]. It reads one row.
func (l *Log) Head(ctx context.Context, of events.Stream) (store.Head, error) {
	if err := store.CheckStream(of); err != nil {
		return store.Head{}, err
	}
	doing := fmt.Sprintf("read the head of %s %q", of.Category, of.ID)
	if err := l.usable(ctx, doing); err != nil {
		return store.Head{}, err
	}
	rows, err := l.pool.Query(ctx, l.sql.head, of.Category, of.ID)
	if err != nil {
		return store.Head{}, explain(ctx, l.name, doing, err)
	}
	head, err := pgx.CollectExactlyOneRow(rows, scanHead)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Head{}, &store.NotFoundError{Stream: of}
	}
	return head, explain(ctx, l.name, doing, err)
}

// scanHead reads a head's row.
func scanHead(row pgx.CollectableRow) (h store.Head, err error) {
	var statusSince int64
	var times [5]*int64
	err = row.Scan(&h.Stream.Category, &h.Stream.ID, &h.Version, &h.Position, &h.Status, &statusSince, &h.Phase, &times[0],
		&times[1], &times[2], &times[3], &times[4])
	h.StatusSince = moment(statusSince)
	for i, at := range []*time.Time{&h.OperationSince, &h.ParkedSince, &h.AnomalySince, &h.DisputeBy, &h.Due} {
		if times[i] != nil {
			*at = moment(*times[i])
		}
	}
	return h, err
}

// Heads implements [store.Log]. It pages through an index, in the filter's order, and then through the orders that got
// a record meanwhile: one whose time moved to before the place of the walk is found by these. A page is one round trip.
func (l *Log) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		if err := filter.Check(); err != nil {
			yield(store.Head{}, err)
			return
		}
		if err := l.heads(ctx, filter, yield); err != nil {
			yield(store.Head{}, explain(ctx, l.name, "read the heads", err))
		}
	}
}

// heads yields the heads that match and returns the error that ends them, or nil.
func (l *Log) heads(ctx context.Context, filter store.Filter, yield func(store.Head, error) bool) error {
	left, limited := filter.Most()
	if !limited {
		left = math.MaxInt
	}
	begin := uint64(0)
	for rest, first := filter, true; left > 0; first = false {
		if err := l.usable(ctx, "read the heads"); err != nil {
			return err
		}
		most := min(left, headsMax)
		page, end, err := l.headsPage(ctx, rest, most)
		if err != nil {
			return err
		}
		if first {
			begin = end
		}
		for _, h := range page {
			if !yield(h, nil) {
				return nil
			}
		}
		if left -= len(page); len(page) < most {
			return l.headsMoved(ctx, filter, begin, left, yield)
		}
		rest = rest.After(page[len(page)-1])
	}
	return nil
}

// headsPage reads the first heads that the filter takes, and where the log ended before.
func (l *Log) headsPage(ctx context.Context, filter store.Filter, most int) (page []store.Head, end uint64, err error) {
	sql, args := l.headsQuery(filter, most)
	var s pgx.Batch
	s.Queue(l.sql.end).QueryRow(func(r pgx.Row) error { return r.Scan(&end, nil) })
	s.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		page, err = pgx.CollectRows(rows, scanHead)
		return err
	})
	err = l.pool.SendBatch(ctx, &s).Close()
	return page, end, err
}

// headsMoved yields the matching heads of the orders that got a record after the position begin.
func (l *Log) headsMoved(ctx context.Context, filter store.Filter, begin uint64, left int,
	yield func(store.Head, error) bool) error {
	var end uint64
	if err := l.pool.QueryRow(ctx, l.sql.end).Scan(&end, nil); err != nil {
		return err
	}
	for ; begin < end && left > 0; begin += headsMax {
		if err := l.usable(ctx, "read the heads"); err != nil {
			return err
		}
		rows, err := l.pool.Query(ctx, l.sql.moved, bigint(begin), bigint(min(begin+headsMax, end)))
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(rows, scanHead)
		if err != nil {
			return err
		}
		for _, h := range page {
			if left == 0 || !filter.Matches(h) {
				continue
			}
			if left--; !yield(h, nil) {
				return nil
			}
		}
	}
	return nil
}

// headsColumn is the column that each index is sorted by.
func headsColumn(filter store.Filter) string {
	switch filter.Index() {
	case store.IndexDue:
		return "due"
	case store.IndexOutstanding:
		return "operation_since"
	case store.IndexAttention:
		switch filter.Word() {
		case events.AttentionParked.String():
			return "parked_since"
		case events.AttentionAnomaly.String():
			return "anomaly_since"
		}
		return "dispute_by"
	}
	return "status_since"
}

// headsQuery is the SQL for the first heads that a filter takes.
func (l *Log) headsQuery(filter store.Filter, most int) (sql string, args []any) {
	from, id, until := int64(math.MinInt64), "", int64(math.MaxInt64)
	if at, last, ok := filter.From(); ok {
		from, id = nanoseconds(at), last
	}
	if at := filter.Until(); !at.IsZero() {
		until = nanoseconds(at)
	}
	column := headsColumn(filter)
	ranged := fmt.Sprintf("(h.%s, h.stream) > ($1::bigint, $2::text) and h.%[1]s <= $3::bigint", column)
	order := fmt.Sprintf(" order by h.%s, h.stream limit $4", column)
	args = []any{from, id, until, most}
	switch {
	case filter.Index() == store.IndexStatus && filter.Word() == "":
		// Status by status and then merged: the index by status is the only one there is.
		sql = `with recursive s (status) as (
				(select h.status from {schema}.heads h where h.category = 'order' order by h.status limit 1)
				union all
				select (select h.status from {schema}.heads h where h.category = 'order' and h.status > s.status
					order by h.status limit 1) from s where s.status is not null)
			select h.category, ` + headColumns + ` from s cross join lateral (select * from {schema}.heads h
				where h.category = 'order' and h.status = s.status and ` + ranged + order + `) h` + order
	case filter.Index() == store.IndexStatus:
		sql = `select h.category, ` + headColumns + ` from {schema}.heads h where h.category = 'order' and h.status = $5
			and ` + ranged + order
		args = append(args, filter.Word())
	default:
		sql = fmt.Sprintf(`select h.category, %s from {schema}.heads h where h.category = 'order' and h.%s is not null and `,
			headColumns, column) + ranged + order
	}
	return inSchema(l.config.Schema, sql), args
}
