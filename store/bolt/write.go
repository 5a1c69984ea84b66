package bolt

import (
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// writer puts appends into one write transaction.
type writer struct {
	log  *Log
	tx   *bbolt.Tx
	last uint64 // position of the newest record, this transaction's included
}

func newWriter(l *Log, tx *bbolt.Tx) *writer {
	// Positions only grow, so pages of the log are never written into again: fill them to the brim.
	tx.Bucket([]byte(bucketLog)).FillPercent = 1.0
	return &writer{log: l, tx: tx, last: lastPosition(tx)}
}

func (w *writer) put(bucket string, key, value []byte) error {
	return w.tx.Bucket([]byte(bucket)).Put(key, value)
}

// append judges one request and writes it. A refusal leaves the transaction as it was; an error spoils it.
func (w *writer) append(r *request) (refusal, err error) {
	at, err := w.log.newest(w.tx, r.stream)
	if err != nil {
		return err, nil
	}
	if at.version != r.after {
		return &store.ConflictError{Stream: r.stream, Want: r.after, Have: at.version}, nil
	}
	if refusal := w.keysTaken(r); refusal != nil {
		return refusal, nil
	}
	var before events.Record
	if at.version > 0 {
		if before, err = w.log.frameOf(w.tx, r.stream, at); err != nil {
			return err, nil
		}
	}
	frames, err := w.place(r, at)
	if err != nil {
		return err, nil
	}
	return nil, w.write(r, before, frames)
}

// keysTaken finds a lookup key of the request that another stream owns.
func (w *writer) keysTaken(r *request) error {
	keys := w.tx.Bucket([]byte(bucketKeys))
	for _, record := range r.records {
		for _, key := range record.Keys {
			value := keys.Get([]byte(key))
			if value == nil {
				continue
			}
			owner, ok := parseStreamKey(value)
			if !ok {
				return w.log.damaged("the owner of the lookup key %q is unreadable", string(key))
			}
			if owner != r.stream {
				return &store.KeyTakenError{Stream: r.stream, Key: key, Owner: owner}
			}
		}
	}
	return nil
}

// place gives the request's records their places after the stream's newest and encodes them. What it keeps as written is
// read back from the frames: it is what readers will get, and shares nothing with the caller's records.
func (w *writer) place(r *request, at place) ([][]byte, error) {
	frames := make([][]byte, 0, len(r.records))
	written := make([]events.Record, 0, len(r.records))
	for i, record := range r.records {
		record.Stream, record.Previous = r.stream, at.position
		at = place{version: at.version + 1, position: w.last + uint64(i) + 1}
		record.Version, record.Position = at.version, at.position
		frame, err := events.AppendFrame(nil, record)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %q: record %d of %d: %w", store.ErrInvalid, r.stream.Category, r.stream.ID, i+1, len(r.records), err)
		}
		stored, err := w.log.decode(at.position, frame)
		if err != nil {
			return nil, err
		}
		frames, written = append(frames, frame), append(written, stored)
	}
	r.written = written
	return frames, nil
}

// write puts the placed records, the stream's new end, its keys and its index entries.
func (w *writer) write(r *request, before events.Record, frames [][]byte) error {
	for i, record := range r.written {
		if err := w.put(bucketLog, positionKey(record.Position), frames[i]); err != nil {
			return err
		}
		for _, key := range record.Keys {
			if err := w.put(bucketKeys, []byte(key), streamKey(r.stream)); err != nil {
				return err
			}
		}
	}
	newest := r.written[len(r.written)-1]
	w.last = newest.Position
	if err := w.put(bucketStreams, streamKey(r.stream), place{newest.Version, newest.Position}.bytes()); err != nil {
		return err
	}
	if r.stream.Category != events.CategoryOrder {
		return nil
	}
	var old []entry
	if before.Version > 0 {
		old = entries(before.Head, r.stream.ID)
	}
	return w.file(old, entries(newest.Head, r.stream.ID))
}

// file replaces an order's index entries by the new ones, and touches only those that differ.
func (w *writer) file(before, after []entry) error {
	for _, e := range before {
		if slices.Contains(after, e) {
			continue
		}
		if err := w.tx.Bucket([]byte(e.bucket)).Delete([]byte(e.key)); err != nil {
			return err
		}
	}
	for _, e := range after {
		if slices.Contains(before, e) {
			continue
		}
		if err := w.put(e.bucket, []byte(e.key), nil); err != nil {
			return err
		}
	}
	return nil
}
