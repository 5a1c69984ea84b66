package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/store/postgres"
)

const (
	// databaseConnections is how many connections a command takes at most.
	databaseConnections = 2
	// databaseWait bounds how long a server may take to take one.
	databaseWait = 10 * time.Second
	// schemaParameter of a database's URL is ours, and is not handed on to the server.
	schemaParameter = "schema"
)

// isDatabase takes both schemes that PostgreSQL's own tools take.
func isDatabase(name string, _ []byte) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// openDatabase opens a log in a database. Whoever reads needs no more rights than select.
func openDatabase(ctx context.Context, name string) (*source, error) {
	return openDatabaseAs(ctx, name, postgres.Config{ReadOnly: true})
}

// openDatabaseAs opens a log in a database as it is told to; its schema is the URL's.
func openDatabaseAs(ctx context.Context, name string, how postgres.Config) (*source, error) {
	at, err := url.Parse(name)
	if err != nil { // its text has the URL, and so the password
		return nil, &usageError{err: errors.New("the database's URL cannot be read"),
			hint: "write it as postgres://user@host:5432/database, with %xx for what is not a letter or digit"}
	}
	shown := at.Redacted()
	query := at.Query()
	schema := query.Get(schemaParameter)
	query.Del(schemaParameter)
	at.RawQuery = query.Encode()
	cfg, err := pgxpool.ParseConfig(at.String())
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("database %s: the URL cannot be used", shown),
			hint: "write it as postgres://user@host:5432/database?sslmode=verify-full"}
	}
	cfg.MaxConns = databaseConnections
	cfg.ConnConfig.ConnectTimeout = min(databaseWait, positive(cfg.ConnConfig.ConnectTimeout))
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, withHint(fmt.Errorf("database %s: the URL cannot be used", shown), "check its parameters")
	}
	how.Schema = schema
	log, err := postgres.Open(ctx, pool, &how)
	if err != nil {
		pool.Close()
		if ended := ctx.Err(); ended != nil {
			return nil, ended
		}
		return nil, unopenedDatabase(err)
	}
	return &source{Reader: log, name: shown, close: func() error {
		defer pool.Close()
		return log.Close()
	}}, nil
}

// positive is d, or where none is set as long as may be.
func positive(d time.Duration) time.Duration {
	if d <= 0 {
		return databaseWait
	}
	return d
}

// unopenedDatabase says in the words of the command line what the library says in those of its Config.
func unopenedDatabase(err error) error {
	server, ok := errors.AsType[*postgres.ServerError](err)
	if !ok || !strings.Contains(server.Remedy, "Config.") {
		return err
	}
	said := *server
	said.Remedy = "check the URL, and ?schema= where the log is in another schema"
	return &said
}
