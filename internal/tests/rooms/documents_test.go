package rooms_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/order"
)

var dawn = time.Date(2026, 11, 23, 9, 0, 0, 1, time.UTC)

func TestMoneyForPrograms(t *testing.T) {
	assert.Nil(t, documents.MoneyOf(order.Money{}))
	assert.Equal(t, &documents.Money{Currency: "USD", Minor: "-5", Value: "-0.05"},
		documents.MoneyOf(order.Money{Minor: -5, Currency: "USD"}))
	assert.Equal(t, &documents.Money{Currency: "XQQ", Minor: "5"},
		documents.MoneyOf(order.Money{Minor: 5, Currency: "XQQ"}),
		"nobody knows how many decimals it has")
}

func TestTimesAndNumbersThatAreNoneAreLeftOut(t *testing.T) {
	assert.Empty(t, documents.Time(time.Time{}))
	assert.Equal(t, "2026-11-23T09:00:00.000000001Z", documents.Time(dawn.In(time.FixedZone("", 3600))))
	assert.Empty(t, documents.Digits(0))
	assert.Equal(t, "18446744073709551615", documents.Digits(^uint64(0)))
}

func TestACallForPrograms(t *testing.T) {
	assert.Nil(t, documents.CallOf(order.Call{}))
	assert.Equal(t, &documents.Call{Call: "cancel", Attempt: "2"},
		documents.CallOf(order.Call{Kind: order.CallCancel, Attempt: 2}))
}

func TestAnOrderTellsWhatMayBeDoneAndWhyTheRestMayNot(t *testing.T) {
	o := order.Order{ID: "o-1", Version: 2, Status: order.Captured, Amount: order.Money{Minor: 100, Currency: "USD"}}
	doc, err := documents.OrderOf(o, []order.Action{
		{Verb: order.VerbRefund, Legal: true, Max: o.Amount},
		{Verb: order.VerbCancel, Rejected: &order.RejectedError{OrderID: "o-1", Command: order.VerbCancel,
			Reason: order.ReasonCaptured, Cause: order.Cause{Version: 2}, LegalAt: dawn, Remedy: "refund instead"}},
	})
	require.NoError(t, err)
	assert.Equal(t, documents.Action{Command: "refund", Legal: true,
		Max: &documents.Money{Currency: "USD", Minor: "100", Value: "1.00"}}, doc.Actions[0])
	assert.Equal(t, "refund instead", doc.Actions[1].Remedy)
	assert.Equal(t, "2", doc.Actions[1].Record)
	assert.Equal(t, "2026-11-23T09:00:00.000000001Z", doc.Actions[1].LegalAt)
	o.Status = order.Cancelled
	assert.True(t, documents.Done(&o, &order.Action{Verb: order.VerbCancel, Legal: true}))
	assert.False(t, documents.Done(&o, &order.Action{Verb: order.VerbClearAnomaly, Legal: true}))
	text, err := documents.Marshal(doc)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"id":"o-1"`)
	assert.NotContains(t, string(text), "\n")
}

func TestAnEntryTellsHowLongNobodyKnew(t *testing.T) {
	e := &audit.Entry{What: "<captured>", Unknown: 90*time.Second + 5, Record: events.Record{Position: 3,
		Stream: events.OrderStream("o-1"), Version: 2, Recorded: dawn, Occurred: dawn, Actor: "apo",
		Event: events.CancelDated{}, ID: "r-2", Head: events.Head{Status: "captured", StatusSince: dawn, Phase: "idle"}}}
	doc, err := documents.EntryOf(e)
	require.NoError(t, err)
	assert.Equal(t, "90.000000005", doc.UnknownFor)
	assert.Equal(t, "apo", doc.Who)
	text, err := documents.Marshal(doc)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"what":"<captured>"`, "no escapes for web pages: programs read it")
	assert.Contains(t, string(text), `"position":"3"`)
}
