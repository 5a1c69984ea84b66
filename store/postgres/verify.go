package postgres

import (
	"context"
	"math/bits"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// Verify reads everything in the log's tables, as far as they went when Verify began, and proves that the log is whole:
// each record's bytes are what was sealed at its position, and every tile of the seal leads to the tree that the log
// has in memory; each record follows the one it names in its stream; what stands beside a record for people is what it
// says; each stream's head and each lookup key is found and is what its record says, and none is there that no record
// made. Appends go on meanwhile. The error is a *store.DamagedError with the position where there is one. progress,
// where it is not nil, is told now and then how many of how many records are done. Memory is a page, whatever the log's
// length.
func (l *Log) Verify(ctx context.Context, progress func(done, total uint64)) error {
	err := l.onOne(ctx, func(by querier) error {
		s, _, err := l.sealBy(ctx, by)
		if err != nil {
			return err
		}
		v := &verifier{log: l, by: by, seal: s, records: s.Records(), end: s.Tree.Size()}
		return v.all(ctx, progress)
	})
	return explain(ctx, l.name, "verify "+l.name, err)
}

// verifier is a verification under way.
type verifier struct {
	log     *Log
	by      querier
	seal    *sealed.Seal
	records *sealed.Records
	end     uint64 // position of the last record to verify
}

func (v *verifier) all(ctx context.Context, progress func(done, total uint64)) error {
	for done := uint64(0); done < v.end; {
		if err := v.log.usable(ctx, "verify "+v.log.name); err != nil {
			return err
		}
		page, err := v.page(ctx, done)
		if err != nil {
			return err
		}
		if err := v.linked(ctx, page); err != nil {
			return err
		}
		if done += uint64(len(page)); progress != nil {
			progress(done, v.end)
		}
	}
	if err := v.heads(ctx); err != nil {
		return err
	}
	if err := v.keys(ctx); err != nil {
		return err
	}
	return v.whole(ctx)
}

// stored is a record's row.
type stored struct {
	events.Record
	id, fact, actor string
	columns         columns
	frame           []byte
}

// page reads the next records and proves each of them, by itself.
func (v *verifier) page(ctx context.Context, done uint64) ([]stored, error) {
	rows, err := v.by.Query(ctx, v.log.sql.verifyPage, bigint(done), bigint(v.end), pageMax, pageBytesMax)
	if err != nil {
		return nil, err
	}
	next := done
	page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stored, err error) {
		var position, version uint64
		var category, stream string
		if err := row.Scan(&position, &version, &category, &stream, &s.frame, &s.id, &s.fact, &s.actor, &s.columns.occurred,
			&s.columns.recorded, &s.columns.amount, &s.columns.currency); err != nil {
			return s, err
		}
		if next++; position != next {
			return s, v.log.damagedAt(next, "there is no record here")
		}
		if s.Record, err = v.log.decode(position, s.frame); err != nil {
			return s, err
		}
		if s.Version != version || s.Stream != (events.Stream{Category: category, ID: stream}) {
			return s, v.log.damagedAt(position, "version %d of %s %q should be here, but it is version %d of %s %q", version,
				category, stream, s.Version, s.Stream.Category, s.Stream.ID)
		}
		return s, v.beside(&s)
	})
	if err != nil {
		return nil, err
	}
	if len(page) == 0 {
		return nil, v.log.damagedAt(done+1, "there is no record here")
	}
	for _, s := range page {
		if err := v.records.Hold(ctx, &source{v.log, v.by}, s.Position, s.frame); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// beside checks what stands beside the frame for people.
func (v *verifier) beside(s *stored) error {
	want := columnsOf(&s.Record)
	for _, c := range []struct {
		name string
		same bool
	}{
		{"record_id", s.id == s.ID}, {"fact", s.fact == want.fact}, {"actor", s.actor == s.Actor},
		{"occurred", same(s.columns.occurred, want.occurred, time.Time.Equal)},
		{"recorded", same(s.columns.recorded, want.recorded, time.Time.Equal)},
		{"amount_minor", same(s.columns.amount, want.amount, func(a, b int64) bool { return a == b })},
		{"currency", same(s.columns.currency, want.currency, func(a, b string) bool { return a == b })},
	} {
		if !c.same {
			return v.log.damagedAt(s.Position, "its column %s does not say what the record says", c.name)
		}
	}
	return nil
}

// same tells whether two columns are both null or equal.
func same[T any](a, b *T, equal func(a, b T) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return equal(*a, *b)
}

// linked checks that each record of a page follows the one that it names, that its stream's head is of it or of a later
// one, and that its keys lead to its stream.
func (v *verifier) linked(ctx context.Context, page []stored) error {
	var positions, versions []int64
	var categories, streams []string
	for _, s := range page {
		positions, versions = append(positions, int64(s.Position)), append(versions, int64(s.Version))
		categories, streams = append(categories, s.Stream.Category), append(streams, s.Stream.ID)
	}
	rows, err := v.by.Query(ctx, v.log.sql.verifyLinks, positions, categories, streams, versions)
	if err != nil {
		return err
	}
	i := 0
	var previous, headVersion, headPosition uint64
	_, err = pgx.ForEachRow(rows, []any{&previous, &headVersion, &headPosition}, func() error {
		s := &page[i]
		i++
		switch {
		case previous != s.Previous || (s.Version == 1) != (previous == 0):
			return v.log.damagedAt(s.Position, "it names position %d as the one before it, and that is at %d", s.Previous,
				previous)
		case headVersion < s.Version || headVersion == s.Version && headPosition != s.Position || headPosition < s.Position:
			return v.log.damagedAt(s.Position, "it has version %d, and its stream is said to end with version %d at position %d",
				s.Version, headVersion, headPosition)
		}
		return nil
	})
	if err == nil && i != len(page) {
		err = v.log.damagedError("its records cannot be found by their streams")
	}
	if err != nil {
		return err
	}
	return v.owned(ctx, page)
}

// owned checks that the lookup keys of a page's records lead to their streams.
func (v *verifier) owned(ctx context.Context, page []stored) error {
	var keys [][]byte
	var of []*stored
	for i := range page {
		for _, key := range page[i].Keys {
			keys, of = append(keys, []byte(key)), append(of, &page[i])
		}
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := v.by.Query(ctx, v.log.sql.owners, keys)
	if err != nil {
		return err
	}
	owners := map[events.Key]events.Stream{}
	var key []byte
	var owner events.Stream
	if _, err = pgx.ForEachRow(rows, []any{&key, &owner.Category, &owner.ID}, func() error {
		owners[events.Key(key)] = owner
		return nil
	}); err != nil {
		return err
	}
	for i, s := range of {
		if owners[events.Key(keys[i])] != s.Stream {
			return v.log.damagedAt(s.Position, "its lookup key %q does not lead to it", keys[i])
		}
	}
	return nil
}

// heads checks that each head is what its record says.
func (v *verifier) heads(ctx context.Context) error {
	var after events.Stream
	for {
		if err := v.log.usable(ctx, "verify "+v.log.name); err != nil {
			return err
		}
		rows, err := v.by.Query(ctx, v.log.sql.verifyHeads, after.ID, after.Category, headsMax)
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Head, error) {
			var frame []byte
			h, err := scanHead(withLast{row, &frame})
			if err != nil {
				return h, err
			}
			if frame == nil {
				return h, v.log.damagedAt(h.Position, "%s %q is said to end here, and there is no record", h.Stream.Category,
					h.Stream.ID)
			}
			r, err := v.log.decode(h.Position, frame)
			if err == nil && (store.Head{Stream: r.Stream, Version: r.Version, Position: r.Position, Head: r.Head}) != h {
				err = v.log.damagedAt(h.Position, "the head of %s %q is not what the record says that it ends with",
					h.Stream.Category, h.Stream.ID)
			}
			return h, err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].Stream
	}
}

// withLast is a row with one more column than its reader knows.
type withLast struct {
	pgx.CollectableRow
	last any
}

func (w withLast) Scan(dest ...any) error { return w.CollectableRow.Scan(append(dest, w.last)...) }

// keys checks that each lookup key leads to a record that has it.
func (v *verifier) keys(ctx context.Context) error {
	after := []byte{}
	for {
		if err := v.log.usable(ctx, "verify "+v.log.name); err != nil {
			return err
		}
		rows, err := v.by.Query(ctx, v.log.sql.verifyKeys, after, headsMax)
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (key []byte, err error) {
			var owner events.Stream
			var position uint64
			var frame []byte
			if err := row.Scan(&key, &owner.Category, &owner.ID, &position, &frame); err != nil {
				return nil, err
			}
			if frame != nil {
				r, err := v.log.decode(position, frame)
				if err != nil {
					return nil, err
				}
				for _, k := range r.Keys {
					if string(k) == string(key) && r.Stream == owner {
						return key, nil
					}
				}
			}
			return nil, v.log.damagedAt(position, "the lookup key %q leads here, and the record does not have it", key)
		})
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1]
	}
}

// whole checks what there is once: the seal as it is stored, where the log ends, and that no tile is there besides.
func (v *verifier) whole(ctx context.Context) error {
	r, err := v.log.readRow(ctx, v.by)
	if err != nil {
		return err
	}
	past, err := v.log.past(r)
	if err != nil {
		return err
	}
	if r.origin != v.seal.Origin {
		return v.log.damagedError("it names another log than when the verification began")
	}
	if err := v.seal.Verify(ctx, &source{v.log, v.by}, sealed.Stored{Frontier: r.frontier, Last: r.last,
		Past: past}); err != nil {
		return err
	}
	var position, tiles uint64
	if err := v.by.QueryRow(ctx, v.log.sql.verifyTiles).Scan(&position, &tiles); err != nil {
		return err
	}
	want := uint64(0)
	for n := position; n > 0; {
		n >>= bits.TrailingZeros(seal.TileWidth)
		want += n
	}
	if tiles != want {
		return v.log.damagedError("its seal over %d records has %d tiles and should have %d", position, tiles, want)
	}
	return nil
}
