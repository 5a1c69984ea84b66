package postgres_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/sealed"
)

// A service opens its log on a pool. This needs a server, so it is compiled and not run.
func ExampleOpen() {
	open := func(ctx context.Context) error {
		pool, err := pgxpool.New(ctx, "postgres://shop_service@db.example/shop")
		if err != nil {
			return err
		}
		defer pool.Close()
		log, err := postgres.Open(ctx, pool, &postgres.Config{Listen: postgres.Direct(pool), Origin: "shop.example/orders"})
		if err != nil {
			return err // names the log, what is wrong and what to do
		}
		defer log.Close()
		return nil
	}
	_ = open
}

// A listener behind PgBouncer gets a way around it.
func ExampleDirect() {
	config := func(pool *pgxpool.Pool) postgres.Config {
		return postgres.Config{
			Listen: postgres.Direct(pool), // a pool that leads to the server itself
		}
	}
	_ = config
}

// A backup is a file that any machine can replay.
func ExampleLog_Backup() {
	backup := func(ctx context.Context, log *postgres.Log) error {
		err := log.Backup(ctx, "/backup/orders-2026-11-29.log", nil)
		return err
	}
	_ = backup
}

// A team that began with a file moves its log into the database, with the service stopped.
func Example_copy() {
	move := func(ctx context.Context, log *postgres.Log) error {
		file, err := bolt.Open("/var/lib/shop/orders.log", &bolt.Config{ReadOnly: true})
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = sealed.Copy(ctx, file, log, nil)
		return err
	}
	_ = move
}

// What a DBA runs, for services that may not change tables.
func ExampleWriteMigrations() {
	err := postgres.WriteMigrations(os.Stdout, "tilltape")
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleRights() {
	sql, err := postgres.Rights("tilltape", "shop_service")
	fmt.Println(err)
	fmt.Print(sql)
	// Output:
	// <nil>
	// grant usage on schema tilltape to "shop_service";
	// grant select on all tables in schema tilltape to "shop_service";
	// grant insert on tilltape.log, tilltape.records, tilltape.tiles, tilltape.heads, tilltape.keys to "shop_service";
	// grant update on tilltape.log, tilltape.heads to "shop_service";
	// grant insert, update on tilltape.consumers to "shop_service";
	// grant execute on all functions in schema tilltape to "shop_service";
}

// The consumers of an outbox are kept in the database, beside the log that they read.
func ExampleLog_Keeper() {
	warehouse := func(log *postgres.Log, receiver outbox.Sender) (*outbox.Consumer, error) {
		return outbox.New(log, receiver, &outbox.Config{Name: "warehouse", Source: "https://shop.example/orders",
			Keeper: log.Keeper()})
	}
	_ = warehouse
}
