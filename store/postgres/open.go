package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
	"github.com/tilltape/tilltape/store/sealed"
)

// versionMin is the oldest server that is let in: PostgreSQL 15, which the tests run on, in its own way of counting.
const versionMin = 150000

// Open opens the log in the pool's database. A schema that no log was opened in yet gets one, unless Config.ReadOnly is
// set. The log uses the pool and does not close it; close the log first.
//
// Errors are of type *ServerError or *store.DamagedError and wrap [ErrNoLog], or package store's ErrUnavailable,
// ErrReadOnly, ErrNewerFormat, ErrDamaged or ErrStorage; a configuration nobody can mean, or one that the log's name
// forbids, wraps store.ErrInvalid. None has the password in it. Open makes some ten round trips and reads at most 255
// records, those next to the edge of the seal, and as many tiles a level.
func Open(ctx context.Context, pool *pgxpool.Pool, config *Config) (*Log, error) {
	var c Config
	if config != nil {
		c = *config
	}
	c.Schema = cmp.Or(c.Schema, DefaultSchema)
	if err := checkSchema(c.Schema); err != nil {
		return nil, err
	}
	if pool == nil {
		return nil, fmt.Errorf("%w: the pool is nil; make one with pgxpool.New", store.ErrInvalid)
	}
	name := nameOf(pool, c.Schema)
	named, err := sealed.Naming{Origin: c.Origin, Signer: c.Signer}.ReadKey(name, c.SignerKey)
	if err == nil {
		err = named.Check(name)
	}
	if err != nil {
		return nil, err
	}
	c.SignerKey = ""
	following, stop := context.WithCancel(context.Background())
	l := &Log{name: name, pool: pool, config: c, naming: named, sql: statementsIn(c.Schema), ended: make(chan struct{}),
		following: following, stop: stop, grown: make(chan struct{})}
	if err := l.ready(ctx); err != nil {
		stop()
		return nil, explain(ctx, name, "open "+name, err)
	}
	if !c.ReadOnly {
		l.queue = ledger.NewQueue[struct{}]()
		l.committed = make(chan struct{})
		go l.commitAll()
	}
	return l, nil
}

// ready makes the log's tables where that is wanted, and reads and checks all that must be known before the first call.
func (l *Log) ready(ctx context.Context) error {
	if err := l.checkServer(ctx); err != nil {
		return err
	}
	if l.config.Migrate && !l.config.ReadOnly {
		if err := Migrate(ctx, l.pool, l.config.Schema); err != nil {
			return err
		}
	}
	if err := l.checkSchema(ctx); err != nil {
		return err
	}
	if !l.config.ReadOnly {
		if err := l.checkFunctions(ctx); err != nil {
			return err
		}
		if err := l.begin(ctx); err != nil {
			return err
		}
	}
	return l.load(ctx)
}

// checkServer refuses a server that cannot keep the promise.
func (l *Log) checkServer(ctx context.Context) error {
	var version int
	var fsync, pages, synchronous, encoding string
	var standby, readOnly bool
	err := l.pool.QueryRow(ctx, `select current_setting('server_version_num')::int, current_setting('fsync'),
		current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('server_encoding'),
		pg_is_in_recovery(), current_setting('transaction_read_only')::bool`).
		Scan(&version, &fsync, &pages, &synchronous, &encoding, &standby, &readOnly)
	if err != nil {
		return err
	}
	switch {
	case version < versionMin:
		return &ServerError{Kind: store.ErrStorage, Log: l.name,
			Reason: fmt.Sprintf("the server is PostgreSQL %d, and %d is the oldest that this was tested with", version/10000,
				versionMin/10000), Remedy: "upgrade the server"}
	case encoding != "UTF8":
		return &ServerError{Kind: store.ErrStorage, Log: l.name,
			Reason: fmt.Sprintf("the database's encoding is %s", encoding),
			Remedy: "create a database with encoding UTF8, or ids in other scripts do not fit"}
	case l.config.ReadOnly:
		return nil
	case standby:
		return &ServerError{Kind: store.ErrReadOnly, Log: l.name, Reason: "the server is a standby, which takes no appends",
			Remedy: remedyPrimary}
	case readOnly:
		return &ServerError{Kind: store.ErrReadOnly, Log: l.name,
			Reason: "transactions here are read-only (default_transaction_read_only)", Remedy: remedyPrimary}
	case l.config.MayLoseNewest:
		return nil
	}
	for _, s := range []struct{ name, value string }{{"fsync", fsync}, {"full_page_writes", pages},
		{"synchronous_commit", synchronous}} {
		if s.value == "off" {
			return &ServerError{Kind: store.ErrStorage, Log: l.name,
				Reason: fmt.Sprintf("the server's setting %s is off: it would confirm appends that a crash takes away", s.name),
				Remedy: "set it to on for this role or database; or set Config.MayLoseNewest, if losing the newest appends is " +
					"wanted"}
		}
	}
	return nil
}

// rights are what appending needs, by table.
var rights = []struct{ table, privilege string }{
	{"log", "select"}, {"log", "insert"}, {"log", "update"}, {"records", "select"}, {"records", "insert"},
	{"heads", "select"}, {"heads", "insert"}, {"heads", "update"}, {"keys", "select"}, {"keys", "insert"},
	{"tiles", "select"}, {"tiles", "insert"},
}

