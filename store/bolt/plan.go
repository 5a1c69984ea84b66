package bolt

import (
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// plan is one commit to be, place and summary what is known of a stream, and claim of a lookup key.
type (
	plan    = ledger.Plan[look]
	place   = ledger.Place
	summary = ledger.Summary
	claim   = ledger.Claim
)

// turn is what a plan goes after: all that is in the log. A log writes one plan at a time.
func (l *Log) turn() ledger.Turn[look] {
	l.before = before{l, l.lazy.layers()}
	return ledger.Turn[look]{Before: &l.before, Last: l.before.memory.end, Tree: l.before.memory.tree}
}

// newPlan returns an empty plan.
func (l *Log) newPlan() *plan {
	turn := l.turn()
	l.plan.Reset(turn.Before, turn.Last, turn.Tree)
	return &l.plan
}

// before is what was in the log when a plan was begun: as memory has it, as the file said when the request was
// prepared, or else as the file says.
type before struct {
	log    *Log
	memory layers
}

// Newest implements [ledger.Before].
func (b *before) Newest(r *request) (place, error) {
	if s := b.memory.newest(r.Stream); s != nil {
		return s.Place, nil
	}
	if b.memory.epoch == r.Look.epoch {
		return r.Look.newest, nil
	}
	return b.newestFiled(r)
}

// newestFiled asks the file: seldom, and what it needs of memory is not asked for by the others.
func (b *before) newestFiled(r *request) (at place, err error) {
	err = b.log.glance(func(tx reading) error {
		at, err = b.log.filedPlace(tx, r.Stream)
		return err
	})
	return at, err
}

// Owner implements [ledger.Before].
func (b *before) Owner(r *request, key events.Key) (events.Stream, bool, error) {
	if c, ok := b.memory.owner(key); ok {
		return c.Owner, true, nil
	}
	if b.memory.epoch == r.Look.epoch {
		owner, owned := r.Look.owners[key]
		return owner, owned, nil
	}
	return b.ownerFiled(key)
}

func (b *before) ownerFiled(key events.Key) (owner events.Stream, owned bool, err error) {
	err = b.log.glance(func(tx reading) error {
		owner, owned, err = b.log.filedOwner(tx, key)
		return err
	})
	return owner, owned, err
}

// writeTiles puts the tiles that were filled into a transaction.
func writeTiles(tx *bbolt.Tx, full []seal.Tile) error {
	if len(full) == 0 {
		return nil
	}
	tiles := tx.Bucket([]byte(bucketTiles))
	tiles.FillPercent = 1.0
	for _, tile := range full {
		hashes, err := tile.AppendBinary(nil)
		if err != nil {
			return err
		}
		if err := tiles.Put(tileKey(tile.Level, tile.Index), hashes); err != nil {
			return err
		}
	}
	return nil
}
