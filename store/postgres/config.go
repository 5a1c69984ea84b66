package postgres

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// DefaultSchema is what the zero value of Config.Schema stands for.
const DefaultSchema = "tilltape"

// Config is how a log is opened. The zero value, and nil, are right for a service behind any pool of connections.
type Config struct {
	// Schema is the database's schema that the log is kept in, one log a schema: up to 40 small letters, digits and
	// underscores, no digit first. Empty is [DefaultSchema].
	Schema string
	// Migrate has Open make the schema, or bring it up to date, as [Migrate] does. Without it Open changes no table, and
	// fails with [ErrNoLog] where there is none.
	Migrate bool
	// ReadOnly opens the log for reading: also on a standby, and by a role that may only select. Append fails with
	// store.ErrReadOnly.
	ReadOnly bool
	// MayLoseNewest accepts a server that confirms what it has not made durable (fsync, full_page_writes or
	// synchronous_commit off). Without it, Open refuses one.
	MayLoseNewest bool
	// MayGoBack has a log that is open go on from what is there, where the database has lost records that this process
	// knew, as after a failover to a standby that was behind. Without it, that is store.ErrDamaged until somebody opens
	// the log again.
	MayGoBack bool
	// Listen makes a connection of the log's own, by which the server tells of appends by other processes at once; see
	// [Direct]. It must lead to the server itself or a pooler in session mode. Nil: while somebody watches, the log asks
	// four times a second, which is right on a standby, where PostgreSQL takes no LISTEN.
	Listen func(ctx context.Context) (*pgx.Conn, error)
	// Signer signs checkpoints; nil: [Log.Checkpoint] and [Log.Prove] are refused.
	Signer *seal.Signer
	// SignerKey is the Signer's key as text, as seal.GenerateKey or `tilltape keygen` made it: give this or Signer. White
	// space around it is ignored.
	SignerKey string
	// Origin begins the name that a new log has in its checkpoints, preferably as a web address ("shop.example/orders"); a
	// random part follows. Empty: the signer's name, or [DefaultOrigin]. A log that was made without a name takes the one
	// that it is first opened for appends with, and tells its origin before in [Log.Ancestry]; one that has a name keeps
	// it, and any other is store.ErrInvalid. The signer's key has to be of that name, or of one above it.
	Origin string
}

// DefaultOrigin begins the origin of a log that is made without a name or a signer.
const DefaultOrigin = sealed.DefaultOrigin

// Direct connects as the pool does, with what it does before that and after it, for Config.Listen: right where the pool
// leads to the server itself.
func Direct(pool *pgxpool.Pool) func(ctx context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) {
		c := pool.Config() // a copy
		if c.BeforeConnect != nil {
			if err := c.BeforeConnect(ctx, c.ConnConfig); err != nil {
				return nil, err
			}
		}
		conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
		if err != nil || c.AfterConnect == nil {
			return conn, err
		}
		if err := c.AfterConnect(ctx, conn); err != nil {
			_ = conn.Close(ctx) // the first error is the one to tell
			return nil, err
		}
		return conn, nil
	}
}

// A schema's name needs no quotes in SQL, and leaves room for what is put before or after it.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)

func checkSchema(schema string) error {
	if schemaName.MatchString(schema) {
		return nil
	}
	return fmt.Errorf("%w: schema %.60q: use up to 40 small letters, digits and underscores, no digit first",
		store.ErrInvalid, schema)
}
