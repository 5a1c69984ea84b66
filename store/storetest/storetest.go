package storetest

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Factory makes the logs under test.
type Factory struct {
	// Open returns a new, empty log. The suite closes it.
	Open func(t *testing.T) store.Log
	// Reopen closes the log and returns one over what it kept. Nil for an engine that keeps nothing.
	Reopen func(t *testing.T, log store.Log) store.Log
	// Second returns another handle on the same log, as another process would have. Nil for an engine that has one at a
	// time.
	Second func(t *testing.T, log store.Log) store.Log
	// Short has every clause run with fewer rounds, fewer callers at once and less to append: for runs between two lines
	// of code. A run that judges an engine is whole.
	Short bool
	// Seal is for logs that seal themselves, each of which is a [Sealed] then. Nil for logs without a seal.
	Seal *Seal
}

// test is one clause of the contract.
type test struct {
	name string
	run  func(t *testing.T, f Factory)
}

// tests lists the clauses in the order of a reader's questions.
func tests() []test {
	return []test{
		{"empty log", emptyLog},
		{"append and read", appendAndRead},
		{"long streams", longStreams},
		{"versions", versions},
		{"atomic appends", atomicAppends},
		{"stream names", streamNames},
		{"refused input", refusedInput},
		{"records are copied", recordsAreCopied},
		{"byte identity", byteIdentity},
		{"long messages", longMessages},
		{"races for one stream", racesForOneStream},
		{"races for a key", racesForAKey},
		{"appends to many streams", appendsToManyStreams},
		{"lost answers", lostAnswers},
		{"retries that give up", retriesThatGiveUp},
		{"two handles", twoHandles},
		{"lookup keys", lookupKeys},
		{"appends while reading", appendsWhileReading},
		{"cursors", cursors},
		{"reading along", readingAlong},
		{"watching", watching},
		{"figures", figures},
		{"frames", framing},
		{"head", head},
		{"heads in order", headsInOrder},
		{"heads over pages", headsOverPages},
		{"heads that move", headsThatMove},
		{"heads while they move", headsWhileTheyMove},
		{"limited heads", limitedHeads},
		{"limited heads while they move", limitedHeadsWhileTheyMove},
		{"checkpoints", checkpoints},
		{"checkpoints while appending", checkpointsWhileAppending},
		{"proofs", proofs},
		{"backups", backups},
		{"tampering", tampering},
		{"adopting", adopting},
		{"ended context", endedContext},
		{"closing", closing},
		{"reopening", reopening},
		{"random operations", randomOperations},
	}
}

// Run tests that the factory's logs keep the contract of [store.Log], one subtest a clause, and those of the abilities
// that they have besides.
func Run(t *testing.T, f Factory) {
	for _, test := range tests() {
		t.Run(test.name, func(t *testing.T) { test.run(t, f) })
	}
}

// whole is the first of the two, and the second where the suite is to be short.
func (f Factory) whole(whole, short int) int {
	if f.Short {
		return short
	}
	return whole
}

// racers is how many goroutines append at once.
func (f Factory) racers() int { return f.whole(64, 24) }

// patience is how long anything may take before the suite calls it a deadlock. Far above what a slow disk needs.
const patience = 30 * time.Second

// open returns a new log that is closed when the test ends.
func (f Factory) open(t *testing.T) store.Log {
	t.Helper()
	log := f.Open(t)
	t.Cleanup(func() { assert.NoError(t, log.Close(), "close") })
	return log
}

// reopen returns the log after a restart. Where the engine keeps nothing, the test ends here: what came before holds.
func (f Factory) reopen(t *testing.T, log store.Log) store.Log {
	t.Helper()
	if f.Reopen == nil {
		t.SkipNow()
	}
	again := f.Reopen(t, log)
	t.Cleanup(func() { assert.NoError(t, again.Close(), "close") })
	return again
}

// noon is when everything in the suite happens, with nanoseconds, so that a log that drops them is found out.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 123456789, time.UTC)

