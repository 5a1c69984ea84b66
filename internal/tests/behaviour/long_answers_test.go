package behaviour_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// dashboard has somebody at APO's dashboard give a captured payment back in so many parts, of which nobody tells us.
func dashboard(x *tilltest.Ear, id string, parts int) {
	x.T.Helper()
	for range parts {
		_, err := x.Server.DashboardRefund("preq-"+id, 1)
		require.NoError(x.T, err)
	}
}

// large is an order of so much, captured, with APO and the log agreeing.
func large(x *tilltest.Ear, id string, minor int64) {
	x.T.Helper()
	_, err := x.Server.Register(apotest.Payment{PaymentRequestID: "preq-" + id, PaymentID: "pay-" + id,
		Capture: apotest.Manual, Amount: apotest.Amount{Currency: tilltest.TestCurrency, Minor: minor}})
	require.NoError(x.T, err)
	_, err = x.Orders.Create(x.Ctx, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: tilltest.USD(minor),
		Method: apotest.MethodCard, CaptureMode: order.CaptureManual})
	require.NoError(x.T, err)
	require.NoError(x.T, x.Server.Submit("preq-"+id))
	require.True(x.T, x.Deliver())
	_, err = x.Orders.Capture(x.Ctx, id, order.Capture{Amount: tilltest.USD(minor)})
	require.NoError(x.T, err)
	require.True(x.T, x.Deliver())
}

// An answer is heard however many transactions it has, and APO's signature is there over every byte of it: for the
// audit, and for whoever gets the order's evidence.
func TestALongAnswerIsHeardWhole(t *testing.T) {
	for _, lines := range []int{200, 2000}[:long.Rounds(2, 1)] {
		t.Run(fmt.Sprint(lines, " transactions"), func(t *testing.T) {
			tilltest.Stores(t, func(t *testing.T, log store.Log) {
				x := tilltest.NewEar(t, log, tilltest.EarConfig{})
				large(x, "o-1", 10_000)
				dashboard(x, "o-1", lines)
				r, err := x.Orders.Reconcile(x.Ctx, "o-1")
				require.NoError(t, err)
				assert.True(t, r.Whole)
				assert.Len(t, r.Differences, lines)
				assert.EqualValues(t, lines, r.Order.Refunded)
				x.Agrees("o-1")
				again, err := x.Orders.Reconcile(x.Ctx, "o-1")
				require.NoError(t, err)
				assert.Empty(t, again.Differences, "all of it is on record")

				replayed, err := audit.Replay(context.Background(), log, nil)
				require.NoError(t, err, "each record says what its line of the message says")
				o, _ := replayed.Order("o-1")
				assert.EqualValues(t, lines, o.Refunded)

				verified(t, x, lines*200)
			})
		})
	}
}

// Of thousands of transactions each record is held against its own: a cent that is moved from one refund to another is
// found, and so is a message that was shortened.
func TestALongAnswerIsAuditedLineByLine(t *testing.T) {
	log := memory.New()
	x := tilltest.NewEar(t, log, tilltest.EarConfig{})
	large(x, "o-1", 10_000)
	dashboard(x, "o-1", 300)
	_, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.NoError(t, err)
	last := x.Order("o-1").Version
	for name, tt := range map[string]struct {
		version uint64
		forge   func(events.Event) events.Event
		says    string
	}{
		"another line's id": {last - 150, func(e events.Event) events.Event {
			f := e.(events.RefundSucceeded)
			f.RefundID += "x"
			return f
		}, "the record says refundId"},
		"another amount": {last - 150, func(e events.Event) events.Event {
			f := e.(events.RefundSucceeded)
			f.Amount.Minor++
			return f
		}, "the record says refund USD 0.02, APO's message beside it says USD 0.01"},
		"a shorter message": {last, func(e events.Event) events.Event {
			f := e.(events.InquiryAnswered)
			kept := *f.Evidence
			kept.Body = kept.Body[:len(kept.Body)-1]
			f.Evidence = &kept
			return f
		}, "the message beside it cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := audit.Replay(x.Ctx, &forging{log, tt.version, tt.forge}, nil)
			require.ErrorIs(t, err, audit.ErrEvidence)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

// forging is a log with one record of o-1 changed.
type forging struct {
	store.Reader
	version uint64
	forge   func(events.Event) events.Event
}

func (l *forging) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range l.Reader.All(ctx, from) {
			if err == nil && r.Version == l.version {
				r.Event = l.forge(r.Event)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// verified checks APO's signature over every message of the order's bundle, the longest of which has so many bytes.
func verified(t *testing.T, x *tilltest.Ear, longest int) {
	t.Helper()
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, "o-1")
	require.NoError(t, err)
	most := 0
	for _, m := range b.Messages {
		e := m.Evidence()
		require.NoError(t, e.Verify(&tilltest.ServerKeys()[1].PublicKey), "%s of version %d", m.Via, m.Version)
		most = max(most, len(e.Body))
	}
	assert.Greater(t, most, longest)
	assert.LessOrEqual(t, most, events.BodyMax)
}

// One that is longer than can be kept proves nothing, and whoever reconciles is told so.
func TestAnAnswerBeyondTheBoundTellsNothing(t *testing.T) {
	log := memory.New()
	x := tilltest.NewEar(t, log, tilltest.EarConfig{})
	large(x, "o-1", 10_000)
	dashboard(x, "o-1", 4_500)
	before := x.Order("o-1")
	_, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.ErrorContains(t, err, fmt.Sprintf("above %d bytes", apo.BodyMax))
	assert.ErrorContains(t, err, "have APO's support say what became of it")
	after := x.Order("o-1")
	assert.Equal(t, before.Version+2, after.Version, "that APO was asked, and that it told nothing")
	assert.Zero(t, after.Refunded, "nothing is guessed")
	assert.Equal(t, before.Anomalies, after.Anomalies)
	_, err = audit.Replay(x.Ctx, log, nil)
	require.NoError(t, err)
}

// An operation that waits for such an answer is a person's in the end: APO is not asked on and on for what will be as
// long each time.
func TestAnAnswerBeyondTheBoundLeadsToAPerson(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{Script: []apotest.Fault{
		{Op: apotest.OpCapture, Do: apotest.Cut, After: true}, {Op: apotest.OpInquirePayment, Do: apotest.Oversized}}})
	x.Sell("o-1")
	require.NoError(t, x.Server.Submit("preq-o-1"))
	require.True(t, x.Deliver())
	_, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	for x.Order("o-1").Operation.Phase != order.Parked {
		x.Clock.Advance(x.Order("o-1").NextDue().Sub(x.Clock.Now()))
		_, err := x.Orders.SettleDue(x.Ctx)
		require.NoError(t, err)
	}
	assert.Less(t, len(x.Server.Calls()), 40, "a week's schedule")
	o := x.Order("o-1")
	assert.Zero(t, o.Captured, "nothing is guessed")
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, "o-1")
	require.NoError(t, err)
	last := b.Calls[len(b.Calls)-1]
	require.NotNil(t, last.Answer)
	assert.Contains(t, last.Answer.Problem, fmt.Sprintf("above %d bytes", apo.BodyMax))
}
