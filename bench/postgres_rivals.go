package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/events"
)

// oneEach writes to the very tables of our log, one transaction an append, in as few round trips as that takes. It
// leaves the seal alone.
type oneEach struct{ pool *pgxpool.Pool }

const oneEachSchema = "one_each"

func (p *pgBench) openOneEach() (keeper, error) {
	if !p.oneEach { // ours makes the tables, and would not open them once another one has written to them
		k, err := openPGOurs(p.server.URL(), oneEachSchema)
		if err != nil {
			return nil, err
		}
		if err := k.Close(); err != nil {
			return nil, err
		}
		p.oneEach = true
	}
	pool, err := p.pool()
	if err != nil {
		return nil, err
	}
	return oneEach{pool}, nil
}

// What it says to the server.
const (
	oneEachLock   = "SELECT position FROM one_each.log FOR UPDATE"
	oneEachHead   = "SELECT version, position FROM one_each.heads WHERE category = $1 AND stream = $2"
	oneEachOwners = "SELECT count(*) FROM one_each.keys WHERE key = ANY($1) AND (category, stream) <> ($2, $3)"
	oneEachRecord = "INSERT INTO one_each.records (position, version, category, stream, record_id, frame, fact, actor) " +
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	oneEachSummary = `INSERT INTO one_each.heads
			(category, stream, version, position, status, status_since, phase, operation_since, due)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (category, stream) DO UPDATE SET
			version = excluded.version, position = excluded.position, status = excluded.status,
			status_since = excluded.status_since, phase = excluded.phase, operation_since = excluded.operation_since,
			due = excluded.due`
	oneEachKeys = "INSERT INTO one_each.keys (key, category, stream, position) " +
		"SELECT k, $2, $3, $4 FROM unnest($1::bytea[]) AS k ON CONFLICT DO NOTHING"
	oneEachEnd = "UPDATE one_each.log SET position = $1"
)

func (k oneEach) Append(r *events.Record, after uint64) error {
	frame, err := events.Prepare(*r)
	if err != nil {
		return err
	}
	ctx := context.Background()
	return k.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := oneEachAppend(ctx, conn, r, after, frame); err != nil {
			_, rollback := conn.Exec(ctx, "ROLLBACK")
			return errors.Join(err, rollback)
		}
		return nil
	})
}

func oneEachAppend(ctx context.Context, conn *pgxpool.Conn, r *events.Record, after uint64,
	frame events.Prepared) error {
	keys := make([][]byte, len(r.Keys))
	for i, key := range r.Keys {
		keys[i] = []byte(key)
	}
	var last, version, previous uint64
	var taken int
	var b pgx.Batch
	b.Queue("BEGIN")
	b.Queue(oneEachLock).QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
	b.Queue(oneEachHead, r.Stream.Category, r.Stream.ID).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&version, &previous); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	b.Queue(oneEachOwners, keys, r.Stream.Category, r.Stream.ID).QueryRow(func(row pgx.Row) error {
		return row.Scan(&taken)
	})
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	switch {
	case version != after:
		return errStale
	case taken > 0:
		return errTaken
	}
	bytes, err := frame.AppendFrame(nil, after+1, last+1, previous)
	if err != nil {
		return err
	}
	h := headOf(r, after+1, last+1)
	b = pgx.Batch{}
	b.Queue(oneEachRecord, last+1, after+1, r.Stream.Category, r.Stream.ID, r.ID, bytes, string(r.Event.Kind()), r.Actor)
	b.Queue(oneEachSummary, r.Stream.Category, r.Stream.ID, after+1, last+1, h.status, int64(h.since), r.Head.Phase,
		orNull(nanos(r.Head.OperationSince)), orNull(h.due))
	if len(keys) > 0 {
		b.Queue(oneEachKeys, keys, r.Stream.Category, r.Stream.ID, last+1)
	}
	b.Queue(oneEachEnd, last+1)
	b.Queue("COMMIT")
	return conn.SendBatch(ctx, &b).Close()
}

// orNull is the number, and nothing where it is 0.
func orNull(n uint64) *int64 {
	if n == 0 {
		return nil
	}
	signed := int64(n)
	return &signed
}

func (k oneEach) Close() error {
	k.pool.Close()
	return nil
}

