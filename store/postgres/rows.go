package postgres

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// raw is bytes of a row, valid until the next one.
type raw []byte

// ScanBytes implements pgtype.BytesScanner.
func (r *raw) ScanBytes(b []byte) error {
	*r = b
	return nil
}

// recordRow is a record's row as it is read: recordColumns. Its bytes are valid until the next one.
type recordRow struct {
	position, version       uint64
	category, stream, frame raw
}

// isRecordRow tells whether rows come in the form that take reads. They come as text where the connection string says
// that nothing is to be described.
func isRecordRow(columns []pgconn.FieldDescription) bool {
	types := [...]uint32{pgtype.Int8OID, pgtype.Int8OID, pgtype.TextOID, pgtype.TextOID, pgtype.ByteaOID}
	if len(columns) != len(types) {
		return false
	}
	for i, c := range columns {
		if c.Format != pgtype.BinaryFormatCode || c.DataTypeOID != types[i] {
			return false
		}
	}
	return true
}

// take reads a row in binary, of which no column is null. A column of another length is one that nothing is at.
func (r *recordRow) take(values [][]byte) {
	r.position, r.version = number(values[0]), number(values[1])
	r.category, r.stream, r.frame = values[2], values[3], values[4]
}

// number is a bigint of a row, as all that the log's tables have of them are not negative.
func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// noTime is how a time that is always there is stored where it is none, so that it comes first.
const noTime = math.MinInt64

// nanoseconds is a time as a head's columns have it: times outside of what 64 bits can tell count as the nearest that
// they can.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.IsZero() || t.Before(time.Unix(0, math.MinInt64)):
		return noTime
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// moment is the time that nanoseconds was given.
func moment(n int64) time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// recordRows are the columns of the records to be.
type recordRows struct {
	version, category, stream, id, frame, fact, actor, occurred, recorded, amount, currency array
}

func newRecordRows(b *batch, p *plan) *recordRows {
	n := p.Len()
	frames, ends := p.Frames()
	r := &recordRows{version: newBigints(n), category: newTexts(n), stream: newTexts(n), id: newTexts(n),
		frame: newByteas(n, len(frames)), fact: newTexts(n), actor: newTexts(n), occurred: newMoments(n),
		recorded: newMoments(n), amount: newBigints(n), currency: newTexts(n)}
	begin := 0
	for _, request := range taken(b) {
		for i := range request.Records {
			record := &request.Records[i]
			end := ends[r.frame.count]
			r.version.bigint(int64(request.After) + int64(i) + 1)
			r.category.text(request.Stream.Category)
			r.stream.text(request.Stream.ID)
			r.id.text(record.ID)
			r.frame.bytes(frames[begin:end])
			r.addColumns(columnsOf(record), record.Actor)
			begin = end
		}
	}
	return r
}

func (r *recordRows) addColumns(c columns, actor string) {
	r.fact.text(c.fact)
	r.actor.text(actor)
	r.occurred.moment(c.occurred)
	r.recorded.moment(c.recorded)
	if c.amount == nil {
		r.amount.null()
		r.currency.null()
		return
	}
	r.amount.bigint(*c.amount)
	r.currency.text(*c.currency)
}

// queue has the records written, the first of them after a position.
func (r *recordRows) queue(s *trip, sql string, after int64) {
	s.queue(sql, bigintOf(after), r.version.parameter(), r.category.parameter(), r.stream.parameter(), r.id.parameter(),
		r.frame.parameter(), r.fact.parameter(), r.actor.parameter(), r.occurred.parameter(), r.recorded.parameter(),
		r.amount.parameter(), r.currency.parameter())
}

// columns are what a record's row has beside its frame for people, of what is not in the record as it is.
type columns struct {
	fact               string
	occurred, recorded *time.Time
	amount             *int64
	currency           *string
}

func columnsOf(r *events.Record) (c columns) {
	c.fact = string(r.Event.Kind())
	c.occurred, c.recorded = micros(r.Occurred), micros(r.Recorded)
	// A frame takes any UTF-8 for a currency, and the server's text no zero byte.
	if m := events.PartsOf(r.Event).Amount; m != (events.Money{}) && !strings.Contains(m.Currency, "\x00") {
		c.amount, c.currency = &m.Minor, &m.Currency
	}
	return c
}

// micros is a time as the server keeps it, cut to microseconds.
func micros(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// headRows are the columns of the heads to be.
type headRows struct {
	category, stream, version, position, status, statusSince, phase array
	operation, parked, anomaly, dispute, due                        array
}

func newRowsOfHeads(n int) *headRows {
	return &headRows{category: newTexts(n), stream: newTexts(n), version: newBigints(n), position: newBigints(n),
		status: newTexts(n), statusSince: newBigints(n), phase: newTexts(n), operation: newBigints(n),
		parked: newBigints(n), anomaly: newBigints(n), dispute: newBigints(n), due: newBigints(n)}
}

// newHeadRows are the heads of the streams that the plan begins, and of those that it goes on with: the server takes
// longer to find out by itself which is which.
func newHeadRows(t *turn, p *plan) (added, moved *headRows) {
	streams := p.Streams()
	begun := 0
	for _, stream := range streams {
		if _, is := t.newest[stream]; is {
			begun++
		}
	}
	added, moved = newRowsOfHeads(len(streams)-begun), newRowsOfHeads(begun)
	for _, stream := range streams {
		if _, begun := t.newest[stream]; begun {
			moved.add(stream, p.Summary(stream))
		} else {
			added.add(stream, p.Summary(stream))
		}
	}
	return added, moved
}

func (r *headRows) add(stream events.Stream, at *ledger.Summary) {
	h := &at.Head
	r.category.text(stream.Category)
	r.stream.text(stream.ID)
	r.version.bigint(int64(at.Version))
	r.position.bigint(int64(at.Position))
	r.status.text(h.Status)
	r.statusSince.bigint(nanoseconds(h.StatusSince))
	r.phase.text(h.Phase)
	r.operation.sometimes(h.OperationSince)
	r.parked.sometimes(h.ParkedSince)
	r.anomaly.sometimes(h.AnomalySince)
	r.dispute.sometimes(h.DisputeBy)
	r.due.sometimes(h.Due)
}

// queue has the heads written, where there are any.
func (r *headRows) queue(s *trip, sql string) {
	if r.stream.count > 0 {
		s.queue(sql, r.category.parameter(), r.stream.parameter(), r.version.parameter(), r.position.parameter(),
			r.status.parameter(), r.statusSince.parameter(), r.phase.parameter(), r.operation.parameter(),
			r.parked.parameter(), r.anomaly.parameter(), r.dispute.parameter(), r.due.parameter())
	}
}

// keyRows are the columns of the lookup keys to be.
type keyRows struct{ keys, categories, streams, positions array }

func newKeyRows(n int) *keyRows {
	return &keyRows{keys: newByteas(n, n*2*textRoom), categories: newTexts(n), streams: newTexts(n),
		positions: newBigints(n)}
}

func (r *keyRows) add(key events.Key, c ledger.Claim) {
	r.keys.bytes([]byte(key))
	r.categories.text(c.Owner.Category)
	r.streams.text(c.Owner.ID)
	r.positions.bigint(int64(c.Position))
}

// queue has the keys written, where there are any.
func (r *keyRows) queue(s *trip, sql string) {
	if r.keys.count > 0 {
		s.queue(sql, r.keys.parameter(), r.categories.parameter(), r.streams.parameter(), r.positions.parameter())
	}
}
