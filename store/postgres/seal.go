package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// readRow reads the log's row, and where its records end.
func (l *Log) readRow(ctx context.Context, by querier) (r row, err error) {
	err = by.QueryRow(ctx, l.sql.row).Scan(&r.origin, &r.ancestry, &r.position, &r.frontier, &r.last,
		&r.standby)
	if err == pgx.ErrNoRows {
		return row{}, &ServerError{Kind: ErrNoLog, Log: l.name, Reason: "no log was begun in the schema yet",
			Remedy: "open it once for appends"}
	}
	if err == nil && !sealed.IsOrigin(r.origin) {
		err = l.damagedError("its origin is unreadable")
	}
	return r, err
}

// growTo returns the tree over the log as the row of the turn has it, grown from the tree that this handle knew before
// by the leaves of the records after it, as far as they were read; the caller may change it. The row's frontier has to
// be what comes of that: so a record of another process counts only with the frontier it was sealed by.
func (l *Log) growTo(ctx context.Context, by querier, t *turn) (*seal.Tree, error) {
	switch have := t.before.Size(); {
	case t.row.position < have:
		return l.wentBack(ctx, by, t.before, t.row)
	case t.row.position-have > uint64(len(t.leaves)):
		return l.loadAfter(ctx, by, t.before, t.row)
	}
	if t.grow(); t.grown != nil {
		return t.grown, nil
	}
	if l.config.MayGoBack {
		return l.reload(ctx, by, t.row)
	}
	return nil, l.damagedError("its seal over %d records is not what this log had of the first %d and what was added "+
		"since give", t.row.position, t.before.Size())
}

// wentBack is about a database that has lost what this handle knows to have been there.
func (l *Log) wentBack(ctx context.Context, by querier, before *seal.Tree, now row) (*seal.Tree, error) {
	if l.config.MayGoBack {
		return l.reload(ctx, by, now)
	}
	return nil, l.damagedError("it ends at position %d, and had %d records: it was restored from an older copy, or its "+
		"server was replaced by one that was behind; to go on from what is there, open it again", now.position, before.Size())
}

// reload makes the tree anew and forgets the one before.
func (l *Log) reload(ctx context.Context, by querier, now row) (*seal.Tree, error) {
	tree, err := sealed.Load(ctx, l.name, now.frontier, &source{l, by})
	if err == nil {
		l.tree.Store(tree)
		tree = tree.Clone()
	}
	return tree, err
}

// loadAfter makes the tree anew where more was added than is read at once, and proves that it goes on from the one
// before.
func (l *Log) loadAfter(ctx context.Context, by querier, before *seal.Tree, now row) (*seal.Tree, error) {
	from := &source{l, by}
	tree, err := sealed.Load(ctx, l.name, now.frontier, from)
	if err != nil {
		return nil, err
	}
	if tree.Size() != now.position {
		return nil, l.damagedError("its seal covers %d records, and it has %d", tree.Size(), now.position)
	}
	s := &sealed.Seal{Log: l.name, Tree: before}
	err = s.Verify(ctx, from, sealed.Stored{Frontier: now.frontier, Last: now.position})
	if l.config.MayGoBack && errors.Is(err, store.ErrDamaged) {
		return l.reload(ctx, by, now)
	}
	return tree, err
}

// now is the log as the server has it, and the tree over it: one round trip, or some where other processes have
// appended much.
func (l *Log) now(ctx context.Context, by querier) (row, *seal.Tree, error) {
	before := l.tree.Load()
	t := &turn{before: before}
	var s pgx.Batch
	s.Queue(l.sql.row).QueryRow(func(r pgx.Row) error {
		return r.Scan(&t.row.origin, &t.row.ancestry, &t.row.position, &t.row.frontier, &t.row.last, &t.row.standby)
	})
	s.Queue(l.sql.news, int64(before.Size()), leavesMax).Query(t.readNews)
	if err := by.SendBatch(ctx, &s).Close(); err != nil {
		return row{}, nil, err
	}
	if !l.config.MayGoBack {
		if err := l.behind(ending{t.row.position, t.row.standby}, before.Size()); err != nil {
			return row{}, nil, err
		}
	}
	if t.row.position == before.Size() && bytes.Equal(t.row.frontier, before.AppendFrontier(nil)) {
		return t.row, before, nil
	}
	tree, err := l.growTo(ctx, by, t)
	if err == nil {
		tree.Full()
		l.keep(tree)
	}
	return t.row, tree, err
}

// sealNow is the log's seal as the server has it, in this handle's memory.
func (l *Log) sealNow(ctx context.Context) (s *sealed.Seal, r row, err error) {
	err = l.onOne(ctx, func(by querier) error {
		s, r, err = l.sealBy(ctx, by)
		return err
	})
	return s, r, explain(ctx, l.name, "read the seal", err)
}

// sealBy is sealNow, read by what the caller reads by.
func (l *Log) sealBy(ctx context.Context, by querier) (*sealed.Seal, row, error) {
	const doing = "read the seal"
	if err := l.usable(ctx, doing); err != nil {
		return nil, row{}, err
	}
	r, tree, err := l.now(ctx, by)
	if err != nil {
		return nil, row{}, explain(ctx, l.name, doing, err)
	}
	if !sealed.IsOrigin(r.origin) {
		return nil, row{}, l.damagedError("its origin is unreadable")
	}
	return &sealed.Seal{Log: l.name, Origin: r.origin, Tree: tree, Signer: l.naming.Signer}, r, nil
}

// Tree returns what the log holds at this moment, unsigned: its origin, the number of its records and the root over
// them. The root is that of the tree in memory, which has this handle's records as they were appended and those of
// others as they were when it first heard of them: what was altered on the server since is never vouched for.
func (l *Log) Tree(ctx context.Context) (seal.Checkpoint, error) {
	s, _, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, err
	}
	return s.Checkpoint(), nil
}

