package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// onCores runs the test as on a machine with one core, where nothing is read ahead, and as on one with two.
func onCores(t *testing.T, test func(t *testing.T, cores int)) {
	for _, cores := range []int{1, 2} {
		t.Run(fmt.Sprint(cores, " cores"), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			test(t, cores)
		})
	}
}

// watched is a log that can be looked at while it is read.
type watched struct {
	store.Log
	told   atomic.Int64 // records yielded
	inside atomic.Bool  // somebody is reading
	after  func(yield func(events.Record, error) bool)
}

func (l *watched) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		l.inside.Store(true)
		defer l.inside.Store(false)
		for r, err := range l.Log.All(ctx, from) {
			l.told.Add(1)
			if !yield(r, err) {
				return
			}
		}
		if l.after != nil {
			l.after(yield)
		}
	}
}

const (
	aheadMax   = 3 * 128 // what walk promises: "a few hundred records"
	manyOrders = 300     // several batches, and a part of one
	manyEvents = manyOrders * eventsPerOrder
)

func many() *watched { return &watched{Log: &ledger{orders: manyOrders, window: 7}} }

func TestReplay_IsTheSameOnOneCoreAndOnTwo(t *testing.T) {
	var seen [2][]string
	onCores(t, func(t *testing.T, cores int) {
		log := many()
		p, err := audit.Replay(t.Context(), log, &audit.Config{Each: func(r events.Record, o order.Order) error {
			seen[cores-1] = append(seen[cores-1], fmt.Sprint(r.Position, r.ID, r.Event.Kind(), o.ID, o.Version, o.Status))
			return nil
		}})
		require.NoError(t, err)
		assert.Equal(t, uint64(manyEvents), p.Records)
		assert.Equal(t, map[order.Status]int{order.Captured: manyOrders}, p.Statuses())
		assert.False(t, log.inside.Load(), "reading has ended")
	})
	require.Len(t, seen[0], manyEvents)
	assert.Equal(t, seen[0], seen[1])
}

// Batches end where they end: a log of any length is read whole.
func TestReplay_LogsOfEveryLength(t *testing.T) {
	all := records(&ledger{orders: 100})
	onCores(t, func(t *testing.T, _ int) {
		for _, n := range []int{0, 1, 127, 128, 129, 255, 256, 257, 383, 384, 385, 400} {
			p, err := replay(&tampered{records: all[:n]})
			require.NoError(t, err)
			require.Equal(t, uint64(n), p.Records)

			p, err = replay(&tampered{records: all[:n], err: errStrike})
			require.ErrorIs(t, err, errStrike)
			require.ErrorContains(t, err, fmt.Sprintf("after position %d:", n))
			require.Equal(t, uint64(n), p.Records, "what came before it is taken")
		}
	})
}

func TestReplay_WhoeverEndsItNobodyReadsOn(t *testing.T) {
	enough := errors.New("enough")
	onCores(t, func(t *testing.T, _ int) {
		for _, stop := range []uint64{1, 128, 129, 700, manyEvents} {
			log := many()
			p, err := audit.Replay(t.Context(), log, &audit.Config{Each: func(r events.Record, _ order.Order) error {
				if r.Position == stop {
					return enough
				}
				return nil
			}})
			require.Equal(t, enough, err)
			require.Equal(t, stop, p.Records)
			require.False(t, log.inside.Load(), "reading has ended")

			log = many()
			require.PanicsWithValue(t, "each", func() {
				_, _ = audit.Replay(t.Context(), log, &audit.Config{Each: func(r events.Record, _ order.Order) error {
					if r.Position == stop {
						panic("each")
					}
					return nil
				}})
			})
			require.False(t, log.inside.Load(), "reading has ended")
		}
	})
}

func TestReplay_ReadsAFewHundredAheadAtMost(t *testing.T) {
	onCores(t, func(t *testing.T, _ int) {
		log := many()
		_, err := audit.Replay(t.Context(), log, &audit.Config{Each: func(r events.Record, _ order.Order) error {
			runtime.Gosched()
			assert.LessOrEqual(t, log.told.Load()-int64(r.Position), int64(aheadMax))
			return nil
		}})
		require.NoError(t, err)
	})
}

