package store

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
)

// Log is an append-only log of records in streams. All methods are safe for many goroutines at once. Every
// implementation passes the suite in store/storetest; a custom one should run it too.
type Log interface {
	Reader

	// Append writes records at the end of stream, all or none, and returns them with their place filled in (Stream,
	// Version, Position, Previous), in order.
	//
	//   - It returns only once the records are durable, as far as the implementation promises durability at all.
	//   - It fails with [*ConflictError] when the stream's version is not after. Version 0 is a stream that is not there.
	//   - It fails with [*KeyTakenError] when one of the records' keys belongs to another stream; a key the stream itself
	//     owns already is fine.
	//   - A retry of an append that succeeded (same stream, same after, same record ids) succeeds again and returns what
	//     was written the first time, so that a lost answer does no harm.
	//   - It fails with [ErrInvalid] on records that no log can hold (see [CheckAppend]), before anything is written.
	//   - It fails with ctx's error when ctx ends before the append is under way, and then has not happened; once it is
	//     under way its outcome is reported, whatever becomes of ctx. So it fails, too, when ctx ends while the log looks
	//     whether an earlier try was written: this one then has written nothing, and the earlier one is what it was.
	//   - It fails with [ErrUnavailable] when the log cannot take appends now; nothing was written, and trying
	//     again helps.
	//   - It fails with [ErrDamaged] where damage stands in its way, before anything is written: with ids that were never
	//     tried before, it has not happened.
	//   - After an error that is none of these the append may or may not have happened: retry it with the same ids.
	//   - It keeps nothing of the records it was given; the caller may use them again.
	Append(ctx context.Context, stream events.Stream, after uint64, records ...events.Record) ([]events.Record, error)

	// Close releases what the log holds, after every append under way has ended. Afterwards every method fails with
	// [ErrClosed]; closing again does nothing.
	Close() error
}

// Reader is the part of a log that reads: all that a report, an audit or a list needs. All methods are safe for many
// goroutines at once, and fail with ctx's error once ctx has ended, with [ErrClosed], with [ErrDamaged] or
// [ErrNewerFormat] on what cannot be read, and with [ErrUnavailable] or [ErrStorage] where the log cannot be reached.
type Reader interface {
	// Read yields the stream's records with a version greater than after, in order. A stream that is not there has no
	// records. The loop's body may call the log, Append included: it runs in no transaction and under no lock. Records
	// appended while it runs may or may not be seen. An error ends the sequence.
	Read(ctx context.Context, stream events.Stream, after uint64) iter.Seq2[events.Record, error]

	// All yields every record after the cursor in the order of commits, without gaps, until the end of the log as it was
	// at some moment after the last record was yielded. [Start] is the beginning; the cursor after a record is
	// [After](record). A cursor stays good for as long as the log lives, over restarts too; one beyond the log's end is
	// [ErrInvalid]. Loop bodies as in Read.
	All(ctx context.Context, from Cursor) iter.Seq2[events.Record, error]

	// Lookup finds the stream that owns the key. The error wraps [ErrNotFound] when none does.
	Lookup(ctx context.Context, key events.Key) (events.Stream, error)

	// Head returns the newest summary of a stream, in one read. The error wraps [ErrNotFound] when the stream is not
	// there.
	Head(ctx context.Context, stream events.Stream) (Head, error)

	// Heads yields the heads of the streams in category [events.CategoryOrder] that the filter takes, in its order, and no
	// more than its limit. The error wraps [ErrInvalid] where [Filter.Check] finds something. Loop bodies as in Read; a
	// head that changes while the sequence runs may be yielded in its old form, its new one, or twice, and out of order,
	// but an order that matches all the while is never left out: where a limit cuts the sequence short it comes before the
	// end, or after the last head in the filter's order. (Only one whose time went back meanwhile can have passed that
	// place.)
	Heads(ctx context.Context, filter Filter) iter.Seq2[Head, error]
}

// Head is the summary in the newest record of a stream, and that record's place.
type Head struct {
	Stream   events.Stream
	Version  uint64
	Position uint64
	events.Head
}
