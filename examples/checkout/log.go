package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
)

// openLog opens the log in the database that --store names, or else in the file of --log. The closer closes the log and
// what it is kept by.
func openLog(ctx context.Context, s settings, signer *seal.Signer) (log store.Log, closer func() error, err error) {
	if s.store == "" {
		file, err := bolt.Open(s.log, &bolt.Config{Origin: s.origin, Signer: signer})
		if err != nil {
			return nil, nil, named(err)
		}
		return file, file.Close, nil
	}
	pool, err := pgxpool.New(ctx, s.store)
	if err != nil {
		return nil, nil, fmt.Errorf("--store: %w; it reads like postgres://user:password@host/database", err)
	}
	database, err := postgres.Open(ctx, pool, &postgres.Config{Migrate: true, Listen: postgres.Direct(pool),
		Origin: s.origin, Signer: signer})
	if err != nil {
		pool.Close()
		return nil, nil, named(err)
	}
	return database, func() error {
		defer pool.Close()
		return database.Close()
	}, nil
}

// named says which flag an error is about: the log's words are those of its Config.
func named(err error) error {
	if errors.Is(err, store.ErrInvalid) {
		return fmt.Errorf("%w; --origin gives Config.Origin, --signer the key", err)
	}
	return err
}
