package postgres

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// parameter is an argument of a statement as the server takes it in binary.
type parameter struct {
	oid   uint32
	value []byte
}

func bigintOf(n int64) parameter {
	return parameter{pgtype.Int8OID, binary.BigEndian.AppendUint64(nil, uint64(n))}
}

func textOf(s string) parameter { return parameter{pgtype.TextOID, []byte(s)} }

// byteaOf is bytes, none where they are nil: that would be null.
func byteaOf(b []byte) parameter { return parameter{pgtype.ByteaOID, append([]byte{}, b...)} }

// array is a parameter of one element or more while it is made: its head and, for each element, its length and its
// bytes. A driver that is given Go's slices looks at every element's type: that took longer than all else that a turn's
// writer does.
type array struct {
	of, element uint32
	count       int
	nulls       bool
	buf         []byte
}

// Sizes of an array in binary.
const (
	arrayHeadSize = 20
	lengthSize    = 4
	textRoom      = 40 // bytes: an id and some more; an array grows where its texts are longer
)

func newArray(of, element uint32, room int) array {
	return array{of: of, element: element, buf: make([]byte, arrayHeadSize, arrayHeadSize+room)}
}

// newBigints, newTexts, newMoments, newByteas and newSmallints make arrays with room for so many elements.
func newBigints(n int) array {
	return newArray(pgtype.Int8ArrayOID, pgtype.Int8OID, n*(lengthSize+8))
}

func newTexts(n int) array {
	return newArray(pgtype.TextArrayOID, pgtype.TextOID, n*(lengthSize+textRoom))
}

func newMoments(n int) array {
	return newArray(pgtype.TimestamptzArrayOID, pgtype.TimestamptzOID, n*(lengthSize+8))
}

// newByteas also takes how many bytes they are together.
func newByteas(n, size int) array {
	return newArray(pgtype.ByteaArrayOID, pgtype.ByteaOID, n*lengthSize+size)
}

func newSmallints(n int) array {
	return newArray(pgtype.Int2ArrayOID, pgtype.Int2OID, n*(lengthSize+2))
}

func (a *array) begin(size int) {
	a.count++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(size))
}

func (a *array) null() {
	a.count++
	a.nulls = true
	a.buf = append(a.buf, 0xff, 0xff, 0xff, 0xff) // -1
}

func (a *array) bigint(n int64) {
	a.begin(8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(n))
}

func (a *array) smallint(n int16) {
	a.begin(2)
	a.buf = binary.BigEndian.AppendUint16(a.buf, uint16(n))
}

func (a *array) text(s string) {
	a.begin(len(s))
	a.buf = append(a.buf, s...)
}

func (a *array) bytes(b []byte) {
	a.begin(len(b))
	a.buf = append(a.buf, b...)
}

// y2k is where the server counts times from.
const y2k = 946_684_800 // seconds since 1970

// moment adds a time, cut to microseconds as the server keeps it; null where there is none.
func (a *array) moment(t *time.Time) {
	if t == nil {
		a.null()
		return
	}
	a.bigint((t.Unix()-y2k)*1_000_000 + int64(t.Nanosecond())/1000)
}

// sometimes adds a head's time in nanoseconds, null where there is none.
func (a *array) sometimes(t time.Time) {
	if t.IsZero() {
		a.null()
		return
	}
	a.bigint(nanoseconds(t))
}

// parameter is the array once it is whole; nothing is added to it after that.
func (a *array) parameter() parameter {
	head, nulls := a.buf[:arrayHeadSize], uint32(0)
	if a.nulls {
		nulls = 1
	}
	binary.BigEndian.PutUint32(head, 1) // dimension
	binary.BigEndian.PutUint32(head[4:], nulls)
	binary.BigEndian.PutUint32(head[8:], a.element)
	binary.BigEndian.PutUint32(head[12:], uint32(a.count))
	binary.BigEndian.PutUint32(head[16:], 1) // where it begins to count
	return parameter{a.of, a.buf}
}

// trip is statements that go to the server together: one way there and one back, however many they are. What they
// return is not looked at.
type trip struct{ statements []statement }

type statement struct {
	sql        string
	parameters []parameter
}

func (t *trip) queue(sql string, parameters ...parameter) {
	t.statements = append(t.statements, statement{sql, parameters})
}

// line is what is kept of a connection with it.
type line struct {
	mode     pgx.QueryExecMode
	traced   bool              // somebody wants to hear of the driver's batches
	prepared map[string]string // statements that the server knows, and by which name
}

// lineKey is where a connection has its line.
const lineKey = "tilltape"

func lineOf(conn *pgx.Conn) *line {
	kept := conn.PgConn().CustomData()
	if l, is := kept[lineKey].(*line); is {
		return l
	}
	config := conn.Config()
	l := &line{mode: config.DefaultQueryExecMode, traced: config.Tracer != nil, prepared: map[string]string{}}
	kept[lineKey] = l
	return l
}