// checkSchema refuses tables that are not there, not of this version, or not to be used by this role.
func (l *Log) checkSchema(ctx context.Context) error {
	have, err := migrated(ctx, l.pool, l.config.Schema)
	switch {
	case err != nil:
		return err
	case have == 0:
		return &ServerError{Kind: ErrNoLog, Log: l.name, Reason: "the schema has no tables of a log", Remedy: remedyMigrate}
	case have > newestMigration():
		return newerError(l.name, have)
	case have < newestMigration():
		return &ServerError{Kind: ErrNoLog, Log: l.name,
			Reason: fmt.Sprintf("its tables are of step %d, and this version needs %d", have, newestMigration()),
			Remedy: "run the steps that are missing of what postgres.WriteMigrations prints, or open it with Config.Migrate"}
	}
	var tables, privileges []string
	for _, r := range rights {
		if l.config.ReadOnly && r.privilege != "select" {
			continue
		}
		tables, privileges = append(tables, l.config.Schema+"."+r.table), append(privileges, r.privilege)
	}
	var missing []string
	err = l.pool.QueryRow(ctx, `select coalesce(array_agg(upper(privilege) || ' on ' || tbl), '{}')
		from unnest($1::text[], $2::text[]) as needed (tbl, privilege)
		where not has_table_privilege(tbl, privilege)`, tables, privileges).Scan(&missing)
	if err != nil || len(missing) == 0 {
		return err
	}
	return &ServerError{Kind: store.ErrStorage, Log: l.name,
		Reason: "the role has no right to " + strings.Join(missing, ", "),
		Remedy: "give it what postgres.Rights prints; to read only, set Config.ReadOnly"}
}

// checkFunctions refuses a schema that was renamed: its tables follow their new name, and the text of its functions
// names the old one, where another log may be by now.
func (l *Log) checkFunctions(ctx context.Context) error {
	var strange []string
	err := l.pool.QueryRow(ctx, `select coalesce(array_agg(p.proname::text order by p.proname), '{}')
		from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
		where n.nspname = $1 and p.proname in ('go_on', 'claim') and strpos(p.prosrc, ' ' || $1 || '.') = 0`,
		l.config.Schema).Scan(&strange)
	if err != nil || len(strange) == 0 {
		return err
	}
	return &ServerError{Kind: store.ErrStorage, Log: l.name,
		Reason: "its functions " + strings.Join(strange, " and ") + " write to the tables of another schema, as after " +
			"alter schema … rename, which does not reach what functions say",
		Remedy: "rename the schema back; or copy the log into a schema of the new name with sealed.Copy; to read only, " +
			"set Config.ReadOnly"}
}

// begin makes the log's row where nobody has, and gives a log without a name the one that it is opened with.
func (l *Log) begin(ctx context.Context) error {
	origin, err := l.naming.NewOrigin()
	if err != nil {
		return err
	}
	if _, err := l.pool.Exec(ctx, l.sql.begin, origin, new(seal.Tree).AppendFrontier(nil)); err != nil {
		return err
	}
	row, err := l.readRow(ctx, l.pool)
	if err != nil {
		return err
	}
	if err := l.naming.CheckOf(l.name, row.origin); err != nil || !l.naming.Names(row.origin) {
		return err
	}
	return pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		return l.rename(ctx, tx, origin)
	})
}

// rename gives a log without a name another origin, in a turn of its own: somebody may append all the while. Where
// another process was faster, its word stands.
func (l *Log) rename(ctx context.Context, tx pgx.Tx, origin string) error {
	if _, err := tx.Exec(ctx, l.sql.settings, milliseconds(lockMax), milliseconds(idleMax)); err != nil {
		return err
	}
	var r row
	if err := tx.QueryRow(ctx, l.sql.lock).Scan(&r.origin, &r.ancestry, &r.position, &r.frontier, nil); err != nil {
		return err
	}
	if err := l.naming.CheckOf(l.name, r.origin); err != nil || !l.naming.Names(r.origin) {
		return err
	}
	tree, err := sealed.Load(ctx, l.name, r.frontier, &source{l, tx})
	if err != nil {
		return err
	}
	was := &sealed.Seal{Log: l.name, Origin: r.origin, Tree: tree}
	_, err = tx.Exec(ctx, l.sql.rename, origin, sealed.FormatAncestor(was.Checkpoint()))
	return err
}

// load reads the log's row and makes the seal's right edge from the newest records and tiles.
func (l *Log) load(ctx context.Context) error {
	return l.onOne(ctx, func(by querier) error { return l.loadBy(ctx, by) })
}

func (l *Log) loadBy(ctx context.Context, by querier) error {
	row, err := l.readRow(ctx, by)
	if err != nil {
		return err
	}
	if row.last != row.position {
		return l.damagedError("it is said to end at position %d, and its newest record has position %d", row.position,
			row.last)
	}
	tree, err := sealed.Load(ctx, l.name, row.frontier, &source{l, by})
	if err != nil {
		return err
	}
	if tree.Size() != row.position {
		return l.damagedError("its seal covers %d records, and it has %d", tree.Size(), row.position)
	}
	l.tree.Store(tree)
	l.advance(row.position)
	return nil
}

// Bounds of what the log waits for.
const (
	idleMax = 10 * time.Second // that a process may stay silent in its turn before the server ends it
	// For the row of another process's turn: longer than two that died with their machine stay silent, so that whoever
	// waited for their turns when they began is not turned away just before they end.
	lockMax   = 2*idleMax + 5*time.Second
	turnMax   = 30 * time.Second // that one round trip of a turn may take, the wait for the row included
	retryMax  = 5 * time.Second  // that an append is tried again where nothing was written
	doubtMax  = 30 * time.Second // that is tried to find out whether a commit has happened
	pauseMin  = 10 * time.Millisecond
	pauseMax  = time.Second
	pollEvery = 250 * time.Millisecond // asking for new records without a connection that listens
	pollRare  = 5 * time.Second        // the same beside one: a notification is a hint
)
