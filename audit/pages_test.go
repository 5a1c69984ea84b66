package audit_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

var (
	_ audit.Pager = (*bolt.Log)(nil)
	_ audit.Pager = (*memory.Log)(nil)
)

// paged is a log of frames that hands them out in pages. Without a Log, it does nothing else.
type paged struct {
	store.Log
	frames [][]byte
	err    error  // after them
	after  func() // called in the end
}

func (l *paged) ProvenPages(_ context.Context, into func() *store.Page) (seal.Checkpoint,
	iter.Seq2[*store.Page, error], error) {
	return seal.Checkpoint{}, func(yield func(*store.Page, error) bool) {
		for next := 0; next < len(l.frames); {
			p := into()
			p.Begin("a log of frames", uint64(next)+1)
			for ; next < len(l.frames) && !p.Full(); next++ {
				p.Add(l.frames[next])
			}
			var err error
			if next == len(l.frames) {
				err = l.err
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
		if l.after != nil {
			l.after()
		}
	}, nil
}

// framesOf are the frames of a log's records.
func framesOf(t *testing.T, log store.Reader) (frames [][]byte) {
	t.Helper()
	for r, err := range log.All(t.Context(), store.Start()) {
		require.NoError(t, err)
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		frames = append(frames, frame)
	}
	return frames
}

// aDay is a log of many orders of every kind, some of which ask, are refused, are parked and are settled by a person.
func aDay(t *testing.T) store.Log {
	t.Helper()
	turn := 0
	w := newWriter(func(n int) int { turn++; return turn * 7 % n })
	const orders = 700
	ids := make([]string, orders)
	for i := range ids {
		ids[i] = fmt.Sprintf("order-%05d", i)
	}
	give := func(c func(i int, id string) order.Command) {
		for i, id := range ids {
			w.give(id, c(i, id))
		}
	}
	give(func(i int, id string) order.Command {
		method := []string{"ALIPAY_CN", order.MethodCard}[i%2]
		mode := []events.CaptureMode{order.CaptureNone, order.CaptureManual}[i%2]
		return order.Create{CommandID: w.id(), OrderID: id, PaymentRequestID: "preq-" + id, Amount: usd(amount),
			Method: method, CaptureMode: mode, Actor: "clerk-" + id}
	})
	give(func(_ int, id string) order.Command {
		return order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-" + id,
			Amount: usd(amount), At: w.now})}
	})
	for range 3 {
		give(func(i int, _ string) order.Command {
			switch i % 4 {
			case 0:
				return order.Refund{CommandID: w.id(), Amount: usd(part), Actor: "clerk"}
			case 1:
				return order.Capture{CommandID: w.id(), Amount: usd(part), Actor: "clerk"}
			case 2:
				return order.Cancel{CommandID: w.id(), Reason: "changed their mind", Actor: "clerk"}
			}
			return order.Claim{Inquire: true}
		})
		give(func(i int, _ string) order.Command {
			if i%3 == 0 {
				return order.Resolve{CommandID: w.id(), Resolution: events.ResolvedSucceeded, Statement: "seen", Actor: "zoe"}
			}
			return order.Claim{Inquire: true}
		})
	}
	return w.log
}

// alike demands that two replays came to the same, to the last order.
func alike(t *testing.T, want, got *audit.Replayed) {
	t.Helper()
	require.Equal(t, want.Records, got.Records)
	require.Equal(t, want.Refusals, got.Refusals)
	require.Equal(t, want.Kinds, got.Kinds)
	require.Equal(t, want.Statuses(), got.Statuses())
	require.Equal(t, want.Len(), got.Len())
	next, stop := iter.Pull(got.Orders())
	defer stop()
	for o := range want.Orders() {
		other, ok := next()
		require.True(t, ok)
		require.Equal(t, o, other)
	}
}

// Pages are used again while orders that began in them go on, and nothing of any order is lost or mixed up.
func TestReplay_PagesUsedAgain(t *testing.T) {
	logs := map[string]store.Reader{"a day": aDay(t)}
	windows, orders := []int{0, 7, 600, 2_500}, 2_500
	if !long.Walks() {
		windows, orders = []int{100}, 1_200
	}
	for _, window := range windows {
		logs[fmt.Sprint("window ", window)] = &ledger{orders: orders, window: window}
	}
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			want, err := audit.Replay(t.Context(), struct{ store.Reader }{log}, nil)
			require.NoError(t, err)
			all := &paged{frames: framesOf(t, log)}
			onCores(t, func(t *testing.T, _ int) {
				got, pages, err := audit.ReplayPoisoned(all)
				require.NoError(t, err)
				assert.Greater(t, pages, 5, "used again")
				alike(t, want, got)
			})
			got, err := audit.Replay(t.Context(), all, &audit.Config{Each: func(events.Record, order.Order) error {
				return nil
			}})
			require.NoError(t, err)
			alike(t, want, got)
		})
	}
}

