package postgres

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/store"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// placeholder stands for the schema's name in all our SQL.
const placeholder = "{schema}"

func inSchema(schema, sql string) string { return strings.ReplaceAll(sql, placeholder, schema) }

// Migration is one step from an empty database to the tables of this version. Steps are never edited once a version
// was tagged; a new one is added.
type Migration struct {
	Number int // 1, 2, 3 …
	Name   string
	SQL    string // statements without a transaction around them; it also says in the table migrations that it ran
}

// Migrations returns all steps for a log in the schema, oldest first. The error wraps store.ErrInvalid where no schema
// can have the name.
func Migrations(schema string) ([]Migration, error) {
	schema = cmp.Or(schema, DefaultSchema)
	if err := checkSchema(schema); err != nil {
		return nil, err
	}
	files, err := schemaFiles.ReadDir("schema")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, file := range files {
		sql, err := schemaFiles.ReadFile("schema/" + file.Name())
		if err != nil {
			return nil, err
		}
		digits, name, _ := strings.Cut(strings.TrimSuffix(file.Name(), ".sql"), "_")
		number, err := strconv.Atoi(digits)
		if err != nil {
			return nil, err
		}
		text := strings.TrimSpace(string(sql)) +
			fmt.Sprintf("\n\ninsert into {schema}.migrations (number) values (%d);\n", number)
		all = append(all, Migration{Number: number, Name: name, SQL: inSchema(schema, text)})
	}
	return all, nil
}

// newestMigration is the number of the last step that this version knows.
func newestMigration() int {
	files, _ := schemaFiles.ReadDir("schema") // embedded: it is there
	return len(files)
}

// WriteMigrations prints all steps for psql, each a transaction, for whoever lets no service change tables. A step that
// ran already fails on its first table and changes nothing.
func WriteMigrations(w io.Writer, schema string) error {
	all, err := Migrations(schema)
	if err != nil {
		return err
	}
	for _, m := range all {
		if _, err := fmt.Fprintf(w, "-- Step %d of %d: %s.\nbegin;\n%s;\n\n%scommit;\n\n", m.Number, len(all), m.Name,
			lockSchema(schema), m.SQL); err != nil {
			return err
		}
	}
	return nil
}

// lockSchema is the statement that has one process at a time change a schema.
func lockSchema(schema string) string {
	return "select pg_advisory_xact_lock(hashtext('tilltape schema " + cmp.Or(schema, DefaultSchema) + "'))"
}

// Rights is the SQL that gives a role what a service needs: it may add to the log, and neither change nor remove what
// is in it. A role that only reads needs no more than usage of the schema and select.
func Rights(schema, role string) (string, error) {
	schema = cmp.Or(schema, DefaultSchema)
	if err := checkSchema(schema); err != nil {
		return "", err
	}
	if role == "" || strings.ContainsRune(role, 0) {
		return "", fmt.Errorf("%w: role %q: name the role that the service connects as", store.ErrInvalid, role)
	}
	sql := `grant usage on schema {schema} to {role};
grant select on all tables in schema {schema} to {role};
grant insert on {schema}.log, {schema}.records, {schema}.tiles, {schema}.heads, {schema}.keys to {role};
grant update on {schema}.log, {schema}.heads to {role};
grant insert, update on {schema}.consumers to {role};
grant execute on all functions in schema {schema} to {role};
`
	return inSchema(schema, strings.ReplaceAll(sql, "{role}", pgx.Identifier{role}.Sanitize())), nil
}

// Migrate makes the schema's tables, or brings them up to date: one transaction for all steps that are missing, under a
// lock of its own, so that any number of processes may begin with it. It needs the right to create what is not there,
// which a service need not have; see [WriteMigrations]. The error wraps store.ErrNewerFormat where a newer version made
// the tables.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	all, err := Migrations(schema)
	if err != nil {
		return err
	}
	name, doing := nameOf(pool, cmp.Or(schema, DefaultSchema)), "migrate"
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSchema(schema)); err != nil {
			return err
		}
		have, err := migrated(ctx, tx, cmp.Or(schema, DefaultSchema))
		if err != nil {
			return err
		}
		if have > len(all) {
			return newerError(name, have)
		}
		for _, m := range all[have:] {
			// Several statements in one text are of the simple protocol.
			doing = fmt.Sprintf("step %d (%s) of the migrations", m.Number, m.Name)
			if _, err := tx.Exec(ctx, m.SQL, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		doing = "migrate"
		return nil
	})
	err = explain(ctx, name, doing, err)
	if server, is := errors.AsType[*ServerError](err); is && doing != "migrate" {
		server.Reason = doing + " failed: " + server.Reason
	}
	return err
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// migrated is the number of the last step that ran in the schema, 0 where there is none.
func migrated(ctx context.Context, by querier, schema string) (last int, err error) {
	var there bool
	err = by.QueryRow(ctx, `select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n
		on n.oid = c.relnamespace where n.nspname = $1 and c.relname = 'migrations')`, schema).Scan(&there)
	if err != nil || !there {
		return 0, err
	}
	err = by.QueryRow(ctx, inSchema(schema, "select coalesce(max(number), 0) from {schema}.migrations")).Scan(&last)
	return last, err
}

func newerError(log string, found int) error {
	return &ServerError{Kind: store.ErrNewerFormat, Log: log,
		Reason: fmt.Sprintf("its tables are of step %d, and this version knows %d", found, newestMigration()),
		Remedy: "upgrade before opening it"}
}

// nameOf is what errors call a log: the schema, the database and the server, and nothing that is secret.
func nameOf(pool *pgxpool.Pool, schema string) string {
	c := pool.Config().ConnConfig
	at := []string{address(c.Host, c.Port)}
	for _, other := range c.Fallbacks { // of each host there may be several, with TLS and without
		if a := address(other.Host, other.Port); !slices.Contains(at, a) {
			at = append(at, a)
		}
	}
	return fmt.Sprintf("log %s in database %q at %s", schema, c.Database, strings.Join(at, " or "))
}

func address(host string, port uint16) string {
	if slices.Contains([]byte("/@"), append([]byte(host), ' ')[0]) { // a socket
		return host
	}
	return fmt.Sprintf("%s:%d", host, port)
}
