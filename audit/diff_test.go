package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// differences is what Diff yields, in words.
func differences(t *testing.T, before, after audit.Side) (all []string) {
	t.Helper()
	for c, err := range audit.Diff(t.Context(), before, after) {
		require.NoError(t, err)
		switch {
		case c.Before == nil:
			all = append(all, "+"+c.OrderID+" "+c.After.Status.String())
		case c.After == nil:
			all = append(all, "-"+c.OrderID+" "+c.Before.Status.String())
		}
		for _, f := range c.Fields {
			all = append(all, fmt.Sprintf("%s %s: %s -> %s", c.OrderID, f.Name, f.Before, f.After))
		}
	}
	return all
}

func TestDiffOfTwoTimes(t *testing.T) {
	log := aDayOfOrders()
	at := func(position uint64) audit.Side { return audit.Side{Log: log, At: audit.Point{Position: position}} }
	assert.Empty(t, differences(t, at(3), audit.Side{Log: log}))
	assert.Equal(t, []string{"+o-2 created"}, differences(t, at(1), at(2)))
	assert.Equal(t, []string{"-o-2 created"}, differences(t, at(2), at(1)))
	assert.Equal(t, []string{"o-1 status: created -> authorized", "o-1 words: created -> authorized",
		"o-1 paymentId:  -> p-1", "o-1 authorized: USD 0.00 -> USD 10.00", "o-1 version: 1 -> 2"},
		differences(t, at(2), at(3)))
}

// copied makes a log of another's records, in another order of the orders.
func copied(t *testing.T, log store.Log, change func(*events.Record), ids ...string) store.Log {
	t.Helper()
	out := memory.New()
	for _, id := range ids {
		for r, err := range log.Read(t.Context(), events.OrderStream(id), 0) {
			require.NoError(t, err)
			after := r.Version - 1
			r.Version, r.Position, r.Previous, r.Stream = 0, 0, 0, events.Stream{}
			change(&r)
			_, err := out.Append(t.Context(), events.OrderStream(id), after, r)
			require.NoError(t, err)
		}
	}
	return out
}

func TestDiffOfTwoLogs(t *testing.T) {
	log := aDayOfOrders()
	same := copied(t, log, func(*events.Record) {}, "o-2", "o-1")
	assert.Empty(t, differences(t, audit.Side{Log: log}, audit.Side{Log: same}), "positions do not count")

	other := copied(t, log, func(r *events.Record) {
		if r.Event.Kind() == events.KindPaymentAuthorized {
			r.Actor = "eve"
		}
	}, "o-1", "o-2")
	assert.Equal(t, []string{"o-1 history: other records -> other records"},
		differences(t, audit.Side{Log: log}, audit.Side{Log: other}), "who did it counts, though all comes to the same")

	less := copied(t, log, func(*events.Record) {}, "o-2")
	assert.Equal(t, []string{"-o-1 authorized"}, differences(t, audit.Side{Log: log}, audit.Side{Log: less}))
	assert.Equal(t, []string{"+o-1 authorized"}, differences(t, audit.Side{Log: less}, audit.Side{Log: log}))
}

// What is under way, what contradicts and what came late is told.
func TestDiffTellsWhatStandsOpen(t *testing.T) {
	w := newWriter(func(int) int { return int(order.VerdictUnknown) })
	const id = "o-1"
	w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-1", Amount: usd(amount), Method: "CARD",
		CaptureMode: order.CaptureManual})
	w.give(id, order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-" + id, At: w.now,
		Amount: usd(amount)})})
	w.give(id, order.Capture{Amount: usd(part), Actor: "alice"})
	w.give(id, order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-other", At: w.now,
		Amount: usd(amount)})})
	got := differences(t, audit.Side{Log: w.log, At: audit.Point{Position: 2}}, audit.Side{Log: w.log})
	assert.Contains(t, got, "o-1 operations: none -> capture USD 4.00 unresolved")
	assert.Contains(t, got, "o-1 anomalies: none -> contradicts the payment (record 5)")
}

func TestDiffNamesTheSideThatFails(t *testing.T) {
	log := aDayOfOrders()
	bad := records(log)
	bad[2].Event = events.CancelSucceeded{Cause: events.CauseRequested}
	for side, sides := range map[string][2]audit.Side{
		"the first side":  {{Log: &tampered{records: bad}}, {Log: log}},
		"the second side": {{Log: log}, {Log: &tampered{records: bad}}},
	} {
		n := 0
		for _, err := range audit.Diff(t.Context(), sides[0], sides[1]) {
			require.ErrorIs(t, err, audit.ErrIllegal)
			assert.ErrorContains(t, err, side)
			n++
		}
		assert.Equal(t, 1, n)
	}
}

func ExampleAt() {
	log := exampleLog()
	defer log.Close()
	noon := time.Date(2026, 11, 23, 9, 0, 30, 0, time.UTC)
	all, err := audit.At(context.Background(), log, audit.Point{Time: noon}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for o := range all.Orders() {
		fmt.Println(o.ID, o.Status)
	}
	// Output:
	// o-1 created
	// o-2 created
}

func ExampleOrderAt() {
	log := exampleLog()
	defer log.Close()
	o, err := audit.OrderAt(context.Background(), log, "o-1", audit.Point{Position: 1})
	fmt.Println(o.Status, err)
	// Output: created <nil>
}

func ExamplePositionAt() {
	log := exampleLog()
	defer log.Close()
	position, err := audit.PositionAt(context.Background(), log, time.Date(2026, 11, 23, 9, 0, 30, 0, time.UTC))
	fmt.Println(position, err)
	// Output: 2 <nil>
}

func ExampleDiff() {
	log := exampleLog()
	defer log.Close()
	for c, err := range audit.Diff(context.Background(), audit.Side{Log: log, At: audit.Point{Position: 2}},
		audit.Side{Log: log}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, f := range c.Fields {
			fmt.Println(c.OrderID, f.Name, f.Before, "->", f.After)
		}
	}
	// Output:
	// o-1 status created -> authorized
	// o-1 words created -> authorized
	// o-1 paymentId  -> p-1
	// o-1 authorized USD 0.00 -> USD 10.00
	// o-1 version 1 -> 2
}