// What Each is given may be kept for ever, though pages are used again.
func TestReplay_EachKeepsWhatItIsGiven(t *testing.T) {
	l := &ledger{orders: 600, window: 40}
	want := records(l)
	onCores(t, func(t *testing.T, _ int) {
		var got []events.Record
		_, err := audit.Replay(t.Context(), &paged{frames: framesOf(t, l)}, &audit.Config{
			Each: func(r events.Record, _ order.Order) error { got = append(got, r); return nil }})
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// Wherever a page's record is bad, those before it are taken, and the error is as if the log had decoded it; so it is
// of a record that cannot follow, and of a log that ends with an error.
func TestReplay_BadPlacesInPages(t *testing.T) {
	l := &ledger{orders: long.Walk(2_000, 200), window: 100}
	whole := framesOf(t, l)
	onCores(t, func(t *testing.T, _ int) {
		places := []int{1, 2, 127, 128, 129, 257, 5_000, len(whole)}
		if !long.Walks() {
			places = places[:6]
		}
		for _, at := range places {
			log := &paged{frames: append([][]byte(nil), whole...)}
			log.frames[at-1] = whole[at-1][:10]
			p, err := replay(log)
			require.ErrorIs(t, err, store.ErrDamaged)
			require.ErrorContains(t, err, fmt.Sprintf("replaying after position %d: a log of frames, position %d: ", at-1, at))
			require.EqualValues(t, at-1, p.Records)

			log.frames[at-1] = whole[at%len(whole)]
			_, err = replay(log)
			require.ErrorContains(t, err, fmt.Sprintf("the record here says that its position is %d", at%len(whole)+1))

			r, err := events.DecodeFrame(whole[at-1])
			require.NoError(t, err)
			r.Version++
			log.frames[at-1], err = events.AppendFrame(nil, r)
			require.NoError(t, err)
			_, err = replay(log)
			var illegal *audit.IllegalError
			require.ErrorAs(t, err, &illegal)
			require.EqualValues(t, at, illegal.Position)
			require.Equal(t, r, illegal.Record)

			log = &paged{frames: whole[:at], err: errStrike}
			p, err = replay(log)
			require.ErrorIs(t, err, errStrike)
			require.ErrorContains(t, err, fmt.Sprintf("after position %d:", at))
			require.EqualValues(t, at, p.Records)
		}
	})
}

// What becomes of the log's own code becomes of the caller, of pages too.
func TestReplay_APagerThatBreaksOff(t *testing.T) {
	frames := framesOf(t, &ledger{orders: 200})
	onCores(t, func(t *testing.T, _ int) {
		log := &paged{frames: frames, after: func() { panic("out of tape") }}
		require.PanicsWithValue(t, "out of tape", func() { _, _ = replay(log) })
	})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	log := &paged{frames: frames, after: runtime.Goexit}
	require.PanicsWithValue(t, "audit: the log ended the goroutine that read it", func() { _, _ = replay(log) })
}

// A person's word is the last record of a page, its fact the first of the next, and what they are about began in the
// page that would be used again in between.
func TestReplay_AWordAtTheEndOfAPage(t *testing.T) {
	w, ctx := newWriter(func(int) int { return int(order.VerdictUnknown) }), t.Context()
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "ALIPAY_CN"})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	w.give("o-1", order.Refund{CommandID: w.id(), Amount: usd(part)})
	head := func() store.Head {
		h, err := w.log.Head(ctx, events.OrderStream("o-1"))
		require.NoError(t, err)
		return h
	}
	for days := 0; head().ParkedSince.IsZero(); days++ {
		require.Less(t, days, 30)
		w.now = w.now.Add(24 * time.Hour)
		w.give("o-1", order.Claim{})
	}
	for range 3 { // told nothing, a person may go without APO's word
		w.give("o-1", order.Claim{Inquire: true})
	}
	last := uint64((audit.PagesWait + 1) * store.PageMax)
	for i := head().Position + 1; i < last; i++ {
		_, err := w.log.Append(ctx, events.RefusalStream("o-2"), i-head().Position-1, events.Record{ID: fmt.Sprint("x-", i),
			Recorded: w.now, Occurred: w.now, Event: events.CommandRefused{Command: "cancel", Reason: "captured"}})
		require.NoError(t, err)
	}
	w.give("o-1", order.Resolve{CommandID: w.id(), Resolution: events.ResolvedFailed, Statement: "seen", Actor: "zoe",
		Override: true})
	all := records(w.log)
	require.Equal(t, events.KindOperationResolved, all[last-1].Event.Kind())
	require.Equal(t, events.KindRefundFailed, all[last].Event.Kind())
	onCores(t, func(t *testing.T, _ int) {
		_, _, err := audit.ReplayPoisoned(&paged{frames: framesOf(t, w.log)})
		require.NoError(t, err)
	})
}
