// Package postgres keeps a [store.Log] in a PostgreSQL database: for any number of processes, sealed, every append
// committed before it returns.
//
//	pool, err := pgxpool.New(ctx, "postgres://shop_service@db.example/shop")
//	…
//	log, err := postgres.Open(ctx, pool, &postgres.Config{Listen: postgres.Direct(pool)})
//	if err != nil {
//		return err // names the log, what is wrong and what to do
//	}
//	defer log.Close()
//
// docs/guides/postgres.md sets up the database: tables, rights, standbys, PgBouncer.
//
// # What it promises
//
// All of package store's contract, as far as the server keeps what it confirms; [Open] refuses one that does not. The
// same appends in the same order give the same bytes and the same root in memory, in a file and here. Any number of
// logs may be open on one schema, in any number of processes: of any number of appends meant for one version one wins.
//
// # Turns
//
// Whoever appends takes a turn: a transaction that locks the log's one row first. So positions have no gaps, and
// records show in the order of their positions, and no reader that keeps a cursor ever misses one. What gathers in a
// process while a turn is under way shares the next. A turn makes two round trips, whatever it holds:
//
//	begin; lock the row; where do these streams end, who owns these keys, what did others append?
//	                                            … judge, place and hash …
//	write records, heads, keys, tiles and the row; notify; commit
//
// A process remembers where the streams end that it appended to, and drops those that others append to. A turn whose
// batch goes on from these, or begins streams, asks only what others did append: the server refuses to write a stream
// or a key that is there already, and then the turn is made again, and asks. A process that was the last to append,
// within a second, need not even ask that: it sends the turn whole, in one round trip, and the server goes on from the
// locked row only where that is as the process left it.
//
// A process that dies in its turn holds up the others until the server notices: at once where its connection ends with
// it, after ten seconds where only its machine is gone while the server waits for it, and where that goes in the middle
// of sending, when the server's TCP keepalive finds out: set it, as docs/guides/postgres.md says.
//
// # What is not known
//
// A connection that breaks before the second half was sent has done nothing: the turn is tried again for some seconds,
// and then store.ErrUnavailable. One that breaks after it, or at any point of a turn that was sent whole, leaves a
// doubt, which the log ends by itself: the next turn looks whether the records are there. Where they are, it has the
// server confirm that they stay; where not, that they never will be, should the server get to what was sent after all.
// Where it cannot in half a minute, the error is store.ErrStorage, and the same append again finds out. A caller's
// context ends its wait for a turn and its reads; it never ends a turn, and leaves no connection half used.
//
// # The seal
//
// While a log is open its tree is in memory, grown by what it appended itself, and by what others appended, which
// counts only with the frontier that they sealed it by. All proofs are held against it: [Log.Verify], [Log.Backup] and
// [Log.Proven] prove each record, [Log.Checkpoint] signs the root. A database that lost what this process knew to be
// there, restored from an older copy or failed over to a standby that was behind, is store.ErrDamaged until the log is
// opened again.
//
// # Costs
//
// An append waits for one or two ways to the server and one commit, and shares them with those beside it. Loading an
// order, its head, or a lookup is one round trip; reading along is one for each 2048 records or 2 MiB, the next of them
// while a full one is dealt with. A read holds no transaction while its loop's body runs, and no connection for longer
// than a page takes.
//
// The pool is the caller's. It may speak to the server in any of the driver's ways; one connection at a time is for
// appends, and Config.Listen makes one that is in no pool.
package postgres
