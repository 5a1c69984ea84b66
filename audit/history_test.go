package audit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// timeline reads an order's whole history.
func timeline(t *testing.T, log store.Reader, id string) (all []audit.Entry) {
	t.Helper()
	for e, err := range audit.History(t.Context(), log, id) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// aCancelInDoubt is an order whose cancel is done when it is asked for again, and nobody knew before; and a refused
// refund.
func aCancelInDoubt(t *testing.T) (log store.Log, id string) {
	t.Helper()
	class := order.VerdictUnknown
	w := newWriter(func(int) int { return int(class) })
	id = "INV/1"
	w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-1", Amount: usd(amount), Method: "CARD",
		CaptureMode: order.CaptureManual, Actor: "shop"})
	w.now = w.now.Add(time.Minute)
	w.give(id, order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-" + id, At: w.now,
		Amount: usd(amount)})})
	refuse(t, w, id)
	w.now = w.now.Add(time.Minute)
	w.give(id, order.Cancel{CommandID: "c-1", Reason: "changed their mind", Actor: "alice"})
	w.now = w.now.Add(time.Minute)
	class = order.VerdictSucceeded
	w.give(id, order.Claim{})
	return w.log, id
}

// refuse records a refused command, as a service does beside its answer.
func refuse(t *testing.T, w *writer, id string) {
	t.Helper()
	_, err := w.log.Append(t.Context(), events.RefusalStream(id), 0, events.Record{ID: w.id(), Recorded: w.now,
		Occurred: w.now, Actor: "bob", Event: events.CommandRefused{Command: "refund", Reason: "nothing-captured",
			Remedy: "cancel instead", Cause: 2, Amount: usd(part), Count: 1}})
	require.NoError(t, err)
}

func TestHistoryTellsWhoWhyAndForHowLongNobodyKnew(t *testing.T) {
	log, id := aCancelInDoubt(t)
	all := timeline(t, log, id)
	require.Equal(t, 7, len(all))
	type told struct {
		what, who, why, code string
		refused              bool
		unknown              time.Duration
	}
	var got []told
	for _, e := range all {
		got = append(got, told{e.What, e.Record.Actor, e.Why, e.Code, e.Refused, e.Unknown})
	}
	by := all[1].Record.Actor // who hears notifications
	assert.Equal(t, []told{
		{what: "placed: USD 10.00 by CARD, captured by us", who: "shop"},
		{what: "authorized USD 10.00", who: by},
		{what: "refund USD 4.00 refused", who: "bob", why: all[2].Why, refused: true},
		{what: "cancel commanded", who: "alice", why: "changed their mind"},
		{what: "cancel outcome not known", who: all[4].Record.Actor, why: "so it is", code: "UNKNOWN_EXCEPTION"},
		{what: "cancel asked again, attempt 2", who: all[5].Record.Actor},
		{what: "cancelled, requested", who: all[6].Record.Actor, unknown: time.Minute},
	}, got)
	assert.Equal(t, "nothing is captured (record 2); cancel instead", all[2].Why)
	assert.Equal(t, order.Authorized, all[2].Order.Status, "what the order was when it refused")
	assert.Equal(t, order.Cancelled, all[6].Order.Status)
	assert.Equal(t, []events.Channel{events.ViaSelf, events.ViaNotification, events.ViaSelf, events.ViaSelf,
		events.ViaAnswer, events.ViaSelf, events.ViaAnswer}, []events.Channel{all[0].Via, all[1].Via, all[2].Via,
		all[3].Via, all[4].Via, all[5].Via, all[6].Via})
	for i, attempt := range map[int]uint64{3: 1, 4: 1, 5: 2, 6: 2} {
		assert.Equal(t, order.CallCancel, all[i].Call.Kind, i)
		assert.Equal(t, attempt, all[i].Call.Attempt, i)
	}
	assert.Zero(t, all[1].Call)
}

// Positions decide, however the clock went.
func TestHistoryIsInTheOrderOfTheLog(t *testing.T) {
	log, id := aCancelInDoubt(t)
	var last uint64
	for _, e := range timeline(t, log, id) {
		assert.Greater(t, e.Record.Position, last)
		last = e.Record.Position
	}
	for e, err := range audit.History(t.Context(), log, id) { // who stops early leaves nothing behind
		require.NoError(t, err)
		assert.Equal(t, uint64(1), e.Record.Position)
		break
	}
}

func TestHistoryOfWhatIsNotThere(t *testing.T) {
	log, _ := aCancelInDoubt(t)
	fails := func(ctx context.Context, id string) (err error) {
		for _, err = range audit.History(ctx, log, id) {
		}
		return err
	}
	err := fails(t.Context(), "INV")
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	assert.ErrorContains(t, err, `history of order "INV"`)
	require.ErrorIs(t, fails(t.Context(), ""), events.ErrInvalid)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, fails(ended, "INV/1"), context.Canceled)
}

// Every kind of fact is told in words of its own: no kind's name, no stage that nobody named. The facts are those of
// the golden documents of package jsonform, one of every kind.
func TestHistoryHasWordsForEveryKind(t *testing.T) {
	seen := map[string]events.Kind{}
	for _, kind := range events.Kinds() {
		name, _, _ := strings.Cut(string(kind), ".v")
		doc, err := os.ReadFile(filepath.Join("..", "jsonform", "testdata", name+".json"))
		require.NoError(t, err)
		sample, _, err := jsonform.DecodeRecord(doc)
		require.NoError(t, err)
		require.Equal(t, kind, sample.Event.Kind())

		log := memory.New()
		at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		stream := events.OrderStream("o-1")
		if kind == events.KindCommandRefused {
			stream = events.RefusalStream("o-1")
		}
		_, err = log.Append(t.Context(), stream, 0, events.Record{ID: "r-1", Recorded: at, Occurred: at, Actor: "x",
			Event: sample.Event})
		require.NoError(t, err, kind)
		what := timeline(t, log, "o-1")[0].What
		assert.NotContains(t, what, name+".v", kind)
		assert.NotContains(t, what, "none", kind)
		assert.NotContains(t, what, "  ", kind)
		assert.GreaterOrEqual(t, len(strings.Fields(what)), 2, "%s: %q", kind, what)
		assert.Empty(t, seen[what], "%s is told like another: %s", kind, what)
		seen[what] = kind
	}
	require.Greater(t, len(seen), 30)
}

// A log that fails ends the timeline, once.
func TestHistoryEndsWithTheLogsError(t *testing.T) {
	log, id := aCancelInDoubt(t)
	require.NoError(t, log.Close())
	n := 0
	for _, err := range audit.History(t.Context(), log, id) {
		require.ErrorIs(t, err, store.ErrClosed)
		n++
	}
	assert.Equal(t, 1, n)
}