// padded is a log whose inquiries were answered at length.
type padded struct{ store.Log }

func (l padded) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range l.Log.All(ctx, from) {
			if answered, is := r.Event.(events.InquiryAnswered); is {
				e := *answered.Evidence
				e.Body = append(bytes.Clone(e.Body), bytes.Repeat([]byte(" "), events.BodyMax-len(e.Body))...)
				answered.Evidence = &e
				r.Event = answered
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Long messages are read a few ahead: what is in memory is bounded by bytes as well.
func TestReplay_ReadsFewLongMessagesAhead(t *testing.T) {
	const orders, each, fits = 40, 3, 2 // records of an order, of which one is long; long ones in a batch
	w := newWriter(func(n int) int { return n - 1 })
	for i := range orders {
		id := fmt.Sprint("o-", i)
		w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: usd(amount), Method: "ALIPAY_CN"})
		w.give(id, order.Claim{Inquire: true})
	}
	onCores(t, func(t *testing.T, _ int) {
		log := &watched{Log: padded{w.log}}
		p, err := audit.Replay(t.Context(), log, &audit.Config{Each: func(r events.Record, _ order.Order) error {
			runtime.Gosched()
			assert.LessOrEqual(t, log.told.Load()-int64(r.Position), int64(3*fits*each))
			return nil
		}})
		require.NoError(t, err)
		assert.EqualValues(t, orders*each, p.Records)
	})
}

// A context that ends stops a replay of a log that does not look at it, with what was taken so far.
func TestReplay_ObeysItsContext(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	log := many()
	p, err := audit.Replay(ctx, log, &audit.Config{Each: func(r events.Record, _ order.Order) error {
		if r.Position == 200 {
			leave()
		}
		return nil
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, fmt.Sprintf("after position %d: read on in the log", p.Records))
	assert.LessOrEqual(t, p.Records, uint64(256), "the batch it was in")
	assert.False(t, log.inside.Load())
}

// What becomes of the log's own code becomes of the caller, as if it ran on the same goroutine.
func TestReplay_ALogThatBreaksOff(t *testing.T) {
	onCores(t, func(t *testing.T, _ int) {
		log := many()
		log.after = func(func(events.Record, error) bool) { panic("out of tape") }
		require.PanicsWithValue(t, "out of tape", func() { _, _ = replay(log) })
	})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	log := many()
	log.after = func(func(events.Record, error) bool) { runtime.Goexit() }
	require.PanicsWithValue(t, "audit: the log ended the goroutine that read it", func() { _, _ = replay(log) })
}

// Whichever goroutine reads a record's message, what comes of it is the same, for a record that says what its message
// says, for one that does not, and for one whose message nobody can read.
func TestReplay_MessagesReadAhead(t *testing.T) {
	whole := refunded(t)
	forged := slices.Clone(whole)
	asked, done := forged[2].Event.(events.RefundRequested), forged[4].Event.(events.RefundSucceeded)
	asked.Amount, done.Amount = usd(300), usd(300)
	forged[2].Event, forged[4].Event = asked, done
	garbled := slices.Clone(whole)
	done = garbled[4].Event.(events.RefundSucceeded)
	message := *done.Proof.Evidence
	message.Body = []byte("garbage")
	done.Proof.Evidence = &message
	garbled[4].Event = done

	for name, all := range map[string][]events.Record{"whole": whole, "forged": forged, "garbled": garbled} {
		none, want := audit.ReplayOpened(all, 0)
		require.Zero(t, none)
		require.Equal(t, name == "whole", want == nil, name)
		for first := range len(all) + 1 {
			messages, got := audit.ReplayOpened(all, first)
			assert.Equal(t, want, got, "%s, %d read before", name, first)
			if first == len(all) {
				assert.Equal(t, 3, messages, "of the payment, of the refund's acceptance and of its end")
			}
		}
	}
}
