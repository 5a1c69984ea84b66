package documents

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

var dawn = time.Date(2026, 11, 23, 9, 0, 0, 1, time.UTC)

func TestMoneyForPrograms(t *testing.T) {
	assert.Nil(t, MoneyOf(order.Money{}))
	assert.Equal(t, &Money{"USD", "-5", "-0.05"}, MoneyOf(order.Money{Minor: -5, Currency: "USD"}))
	assert.Equal(t, &Money{Currency: "XQQ", Minor: "5"}, MoneyOf(order.Money{Minor: 5, Currency: "XQQ"}),
		"nobody knows how many decimals it has")
}

func TestTimesAndNumbersThatAreNoneAreLeftOut(t *testing.T) {
	assert.Empty(t, Time(time.Time{}))
	assert.Equal(t, "2026-11-23T09:00:00.000000001Z", Time(dawn.In(time.FixedZone("", 3600))))
	assert.Empty(t, Digits(0))
	assert.Equal(t, "18446744073709551615", Digits(^uint64(0)))
}

func TestACallForPrograms(t *testing.T) {
	assert.Nil(t, CallOf(order.Call{}))
	assert.Equal(t, &Call{Call: "cancel", Attempt: "2"}, CallOf(order.Call{Kind: order.CallCancel, Attempt: 2}))
}

func TestAnOrderTellsWhatMayBeDoneAndWhyTheRestMayNot(t *testing.T) {
	o := order.Order{ID: "o-1", Version: 2, Status: order.Captured, Amount: order.Money{Minor: 100, Currency: "USD"}}
	doc, err := OrderOf(o, []order.Action{
		{Verb: order.VerbRefund, Legal: true, Max: o.Amount},
		{Verb: order.VerbCancel, Rejected: &order.RejectedError{OrderID: "o-1", Command: order.VerbCancel,
			Reason: order.ReasonCaptured, Cause: order.Cause{Version: 2}, LegalAt: dawn, Remedy: "refund instead"}},
	})
	require.NoError(t, err)
	assert.Equal(t, Action{Command: "refund", Legal: true, Max: &Money{"USD", "100", "1.00"}}, doc.Actions[0])
	assert.Equal(t, "refund instead", doc.Actions[1].Remedy)
	assert.Equal(t, "2", doc.Actions[1].Record)
	assert.Equal(t, "2026-11-23T09:00:00.000000001Z", doc.Actions[1].LegalAt)
	o.Status = order.Cancelled
	assert.True(t, Done(&o, &order.Action{Verb: order.VerbCancel, Legal: true}))
	assert.False(t, Done(&o, &order.Action{Verb: order.VerbClearAnomaly, Legal: true}))
	text, err := Marshal(doc)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"id":"o-1"`)
	assert.NotContains(t, string(text), "\n")
}

func TestAnEntryTellsHowLongNobodyKnew(t *testing.T) {
	e := &audit.Entry{What: "<captured>", Unknown: 90*time.Second + 5, Record: events.Record{Position: 3,
		Stream: events.OrderStream("o-1"), Version: 2, Recorded: dawn, Occurred: dawn, Actor: "apo",
		Event: events.CancelDated{}, ID: "r-2", Head: events.Head{Status: "captured", StatusSince: dawn, Phase: "idle"}}}
	doc, err := EntryOf(e)
	require.NoError(t, err)
	assert.Equal(t, "90.000000005", doc.UnknownFor)
	assert.Equal(t, "apo", doc.Who)
	text, err := Marshal(doc)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"what":"<captured>"`, "no escapes for web pages: programs read it")
	assert.Contains(t, string(text), `"position":"3"`)
}
