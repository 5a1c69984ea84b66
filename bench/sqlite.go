package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	_ "modernc.org/sqlite" // the driver

	"github.com/tilltape/tilltape/events"
)

// sqliteSchema is the log and what finds a record again. Tables without a row id are their own index.
const sqliteSchema = `
CREATE TABLE IF NOT EXISTS log (position INTEGER PRIMARY KEY, frame BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS heads (id TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL,
	status TEXT NOT NULL, since INTEGER NOT NULL, due INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heads_status ON heads (status, since);
CREATE INDEX IF NOT EXISTS heads_due ON heads (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;`

// sqliteCache is what SQLite may keep of its file in memory, in KiB; its own default of 2 MiB is no fair match.
const sqliteCache = 256 << 10

// sqliteCheckpoint is after how many pages of the write-ahead log they are copied into the file: 40 MB instead of the
// default's 4.
const sqliteCheckpoint = 10_000

// The statements of one append.
const (
	sqliteHead   = iota // version and position of a stream
	sqliteInsert        // the head of a new stream
	sqliteUpdate
	sqliteDrop
	sqliteKey // changes no row where the key has an owner
	sqliteOwner
	sqliteUnkey
	sqliteLog
	sqliteBegin
	sqliteCommit
	sqliteRollback
)

var sqliteStatements = [...]string{
	sqliteHead: `SELECT version, position FROM heads WHERE id = ?`,
	sqliteInsert: `INSERT INTO heads (version, position, status, since, due, id) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`,
	sqliteUpdate:   `UPDATE heads SET version = ?, position = ?, status = ?, since = ?, due = ? WHERE id = ?`,
	sqliteDrop:     `DELETE FROM heads WHERE id = ?`,
	sqliteKey:      `INSERT INTO keys (key, id) VALUES (?, ?) ON CONFLICT DO NOTHING`,
	sqliteOwner:    `SELECT id FROM keys WHERE key = ?`,
	sqliteUnkey:    `DELETE FROM keys WHERE key = ?`,
	sqliteLog:      `INSERT INTO log (position, frame) VALUES (?, ?)`,
	sqliteBegin:    `BEGIN IMMEDIATE`,
	sqliteCommit:   `COMMIT`,
	sqliteRollback: `ROLLBACK`,
}

// sqliteFile is the log in SQLite on one connection. It is for one goroutine at a time.
type sqliteFile struct {
	db         *sql.DB
	conn       *sql.Conn
	statements [len(sqliteStatements)]*sql.Stmt
	position   uint64
}