// byFunction writes with one function call an append, the function being the whole transaction.
type byFunction struct {
	pool *pgxpool.Pool
	call string
}

// staleCode is the SQLSTATE with which the functions refuse a stream at another version.
const staleCode = "40T01"

// categorySQL is as message-db writes: one table, one writer a category at a time by an advisory lock, the version from
// the stream's newest message.
const categorySQL = `
CREATE SCHEMA IF NOT EXISTS by_category;
CREATE TABLE IF NOT EXISTS by_category.messages (
	global_position bigserial PRIMARY KEY,
	id text NOT NULL UNIQUE,
	stream text NOT NULL,
	position bigint NOT NULL,
	data bytea NOT NULL,
	written timestamptz NOT NULL DEFAULT now(),
	UNIQUE (stream, position));
CREATE OR REPLACE FUNCTION by_category.write(category text, a_stream text, an_id text, a_data bytea, expected bigint)
	RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	have bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(category, 0));
	SELECT max(position) INTO have FROM by_category.messages WHERE stream = a_stream;
	IF coalesce(have, 0) <> expected THEN
		RAISE EXCEPTION 'wrong expected version' USING ERRCODE = '40T01';
	END IF;
	INSERT INTO by_category.messages (id, stream, position, data) VALUES (an_id, a_stream, expected + 1, a_data);
	RETURN expected + 1;
END $$`

// streamSQL is as Marten writes: a row for each stream, which the append locks and moves on, and events that take their
// positions from a sequence, whichever of them commits first.
const streamSQL = `
CREATE SCHEMA IF NOT EXISTS by_stream;
CREATE TABLE IF NOT EXISTS by_stream.streams (
	id text PRIMARY KEY,
	type text NOT NULL,
	version bigint NOT NULL,
	updated timestamptz NOT NULL DEFAULT now());
CREATE SEQUENCE IF NOT EXISTS by_stream.positions;
CREATE TABLE IF NOT EXISTS by_stream.events (
	seq_id bigint PRIMARY KEY DEFAULT nextval('by_stream.positions'),
	id text NOT NULL UNIQUE,
	stream_id text NOT NULL REFERENCES by_stream.streams,
	version bigint NOT NULL,
	data bytea NOT NULL,
	written timestamptz NOT NULL DEFAULT now(),
	UNIQUE (stream_id, version));
CREATE OR REPLACE FUNCTION by_stream.write(category text, a_stream text, an_id text, a_data bytea, expected bigint)
	RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	IF expected = 0 THEN
		INSERT INTO by_stream.streams (id, type, version) VALUES (a_stream, category, 1) ON CONFLICT DO NOTHING;
	ELSE
		UPDATE by_stream.streams SET version = expected + 1, updated = now() WHERE id = a_stream AND version = expected;
	END IF;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'wrong expected version' USING ERRCODE = '40T01';
	END IF;
	INSERT INTO by_stream.events (id, stream_id, version, data) VALUES (an_id, a_stream, expected + 1, a_data);
	RETURN expected + 1;
END $$`

func (p *pgBench) openCategory() (keeper, error) { return p.openFunction("by_category", categorySQL) }

func (p *pgBench) openStream() (keeper, error) { return p.openFunction("by_stream", streamSQL) }

func (p *pgBench) openFunction(schema, sql string) (keeper, error) {
	if _, err := p.server.Exec(sql); err != nil {
		return nil, err
	}
	pool, err := p.pool()
	if err != nil {
		return nil, err
	}
	return byFunction{pool, fmt.Sprintf("SELECT %s.write($1, $2, $3, $4, $5)", schema)}, nil
}

func (k byFunction) Append(r *events.Record, after uint64) error {
	frame, err := events.Prepare(*r)
	if err != nil {
		return err
	}
	// What our frame has beside it, these have in columns; the size is the same.
	bytes, err := frame.AppendFrame(nil, after+1, after+1, after)
	if err != nil {
		return err
	}
	_, err = k.pool.Exec(context.Background(), k.call, r.Stream.Category, r.Stream.ID, r.ID, bytes, after)
	if pg, is := errors.AsType[*pgconn.PgError](err); is && pg.Code == staleCode {
		return errStale
	}
	return err
}

func (k byFunction) Close() error {
	k.pool.Close()
	return nil
}
