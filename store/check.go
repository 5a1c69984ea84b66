package store

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape/events"
)

// Bounds of one append.
const (
	// AppendMax is the number of records one append may carry. An inquiry that finds a whole order's life at once needs a
	// few dozen, and one whose answer is as long as can be kept some thousands.
	AppendMax = events.AppendMax
	// AppendBytesMax is how many bytes the frames of those records may have. What an inquiry tells takes less, however
	// much it is.
	AppendBytesMax = 32 << 20
)

// CheckAppend tells whether a log may take these records at the end of the stream: what [Log.Append] refuses before it
// looks at anything stored. It covers the number of records, the stream's name, two records of one append with the same
// id, and [events.Record.Validate]. A record whose event does not fit into a frame, and frames that are too much
// together ([CheckAppendSize]), show only when they are encoded; a log refuses them then, with [ErrInvalid] too. An
// error wraps [ErrInvalid] and names the record and the field.
func CheckAppend(stream events.Stream, records []events.Record) error {
	if err := CheckStream(stream); err != nil {
		return err
	}
	if len(records) == 0 || len(records) > AppendMax {
		return fmt.Errorf("%w: %s: an append carries 1 to %d records, not %d; split it, or leave it out", ErrInvalid,
			name(stream), AppendMax, len(records))
	}
	for i, r := range records {
		r.Stream = stream
		if err := r.Validate(); err != nil {
			return fmt.Errorf("%w: %s: record %d of %d: %w", ErrInvalid, name(stream), i+1, len(records), err)
		}
	}
	if i := repeated(records); i > 0 {
		return fmt.Errorf("%w: %s: record %d of %d: id %q stands twice in this append; give every record an id of its own",
			ErrInvalid, name(stream), i+1, len(records), records[i].ID)
	}
	return nil
}

// few is how many records are compared each with each: fewer than that need no set.
const few = 16

// repeated is the place of the first record whose id stands before it; 0: there is none.
func repeated(records []events.Record) int {
	if len(records) <= few {
		for i := range records {
			for _, earlier := range records[:i] {
				if earlier.ID == records[i].ID {
					return i
				}
			}
		}
		return 0
	}
	seen := make(map[string]bool, len(records))
	for i := range records {
		if seen[records[i].ID] {
			return i
		}
		seen[records[i].ID] = true
	}
	return 0
}

// CheckAppendSize tells whether a log may take an append whose frames have so many bytes in all, which shows once they
// are encoded. An error wraps [ErrInvalid].
func CheckAppendSize(stream events.Stream, size int) error {
	if size <= AppendBytesMax {
		return nil
	}
	return fmt.Errorf("%w: %s: an append carries at most %d bytes, not %d; split it", ErrInvalid, name(stream),
		AppendBytesMax, size)
}

// CheckStream tells whether the name is one a stream can have. An error wraps [ErrInvalid].
func CheckStream(stream events.Stream) error {
	if err := events.CheckID("stream category", stream.Category); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(stream.Category) > events.CategoryMax {
		return fmt.Errorf("%w: stream category %q has %d bytes; give at most %d", ErrInvalid, stream.Category,
			len(stream.Category), events.CategoryMax)
	}
	if err := events.CheckID(stream.Category+" id", stream.ID); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// CheckKey tells whether the key is one a stream can own. An error wraps [ErrInvalid].
func CheckKey(key events.Key) error {
	if key == "" || len(key) > events.KeyMax {
		return fmt.Errorf("%w: lookup key %.120q has %d bytes; use 1 to %d", ErrInvalid, string(key), len(key), events.KeyMax)
	}
	return nil
}

// CheckContext returns nil while ctx goes on. Afterwards it returns ctx's error with what was not begun, for instance
// "append to order o-1".
func CheckContext(ctx context.Context, doing string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: not begun: %w", doing, err)
	}
	return nil
}