func openSQLiteFile(path string) (*sqliteFile, error) {
	db, err := sql.Open("sqlite", "file:"+path+fmt.Sprintf("?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
		"&_pragma=cache_size(-%d)&_pragma=wal_autocheckpoint(%d)", sqliteCache, sqliteCheckpoint))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	t := &sqliteFile{db: db}
	if err := t.ready(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return t, nil
}

func (t *sqliteFile) ready() (err error) {
	ctx := context.Background()
	if t.conn, err = t.db.Conn(ctx); err != nil {
		return err
	}
	if _, err = t.conn.ExecContext(ctx, sqliteSchema); err != nil {
		return err
	}
	for i, text := range sqliteStatements {
		if t.statements[i], err = t.conn.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return t.conn.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM log`).Scan(&t.position)
}

func (t *sqliteFile) exec(statement int, args ...any) (changed bool, err error) {
	result, err := t.statements[statement].Exec(args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// transact runs do in a transaction.
func (t *sqliteFile) transact(do func() error) error {
	if _, err := t.exec(sqliteBegin); err != nil {
		return err
	}
	if err := do(); err != nil {
		_, rollbackErr := t.exec(sqliteRollback)
		return errors.Join(err, rollbackErr)
	}
	_, err := t.exec(sqliteCommit)
	return err
}

// append writes one item. refused is why it was not, and then nothing of it was.
func (t *sqliteFile) append(it *item) (refused, err error) {
	previous := uint64(0)
	if it.after == 0 {
		refused, err = t.place(sqliteInsert, it)
	} else {
		previous, refused, err = t.check(it)
	}
	if refused != nil || err != nil {
		return refused, err
	}
	if refused, err := t.own(it.r); refused != nil || err != nil {
		if it.after == 0 && err == nil {
			_, err = t.exec(sqliteDrop, it.r.Stream.ID)
		}
		return refused, err
	}
	if it.after > 0 {
		if refused, err := t.place(sqliteUpdate, it); refused != nil || err != nil {
			return refused, err
		}
	}
	t.position++
	frame, err := it.frame.AppendFrame(nil, it.after+1, t.position, previous)
	if err != nil {
		return nil, err
	}
	_, err = t.exec(sqliteLog, t.position, frame)
	return nil, err
}

// check finds the stream at the version that the item follows.
func (t *sqliteFile) check(it *item) (previous uint64, refused, err error) {
	var version uint64
	err = t.statements[sqliteHead].QueryRow(it.r.Stream.ID).Scan(&version, &previous)
	if errors.Is(err, sql.ErrNoRows) || err == nil && version != it.after {
		return 0, errStale, nil
	}
	return previous, nil, err
}

// place writes the stream's head. A new stream's is refused where the stream is there already.
func (t *sqliteFile) place(statement int, it *item) (refused, err error) {
	var due any
	if !it.r.Head.Due.IsZero() {
		due = it.r.Head.Due.UnixNano()
	}
	changed, err := t.exec(statement, it.after+1, t.position+1, it.r.Head.Status, it.r.Head.StatusSince.UnixNano(), due,
		it.r.Stream.ID)
	if err == nil && !changed {
		refused = errStale
	}
	return refused, err
}

// own makes the keys the stream's, all of them or none. One that it owns already stays with it.
func (t *sqliteFile) own(r *events.Record) (refused, err error) {
	var fresh []events.Key
	for _, key := range r.Keys {
		changed, err := t.exec(sqliteKey, string(key), r.Stream.ID)
		if err != nil {
			return nil, err
		}
		if changed {
			fresh = append(fresh, key)
			continue
		}
		owner := ""
		if err := t.statements[sqliteOwner].QueryRow(string(key)).Scan(&owner); err != nil {
			return nil, err
		}
		if owner != r.Stream.ID {
			return errTaken, t.disown(fresh)
		}
	}
	return nil, nil
}

func (t *sqliteFile) disown(keys []events.Key) error {
	for _, key := range keys {
		if _, err := t.exec(sqliteUnkey, string(key)); err != nil {
			return err
		}
	}
	return nil
}

func (t *sqliteFile) Close() error {
	var err error
	for _, s := range t.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, t.conn.Close(), t.db.Close())
}

// sqliteEach is one transaction an event.
type sqliteEach struct {
	mu sync.Mutex
	*sqliteFile
}

func openSQLite(path string) (keeper, error) {
	t, err := openSQLiteFile(path)
	if err != nil {
		return nil, err
	}
	return &sqliteEach{sqliteFile: t}, nil
}

func (k *sqliteEach) Append(r *events.Record, after uint64) error {
	it, err := newItem(r, after)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.transact(func() error {
		refused, err := k.append(it)
		return errors.Join(refused, err)
	})
}

// sqliteGroup is one transaction a group.
type sqliteGroup struct {
	*sqliteFile
	group *group
}

func openSQLiteGroup(path string) (keeper, error) {
	t, err := openSQLiteFile(path)
	if err != nil {
		return nil, err
	}
	k := &sqliteGroup{sqliteFile: t}
	k.group = newGroup(k.commit)
	return k, nil
}

func (k *sqliteGroup) Append(r *events.Record, after uint64) error {
	it, err := newItem(r, after)
	if err != nil {
		return err
	}
	return k.group.do(it)
}

func (k *sqliteGroup) commit(items []*item) error {
	return k.transact(func() (err error) {
		for _, it := range items {
			if it.err, err = k.append(it); err != nil {
				return err
			}
		}
		return nil
	})
}

func (k *sqliteGroup) Close() error {
	k.group.close()
	return k.sqliteFile.Close()
}

// sqliteFillBatch is how many orders one transaction of the preload holds.
const sqliteFillBatch = 20_000

// fillSQLite inserts as the ids come, as a service would have, but without syncs and with the whole file in memory.
func fillSQLite(path string, c *course, orders int) (err error) {
	t, err := openSQLiteFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	for _, pragma := range []string{`PRAGMA synchronous = OFF`, `PRAGMA cache_size = -4000000`} {
		if _, err := t.conn.ExecContext(context.Background(), pragma); err != nil {
			return err
		}
	}
	return fillEach(c, orders, sqliteFillBatch, func(records []events.Record) error {
		return t.transact(func() error {
			for i := range records {
				it, err := newItem(&records[i], 0)
				if err != nil {
					return err
				}
				if refused, err := t.append(it); refused != nil || err != nil {
					return errors.Join(refused, err)
				}
			}
			return nil
		})
	})
}