// send has the server do it all and returns its first error, of the kind that the driver's batches return. The way to
// speak is the one that the connection was made with; where that is one that only the driver knows, it gets a batch.
func (t *trip) send(ctx context.Context, conn *pgx.Conn) error {
	l := lineOf(conn)
	if l.traced || l.mode == pgx.QueryExecModeSimpleProtocol {
		return t.sendBatch(ctx, conn)
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	fresh := t.queueAll(pipeline, l)
	err := pipeline.Sync()
	if err == nil {
		err = l.results(pipeline, fresh)
	}
	err = cmp.Or(err, pipeline.Close())
	if pg, is := errors.AsType[*pgconn.PgError](err); is && pg.Code == codeNoStatement {
		_ = conn.Close(ctx) // somebody has had the server forget its statements: another connection knows of none
	}
	return err
}

// queueAll puts all into a pipeline. It returns the statements that get a name now.
func (t *trip) queueAll(pipeline *pgconn.Pipeline, l *line) (fresh []statement) {
	named := l.mode == pgx.QueryExecModeCacheStatement
	names := map[string]string{}
	for _, s := range t.statements {
		if _, known := l.prepared[s.sql]; named && !known && names[s.sql] == "" {
			names[s.sql] = statementName(len(l.prepared) + len(fresh))
			fresh = append(fresh, s)
			pipeline.SendPrepare(names[s.sql], s.sql, s.oids())
		}
	}
	if len(fresh) > 0 {
		pipeline.SendPipelineSync() // one that is refused has no say in whether those before it stay
	}
	for _, s := range t.statements {
		values, formats := make([][]byte, len(s.parameters)), make([]int16, len(s.parameters))
		for i, p := range s.parameters {
			values[i], formats[i] = p.value, pgx.BinaryFormatCode
		}
		if named {
			pipeline.SendQueryPrepared(cmp.Or(l.prepared[s.sql], names[s.sql]), values, formats, nil)
		} else {
			pipeline.SendQueryParams(s.sql, values, s.oids(), formats, nil)
		}
	}
	return fresh
}

// statementName is the name of a connection's statement: the first that is not in use.
func statementName(n int) string { return "tilltape_" + strconv.Itoa(n) }

func (s *statement) oids() []uint32 {
	oids := make([]uint32, len(s.parameters))
	for i, p := range s.parameters {
		oids[i] = p.oid
	}
	return oids
}

// results reads what the server says to all that is in the pipeline, and keeps the names that it took. It returns the
// first error.
func (l *line) results(pipeline *pgconn.Pipeline, fresh []statement) (first error) {
	for {
		result, err := pipeline.GetResults()
		switch r := result.(type) {
		case *pgconn.StatementDescription:
			l.prepared[fresh[0].sql], fresh = statementName(len(l.prepared)), fresh[1:]
		case *pgconn.ResultReader:
			_, err = r.Close()
		case nil:
			if err == nil {
				return first
			}
		}
		first = cmp.Or(first, err)
		if _, said := errors.AsType[*pgconn.PgError](err); err != nil && !said {
			return first // there is nobody to read from any more
		}
	}
}

// sendBatch is send by the driver's own means.
func (t *trip) sendBatch(ctx context.Context, conn *pgx.Conn) error {
	var b pgx.Batch
	for _, s := range t.statements {
		arguments := make([]any, len(s.parameters))
		for i, p := range s.parameters {
			var err error
			if arguments[i], err = p.decoded(conn.TypeMap()); err != nil {
				return err
			}
		}
		b.Queue(s.sql, arguments...)
	}
	return conn.SendBatch(ctx, &b).Close()
}

// decoded is the parameter as the driver takes it.
func (p parameter) decoded(types *pgtype.Map) (any, error) {
	scan := func(into any) error { return types.Scan(p.oid, pgtype.BinaryFormatCode, p.value, into) }
	switch p.oid {
	case pgtype.Int8OID:
		return int64(number(p.value)), nil
	case pgtype.TextOID:
		return string(p.value), nil
	case pgtype.ByteaOID:
		return p.value, nil
	case pgtype.Int8ArrayOID:
		return scanned[*int64](scan)
	case pgtype.Int2ArrayOID:
		return scanned[*int16](scan)
	case pgtype.TextArrayOID:
		return scanned[*string](scan)
	case pgtype.ByteaArrayOID:
		return scanned[[]byte](scan)
	case pgtype.TimestamptzArrayOID:
		return scanned[*time.Time](scan)
	}
	return nil, fmt.Errorf("a parameter of the type %d", p.oid)
}

func scanned[E any](scan func(any) error) (all []E, err error) {
	err = scan(&all)
	return all, err
}