// record returns a record with the id; change, if not nil, makes it a special one.
func record(id string, change func(*events.Record)) events.Record {
	r := events.Record{
		ID:        id,
		Recorded:  noon,
		Occurred:  noon.Add(-time.Second),
		CommandID: "command-1",
		Actor:     "till-7",
		Head:      events.Head{Status: "created", StatusSince: noon, Phase: "idle"},
		Event: events.PaymentPending{PaymentID: "payment-" + id,
			Proof: events.Proof{Via: events.ViaAnswer, Attempt: 1, Evidence: &events.Evidence{
				Method: "POST", Path: "/ams/api/v1/payments/pay", ClientID: "client-1", Time: "2026-11-23T12:00:00Z",
				KeyVersion: "1", Signature: "c2lnbmF0dXJl", Body: []byte(`{"result":{"resultStatus":"U"}}`),
			}}},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// records returns n records with ids that no other call with another prefix makes.
func records(prefix string, n int) []events.Record {
	all := make([]events.Record, n)
	for i := range all {
		all[i] = record(fmt.Sprintf("%s-%d", prefix, i+1), nil)
	}
	return all
}

// withKeys gives a record lookup keys.
func withKeys(keys ...events.Key) func(*events.Record) {
	return func(r *events.Record) { r.Keys = keys }
}

// withHead gives a record a head.
func withHead(h events.Head) func(*events.Record) {
	return func(r *events.Record) { r.Head = h }
}

// mustAppend appends and returns what the log returned.
func mustAppend(t require.TestingT, log store.Log, to events.Stream, after uint64,
	records ...events.Record) []events.Record {
	written, err := log.Append(context.Background(), to, after, records...)
	require.NoError(t, err, "append to %v after version %d", to, after)
	require.Len(t, written, len(records), "records returned by an append")
	return written
}

// collect reads a sequence to its end.
func collect[T any](t require.TestingT, sequence iter.Seq2[T, error]) []T {
	all, err := drain(sequence)
	require.NoError(t, err, "sequence")
	return all
}

// drain reads a sequence to its end or its error.
func drain[T any](sequence iter.Seq2[T, error]) (all []T, err error) {
	for one, failed := range sequence {
		if err != nil {
			return all, fmt.Errorf("the sequence went on after its error %w", err)
		}
		if err = failed; err == nil {
			all = append(all, one)
		}
	}
	return all, err
}

func readAll(t require.TestingT, log store.Log) []events.Record {
	return collect(t, log.All(context.Background(), store.Start()))
}

func readStream(t require.TestingT, log store.Log, from events.Stream, after uint64) []events.Record {
	return collect(t, log.Read(context.Background(), from, after))
}

// ids returns the records' ids, for comparing whole sequences at once.
func ids(records []events.Record) []string {
	all := make([]string, len(records))
	for i, r := range records {
		all[i] = r.ID
	}
	return all
}

// frames returns the records' bytes.
func frames(t require.TestingT, records []events.Record) [][]byte {
	all := make([][]byte, len(records))
	for i, r := range records {
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err, "frame of record %s", r.ID)
		all[i] = frame
	}
	return all
}

// sameBytes compares records by their frames: that is what must never change.
func sameBytes(t require.TestingT, want, have []events.Record, what string) {
	require.Equal(t, ids(want), ids(have), what)
	require.Equal(t, frames(t, want), frames(t, have), what)
}

// inPlace checks that the records are all that the log holds: positions and versions without gaps, each stream's
// records linked backwards.
func inPlace(t require.TestingT, all []events.Record) {
	newest := map[events.Stream]events.Record{}
	for i, r := range all {
		require.Equal(t, uint64(i)+1, r.Position, "position of record %s", r.ID)
		before := newest[r.Stream]
		require.Equal(t, before.Version+1, r.Version, "version of record %s of %v", r.ID, r.Stream)
		require.Equal(t, before.Position, r.Previous, "previous position of record %s of %v", r.ID, r.Stream)
		newest[r.Stream] = r
	}
}

// within runs f and fails the test if f does not end: the suite would rather report a deadlock than be part of it.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: no end after %s: a deadlock?", what, patience)
	}
}

// together runs f n times at once and waits for all.
func together(t *testing.T, what string, n int, f func(i int)) {
	t.Helper()
	within(t, what, func() {
		var begin, end sync.WaitGroup
		begin.Add(1)
		for i := range n {
			end.Go(func() {
				begin.Wait()
				f(i)
			})
		}
		begin.Done()
		end.Wait()
	})
}
