package behaviour_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// A log that fails while settling is somebody's to mend: an answer that was heard and not recorded is no mere "not
// known yet".
func TestSettleDue_TellsOfAnOutcomeThatCouldNotBeRecorded(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysU)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.Clock.Pass(time.Hour)
	log.OnAppend = tilltest.On(events.KindInquiryAnswered, tilltest.AppendFails, -1)
	settled, err := x.Orders.SettleDue(x.Ctx)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Equal(t, tilltape.Settled{Driven: 1, Failed: 1}, settled)

	log.OnAppend = nil
	assert.Equal(t, order.Cancelled, x.Exhaust(time.Hour).Status)
}

// Nothing is asked of APO about a command here, so the error must not speak of one.
func TestSettleDue_APaymentsInquiryThatCouldNotBeRecorded(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	c := tilltest.Placing(order.CaptureManual)
	c.PayBy = tilltest.Dawn().Add(time.Minute)
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	x.Clock.Pass(time.Hour)
	log.OnAppend = tilltest.On(events.KindInquiryAnswered, tilltest.AppendFails, -1)
	settled, err := x.Orders.SettleDue(x.Ctx)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), tilltest.TheOrder)
	assert.Contains(t, err.Error(), "asked again")
	assert.Equal(t, 1, settled.Failed)
}

func TestAFollowUpThatFailsDoesNotHideTheCommandsOutcome(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	c := tilltest.Placing(order.CaptureManual)
	c.PayBy = tilltest.Dawn().Add(time.Minute)
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	x.Clock.Pass(time.Hour) // the payment is due for an inquiry of its own
	x.Bank.Next(tilltest.SaysF("ACCESS_DENIED"))
	log.OnAppend = tilltest.On(events.KindInquiryStarted, tilltest.AppendFails, -1)
	_, err = x.Cancel()
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "ACCESS_DENIED", failed.Code)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
}

func TestSettleDue_OfAClosedOrders(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	require.NoError(t, x.Orders.Close())
	_, err := x.Orders.SettleDue(x.Ctx)
	require.ErrorIs(t, err, tilltape.ErrClosed, "even where nothing is due")
	assert.Contains(t, err.Error(), "open the log again")
}

// Why a request was not sent is known here alone: where it is not kept, nobody can ever tell.
func TestWhatWasNotSentSaysWhyOnRecord(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Open(refusing{x.Bank})
	_, err := x.Cancel()
	require.ErrorIs(t, err, order.ErrFailed)
	history := x.History()
	ended := history[len(history)-1].Event.(events.CancelFailed)
	assert.Equal(t, "NOT_SENT", ended.Code)
	assert.Equal(t, apo.ErrInvalidRequest.Error(), ended.Message)
}

func TestNew_RefusesTheNilPointerOfAClientOrLogThatCouldNotBeMade(t *testing.T) {
	var client *apo.Client
	_, err := tilltape.New(memory.New(), client, nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
	var log *memory.Log
	_, err = tilltape.New(log, tilltest.NewBank(time.Now), nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
}

func TestNew_NamesTheFieldThatIsNegative(t *testing.T) {
	for field, cfg := range map[string]tilltape.Config{
		"CallTimeout": {CallTimeout: -1}, "RecordTimeout": {RecordTimeout: -1}, "Concurrency": {Concurrency: -1},
	} {
		_, err := tilltape.New(memory.New(), tilltest.NewBank(time.Now), &cfg)
		require.ErrorIs(t, err, tilltape.ErrConfig)
		assert.Contains(t, err.Error(), field+" is negative")
	}
}

func TestAnIntentInDoubtSaysUnderWhichIdToAskAgain(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	log.OnAppend = tilltest.On(events.KindCancelRequested, tilltest.AppendAnswers, -1)
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{}) // its id is minted: the error alone can tell it
	require.ErrorIs(t, err, tilltest.ErrDisk)
	intent := x.History()[2]
	require.Equal(t, events.KindCancelRequested, intent.Event.Kind())
	require.ErrorIs(t, err, tilltape.ErrInDoubt)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), strconv.Quote(intent.CommandID))

	log.OnAppend = nil
	x.Clock.Pass(time.Hour)
	result, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: intent.CommandID})
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, result.Order.Status)
	assert.Equal(t, 1, x.Bank.Accounts[0].Cancels)
}

// Each of these once named its order twice.
func TestErrorsOfTheLogReadWell(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	ended, leave := context.WithCancel(x.Ctx)
	leave()
	_, err := x.Orders.Get(ended, tilltest.TheOrder)
	assert.EqualError(t, err, "order o-1: it could not be read: context canceled")
	_, err = x.Orders.Cancel(ended, tilltest.TheOrder, order.Cancel{})
	assert.EqualError(t, err, "order o-1: it could not be read: context canceled")
	second := tilltest.Placing(order.CaptureManual)
	second.OrderID = "o-2"
	_, err = x.Orders.Create(x.Ctx, second)
	require.ErrorIs(t, err, store.ErrKeyTaken)
	assert.Equal(t, 1, strings.Count(err.Error(), "o-2"), err.Error())
	log.OnAppend = tilltest.On(events.KindCancelSucceeded, tilltest.AppendFails, -1)
	_, err = x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, 1, strings.Count(err.Error(), tilltest.TheOrder), err.Error())
}