// Checkpoint implements [store.Checkpointer]: [Log.Tree], signed by Config.Signer as a note in C2SP form. Without a
// signer it answers with store.ErrInvalid.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := l.signs(); err != nil {
		return nil, err
	}
	s, _, err := l.sealNow(ctx)
	if err != nil {
		return nil, err
	}
	_, signed, err := s.Sign()
	return signed, err
}

// signs is the error of a log without a signer.
func (l *Log) signs() error {
	if l.naming.Signer == nil {
		return fmt.Errorf("%w: %s: no signer; open it with Config.Signer", store.ErrInvalid, l.name)
	}
	return nil
}

// Prove returns the proof, for whoever has the record at the position, that it is in this log at that place. It shows
// nothing of any other record. It needs Config.Signer, and proves nothing that the record on the server does not bear
// out: one that was altered is store.ErrDamaged. Cost: three round trips.
func (l *Log) Prove(ctx context.Context, position uint64) (proof seal.Proof, err error) {
	if err := l.signs(); err != nil {
		return seal.Proof{}, err
	}
	err = l.onOne(ctx, func(by querier) error {
		s, _, err := l.sealBy(ctx, by)
		if err != nil {
			return err
		}
		_, signed, err := s.Sign()
		if err != nil {
			return err
		}
		proof, err = s.Prove(ctx, &source{l, by}, signed, position)
		return err
	})
	return proof, explain(ctx, l.name, "prove a record", err)
}

// ProveConsistency returns the hashes that prove, to whoever has the two checkpoints, that the log of size records
// begins with the log of old records; see [seal.VerifyConsistency]. Cost: two round trips.
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) (proof []seal.Hash, err error) {
	err = l.onOne(ctx, func(by querier) error {
		s, _, err := l.sealBy(ctx, by)
		if err != nil {
			return err
		}
		proof, err = s.ProveConsistency(ctx, &source{l, by}, old, size)
		return err
	})
	return proof, explain(ctx, l.name, "prove that the log only grew", err)
}

// Ancestry returns what the log held under each of its earlier origins, oldest first: a log that was copied from
// another has that one's, one that took a name later that from before. [Log.Verify] proves that its records begin with
// theirs; only whoever kept their checkpoints can tell that the origins are the right ones.
func (l *Log) Ancestry(ctx context.Context) ([]seal.Checkpoint, error) {
	_, r, err := l.sealNow(ctx)
	if err != nil {
		return nil, err
	}
	return l.past(r)
}

func (l *Log) past(r row) ([]seal.Checkpoint, error) {
	past, ok := sealed.ParseAncestry(r.ancestry)
	if !ok {
		return nil, l.damagedError("the list of its earlier origins is unreadable")
	}
	return past, nil
}

// source is the server as what a seal is read from. It needs no transaction: what it reads never changes.
type source struct {
	log *Log
	by  querier
}

// Tiles implements [sealed.Source].
func (s *source) Tiles(ctx context.Context, tiles []seal.TileID, bytes [][]byte) error {
	levels, indexes := tileColumns(tiles)
	var found map[seal.TileID][]byte
	var end ending
	var b pgx.Batch
	b.Queue(s.log.sql.tiles, levels, indexes).Query(func(rows pgx.Rows) (err error) {
		found, err = scanTiles(rows, len(tiles))
		return err
	})
	b.Queue(s.log.sql.end).QueryRow(end.scan)
	if err := s.by.SendBatch(ctx, &b).Close(); err != nil {
		return explain(ctx, s.log.name, "read the seal", err)
	}
	for i, t := range tiles {
		if bytes[i] = found[t]; bytes[i] == nil {
			if err := s.log.behind(end, s.log.tree.Load().Size()); err != nil {
				return err
			}
			return s.log.damagedError("tile %d of level %d of its seal is missing", t.Index, t.Level)
		}
	}
	return nil
}

// tileColumns are the columns that tiles are found by.
func tileColumns(tiles []seal.TileID) (levels []int16, indexes []int64) {
	for _, t := range tiles {
		levels, indexes = append(levels, int16(t.Level)), append(indexes, int64(t.Index))
	}
	return levels, indexes
}

// scanTiles reads the rows of tiles, at most so many.
func scanTiles(rows pgx.Rows, most int) (map[seal.TileID][]byte, error) {
	defer rows.Close()
	found := make(map[seal.TileID][]byte, most)
	for rows.Next() {
		var t seal.TileID
		var hashes []byte
		if err := rows.Scan(&t.Level, &t.Index, &hashes); err != nil {
			return nil, err
		}
		found[t] = hashes
	}
	return found, rows.Err()
}

// Leaves implements [sealed.Source]. The server hashes the frames that it has.
func (s *source) Leaves(ctx context.Context, first uint64, hashes []seal.Hash) error {
	const doing = "read the records that the seal ends with"
	rows, err := s.by.Query(ctx, s.log.sql.leaves, int64(first-1), len(hashes))
	if err != nil {
		return explain(ctx, s.log.name, doing, err)
	}
	defer rows.Close()
	next := first
	for rows.Next() {
		var at uint64
		var leaf raw
		if err := rows.Scan(&at, &leaf); err != nil {
			return explain(ctx, s.log.name, doing, err)
		}
		if at != next || len(leaf) != seal.HashSize {
			return s.log.damagedAt(next, "there is no record here")
		}
		hashes[next-first] = seal.Hash(leaf)
		next++
	}
	if err := rows.Err(); err != nil {
		return explain(ctx, s.log.name, doing, err)
	}
	if next != first+uint64(len(hashes)) {
		return s.log.damagedAt(next, "there is no record here")
	}
	return nil
}
