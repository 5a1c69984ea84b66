package main

import (
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
)

// Why a contender refuses an append. All but raw do.
var (
	errStale = errors.New("the stream is at another version")
	errTaken = errors.New("the lookup key belongs to another stream")
)

// keeper is a contender's open log. Append is called by many goroutines at once. It makes the record durable as the
// stream's next one after version after, with its lookup keys and its place in the indexes; it fails with errStale or
// errTaken and then has changed nothing.
type keeper interface {
	Append(r *events.Record, after uint64) error
	Close() error
}

// contender is one way to keep a log.
type contender struct {
	Name string
	Less string // what it does less than ours
	Base string // contenders with equal bases begin from the same file
	// Steady is how many orders bring it into the state that it is in all day. Before a cell on a large preload so many
	// are appended.
	Steady int
	// open opens or makes the log at path, a file or a directory.
	open func(path string) (keeper, error)
	// fill makes a log at path that holds the first fact of so many orders; nothing of it needs to be durable before it
	// returns.
	fill func(path string, c *course, orders int) error
}

// contenders are all of them, in the order in which they take their turns.
func contenders() []contender {
	return []contender{
		{Name: nameRaw, Base: "raw", open: openRaw, fill: fillRaw,
			Less: "no version check, no keys, no index, nothing can be found again: the ceiling, not a store"},
		{Name: namePlain, Base: "plain", open: openPlain, fill: fillPlain,
			Less: "no seal, no recognised retry, no attention index"},
		{Name: nameSQLite, Base: "sqlite", open: openSQLite, fill: fillSQLite,
			Less: "no seal, no recognised retry, no attention index"},
		{Name: nameSQLiteGroup, Base: "sqlite", open: openSQLiteGroup, fill: fillSQLite,
			Less: "no seal, no recognised retry, no attention index"},
		{Name: namePebble, Base: "pebble", open: openPebble, fill: fillPebble,
			Less: "no seal, no recognised retry, no attention index; a reader can see position n+1 before n"},
		{Name: nameOurs, Steady: oursSteady, Base: "ours", open: openOurs, fill: fillOurs},
		{Name: nameJournal, Steady: oursSteady, Base: "ours", open: openJournal, fill: fillOurs},
		{Name: nameUnsealed, Base: "unsealed", Steady: oursSteady, open: openOurs, fill: fillUnsealed,
			Less: "no seal: whoever can write the file can alter the past unseen"},
	}
}

// The names that figures refer to.
const (
	nameRaw         = "raw file"
	namePlain       = "bbolt, DB.Update"
	nameSQLite      = "SQLite, tx an event"
	nameSQLiteGroup = "SQLite, group commit"
	namePebble      = "Pebble, sync"
	nameOurs        = "tilltape"
	nameJournal     = "tilltape, journal"
	nameUnsealed    = "tilltape, unsealed"
)

// fillEach gives the first fact of each order to put, in batches.
func fillEach(c *course, orders, batch int, put func([]events.Record) error) error {
	m := c.maker()
	for orders > 0 {
		n := min(batch, orders)
		records := make([]events.Record, n)
		for i := range records {
			_, facts := m.newOrder()
			records[i] = facts[0]
		}
		if err := put(records); err != nil {
			return fmt.Errorf("preloading: %w", err)
		}
		orders -= n
	}
	return nil
}
