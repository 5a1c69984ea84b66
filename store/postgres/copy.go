package postgres

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/sealed"
)

// Proven returns what the log's seal says that it holds at this moment, and a sequence of just these records, oldest
// first, that proves it: no record is yielded before its stored bytes were found to hash to its leaf of the seal, and
// the sequence ends without an error only where all of them do. What they are held against is the tree in memory, and
// the full tiles as far as they lead to it. A record that was altered ends the sequence with a *store.DamagedError that
// has its position. The checkpoint is unsigned. Cost: All's, and for each record its SHA-256 and a node's, and for each
// page a round trip, in which the seal's tiles come, too.
func (l *Log) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	s, _, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	return s.Checkpoint(), func(yield func(events.Record, error) bool) { l.yieldProven(ctx, s, yield) }, nil
}

// yieldProven yields the records that the seal is over.
func (l *Log) yieldProven(ctx context.Context, s *sealed.Seal, yield func(events.Record, error) bool) {
	const doing = "read the log"
	held, from, end := s.Records(), &pageSource{source: source{l, l.pool}}, s.Tree.Size()
	read := func(ctx context.Context, p, before *page, after uint64) error {
		p.keep = true
		p.follow(before)
		return l.provenPage(ctx, p, after, end)
	}
	err := l.inPages(ctx, doing, 0, read, func(p *page) (bool, error) {
		from.page = p
		for i, r := range p.records {
			if err := held.Hold(ctx, from, r.Position, p.frame(i)); err != nil {
				return false, err
			}
			if !yield(r, nil) {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		yield(events.Record{}, explain(ctx, l.name, doing, err))
	}
}

// provenPage reads the log's next page up to a position, with its frames and the full tiles that begin in it: the one
// that the page before ended in is known.
func (l *Log) provenPage(ctx context.Context, p *page, after, end uint64) error {
	if after >= end {
		return nil
	}
	var b pgx.Batch
	var ends ending
	b.Queue(l.sql.end).QueryRow(ends.scan)
	b.Queue(l.sql.page, bigint(after), bigint(end), p.most).Query(func(rows pgx.Rows) error {
		return l.scan(rows, p, l.inOrder(after))
	})
	if wanted := tilesBegun(after, after+uint64(p.most), end); len(wanted) > 0 {
		levels, indexes := tileColumns(wanted)
		b.Queue(l.sql.tiles, levels, indexes).Query(func(rows pgx.Rows) (err error) {
			p.tiles, err = scanTiles(rows, len(wanted))
			return err
		})
	}
	err := l.pool.SendBatch(ctx, &b).Close()
	if err == nil && len(p.records) == 0 {
		if err := l.behind(ends, end); err != nil {
			return err
		}
		err = l.damagedAt(after+1, "there is no record here")
	}
	return err
}

// tilesBegun are the full tiles of the leaves whose first is of a record after one position and up to another, in a log
// that ends at end.
func tilesBegun(after, last, end uint64) (all []seal.TileID) {
	const width = seal.TileWidth
	for index := (after + width - 1) / width; index*width < last && (index+1)*width <= end; index++ {
		all = append(all, seal.TileID{Index: index})
	}
	return all
}

// pageSource is the server, and what has come of the seal with a page.
type pageSource struct {
	source
	page *page
}

// Tiles implements [sealed.Source].
func (s *pageSource) Tiles(ctx context.Context, tiles []seal.TileID, bytes [][]byte) error {
	for i, t := range tiles {
		if bytes[i] = s.page.tiles[t]; bytes[i] == nil {
			return s.source.Tiles(ctx, tiles, bytes)
		}
	}
	return nil
}

// Backup writes a copy of the log, as it is at the beginning of the call, to a new file of package store/bolt at the
// path: with the same frames, the same root and the same origin. Each record is held against the tree that this log
// has in memory, so one that was altered on the server is store.ErrDamaged with its position; and before the copy
// appears at the path it is read back whole. It can be opened at once: for reading as what it is, and for appends as a
// log of its own. progress, where it is not nil, is told now and then how many of how many records are copied. The path
// must be free, in an existing directory.
func (l *Log) Backup(ctx context.Context, path string, progress func(done, total uint64)) error {
	s, r, err := l.sealNow(ctx)
	if err != nil {
		return err
	}
	past, err := l.past(r)
	if err != nil {
		return err
	}
	return bolt.BackupOf(ctx, bolt.Original{Log: l.name, Checkpoint: s.Checkpoint(), Ancestry: past,
		Records: func(yield func(events.Record, error) bool) { l.yieldProven(ctx, s, yield) }}, path, progress)
}
