// Package store says what a log must promise. It is a contract and no engine: [Log] is the interface and [Reader] the
// part of it that reads, the errors are the only answers besides success, and package store/storetest is the same
// promise in executable form. The engines are store/memory (for tests and trials), store/bolt (one file, one process)
// store/postgres (a database, any number of processes) and store/jetstream (several machines, a file in each process);
// the last two are modules of their own.
//
// # What a log is
//
// A log is one sequence of records, and every record belongs to one stream: an order's facts, or an order's refused
// commands. A record has two numbers, and both count from 1 without gaps:
//
//	position   1   2   3   4   5   6      the log's order, the order of commits
//	order A    1       2           3      versions of order A
//	order B        1       2   3          versions of order B
//
// Records are never changed and never removed. What was returned for a record once is returned for it for ever, byte
// for byte in its frame (see [github.com/tilltape/tilltape/events.AppendFrame]).
//
// # The promise
//
//   - Appends are atomic: all records of one, next to each other in the log, or none.
//   - Appends are durable: what Append returned for survives kill -9 and power loss. store/memory is the exception and
//     says so.
//   - Appends are decided by version. The caller says which version it has seen; of any number of appends meant for the
//     same version one wins, and the others get a [*ConflictError] and have written nothing. That, and no lock, is what
//     keeps two processes from cancelling and capturing one order at the same time.
//   - Appends can be repeated. If an answer was lost, the same append again (same stream, same version, same record
//     ids) returns what was written the first time.
//   - A lookup key has one owner for ever: the stream of the first record that carries it. Later records of that
//     stream may carry it again; an append to another stream that carries it fails whole, with a
//     [*KeyTakenError].
//   - Reads see every append that returned before they began.
//   - The caller's code never runs inside a transaction or under a lock: a loop over a log may append to it.
//   - What cannot be read is an error, never a gap. A record that is damaged ends the sequence with [ErrDamaged], one
//     that a newer version wrote with [ErrNewerFormat].
//   - A log that cannot answer now says so, with [ErrUnavailable], and has written nothing.
//
// # Reading along
//
// A [Cursor] is a place between two records. A reader that keeps the cursor of the last record it has dealt with
// misses nothing and sees nothing twice, whatever happens in between:
//
//	for record, err := range log.All(ctx, cursor) {
//		if err != nil {
//			return err
//		}
//		if err := handle(record); err != nil {
//			return err // the cursor stays before this record
//		}
//		cursor = store.After(record)
//	}
//
// # Heads
//
// Every record carries the summary of its order after it (see [github.com/tilltape/tilltape/events.Head]). A log files
// orders by the newest of these, in an [Index] for each of its times, and so answers "what is due?" and "what needs a
// person?" without knowing what an order may do. What is asked for is a [Filter]:
//
//	log.Heads(ctx, store.DueBy(now))                         // all that is due, earliest first
//	log.Heads(ctx, store.Attention(events.AttentionParked)) // all that is parked, oldest first
//
// A list that is shown a page at a time asks for [Filter.Limit] heads, and then for those [Filter.After] the last. An
// order whose time changes meanwhile changes its place, as in any list that is read in pages: it can come on two of
// them, and on none only if its time went back.
//
// # Your own engine
//
// Implement [Log], call [CheckAppend], [CheckStream], [CheckKey] and [Filter.Check] first in the methods they are for,
// and run the suite:
//
//	func TestLog(t *testing.T) { storetest.Run(t, storetest.Factory{Open: open, Reopen: reopen}) }
//
// An engine that seals its log finds what all of them do for that in package store/sealed.
//
// Abilities that only some engines have are interfaces of their own in this package, found with a type assertion:
// [Watcher], [Framer], [Checkpointer], [Measured], [Recoverer].
package store
