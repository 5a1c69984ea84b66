package postgres

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
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

// sometimes is nanoseconds, null where there is no time.
func sometimes(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := nanoseconds(t)
	return &n
}

// recordRows are the columns of the records to be.
type recordRows struct {
	version                           []int64
	category, stream, id, fact, actor []string
	frame                             [][]byte
	occurred, recorded                []*time.Time
	amount                            []*int64
	currency                          []*string
}

func newRecordRows(b *batch, p *plan) *recordRows {
	n := p.Len()
	r := &recordRows{version: make([]int64, 0, n), category: make([]string, 0, n), stream: make([]string, 0, n),
		id: make([]string, 0, n), fact: make([]string, 0, n), actor: make([]string, 0, n), frame: make([][]byte, 0, n),
		occurred: make([]*time.Time, 0, n), recorded: make([]*time.Time, 0, n), amount: make([]*int64, 0, n),
		currency: make([]*string, 0, n)}
	begin := 0
	frames, ends := p.Frames()
	for _, request := range taken(b) {
		for i := range request.Records {
			record := &request.Records[i]
			end := ends[len(r.frame)]
			c := columnsOf(record)
			r.version = append(r.version, int64(request.After)+int64(i)+1)
			r.category, r.stream = append(r.category, request.Stream.Category), append(r.stream, request.Stream.ID)
			r.id, r.fact, r.actor = append(r.id, record.ID), append(r.fact, c.fact), append(r.actor, record.Actor)
			r.frame = append(r.frame, frames[begin:end])
			r.occurred, r.recorded = append(r.occurred, c.occurred), append(r.recorded, c.recorded)
			r.amount, r.currency = append(r.amount, c.amount), append(r.currency, c.currency)
			begin = end
		}
	}
	return r
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
	category, stream, status, phase          []string
	version, position, statusSince           []int64
	operation, parked, anomaly, dispute, due []*int64
}

// newHeadRows are the heads of the streams that the plan begins, and of those that it goes on with: the server takes
// longer to find out by itself which is which.
func newHeadRows(t *turn, p *plan) (added, moved headRows) {
	for _, stream := range p.Streams() {
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
	r.category, r.stream = append(r.category, stream.Category), append(r.stream, stream.ID)
	r.version, r.position = append(r.version, int64(at.Version)), append(r.position, int64(at.Position))
	r.status, r.statusSince = append(r.status, h.Status), append(r.statusSince, nanoseconds(h.StatusSince))
	r.phase = append(r.phase, h.Phase)
	r.operation, r.parked = append(r.operation, sometimes(h.OperationSince)), append(r.parked, sometimes(h.ParkedSince))
	r.anomaly, r.dispute = append(r.anomaly, sometimes(h.AnomalySince)), append(r.dispute, sometimes(h.DisputeBy))
	r.due = append(r.due, sometimes(h.Due))
}

// queue has the heads written, where there are any.
func (r *headRows) queue(s *pgx.Batch, sql string) {
	if len(r.stream) > 0 {
		s.Queue(sql, r.category, r.stream, r.version, r.position, r.status, r.statusSince, r.phase, r.operation,
			r.parked, r.anomaly, r.dispute, r.due)
	}
}

// keyRows are the columns of the lookup keys to be.
type keyRows struct {
	keys                [][]byte
	categories, streams []string
	positions           []int64
}

func (r *keyRows) add(key events.Key, c ledger.Claim) {
	r.keys, r.categories = append(r.keys, []byte(key)), append(r.categories, c.Owner.Category)
	r.streams, r.positions = append(r.streams, c.Owner.ID), append(r.positions, int64(c.Position))
}

// queue has the keys written, where there are any.
func (r *keyRows) queue(s *pgx.Batch, sql string) {
	if len(r.keys) > 0 {
		s.Queue(sql, r.keys, r.categories, r.streams, r.positions)
	}
}
