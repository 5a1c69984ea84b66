package tilltape_test

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
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// A log that fails while settling is somebody's to mend: an answer that was heard and not recorded is no mere "not known
// yet".
func TestSettleDue_TellsOfAnOutcomeThatCouldNotBeRecorded(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.place(order.CaptureManual)
	x.paid()
	x.bank.next(saysU)
	_, err := x.cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.clock.pass(time.Hour)
	log.append = on(events.KindInquiryAnswered, appendFails, -1)
	settled, err := x.orders.SettleDue(x.ctx)
	require.ErrorIs(t, err, errDisk)
	assert.Equal(t, tilltape.Settled{Driven: 1, Failed: 1}, settled)

	log.append = nil
	assert.Equal(t, order.Cancelled, x.exhaust(time.Hour).Status)
}

// Nothing is asked of APO about a command here, so the error must not speak of one.
func TestSettleDue_APaymentsInquiryThatCouldNotBeRecorded(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	c := placing(order.CaptureManual)
	c.PayBy = dawn().Add(time.Minute)
	_, err := x.orders.Create(x.ctx, c)
	require.NoError(t, err)
	x.clock.pass(time.Hour)
	log.append = on(events.KindInquiryAnswered, appendFails, -1)
	settled, err := x.orders.SettleDue(x.ctx)
	require.ErrorIs(t, err, errDisk)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), theOrder)
	assert.Contains(t, err.Error(), "asked again")
	assert.Equal(t, 1, settled.Failed)
}

func TestAFollowUpThatFailsDoesNotHideTheCommandsOutcome(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	c := placing(order.CaptureManual)
	c.PayBy = dawn().Add(time.Minute)
	_, err := x.orders.Create(x.ctx, c)
	require.NoError(t, err)
	x.clock.pass(time.Hour) // the payment is due for an inquiry of its own
	x.bank.next(saysF("ACCESS_DENIED"))
	log.append = on(events.KindInquiryStarted, appendFails, -1)
	_, err = x.cancel()
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "ACCESS_DENIED", failed.Code)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
}

func TestSettleDue_OfAClosedOrders(t *testing.T) {
	x := newTill(t, memory.New())
	require.NoError(t, x.orders.Close())
	_, err := x.orders.SettleDue(x.ctx)
	require.ErrorIs(t, err, tilltape.ErrClosed, "even where nothing is due")
	assert.Contains(t, err.Error(), "open the log again")
}

// Why a request was not sent is known here alone: where it is not kept, nobody can ever tell.
func TestWhatWasNotSentSaysWhyOnRecord(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.open(refusing{x.bank})
	_, err := x.cancel()
	require.ErrorIs(t, err, order.ErrFailed)
	history := x.history()
	ended := history[len(history)-1].Event.(events.CancelFailed)
	assert.Equal(t, "NOT_SENT", ended.Code)
	assert.Equal(t, apo.ErrInvalidRequest.Error(), ended.Message)
}

func TestNew_RefusesTheNilPointerOfAClientOrLogThatCouldNotBeMade(t *testing.T) {
	var client *apo.Client
	_, err := tilltape.New(memory.New(), client, nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
	var log *memory.Log
	_, err = tilltape.New(log, newBank(time.Now), nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
}

func TestNew_NamesTheFieldThatIsNegative(t *testing.T) {
	for field, cfg := range map[string]tilltape.Config{
		"CallTimeout": {CallTimeout: -1}, "RecordTimeout": {RecordTimeout: -1}, "Concurrency": {Concurrency: -1},
	} {
		_, err := tilltape.New(memory.New(), newBank(time.Now), &cfg)
		require.ErrorIs(t, err, tilltape.ErrConfig)
		assert.Contains(t, err.Error(), field+" is negative")
	}
}

func TestAnIntentInDoubtSaysUnderWhichIdToAskAgain(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.place(order.CaptureManual)
	x.paid()
	log.append = on(events.KindCancelRequested, appendAnswers, -1)
	_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{}) // its id is minted: the error alone can tell it
	require.ErrorIs(t, err, errDisk)
	intent := x.history()[2]
	require.Equal(t, events.KindCancelRequested, intent.Event.Kind())
	require.ErrorIs(t, err, tilltape.ErrInDoubt)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), strconv.Quote(intent.CommandID))

	log.append = nil
	x.clock.pass(time.Hour)
	o, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: intent.CommandID})
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, o.Status)
	assert.Equal(t, 1, x.bank.accounts[0].cancels)
}

// Each of these once named its order twice.
func TestErrorsOfTheLogReadWell(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.place(order.CaptureManual)
	x.paid()
	ended, leave := context.WithCancel(x.ctx)
	leave()
	_, err := x.orders.Get(ended, theOrder)
	assert.EqualError(t, err, `read order "o-1": not begun: context canceled`)
	_, err = x.orders.Cancel(ended, theOrder, order.Cancel{})
	assert.EqualError(t, err, `read order "o-1": not begun: context canceled`)
	second := placing(order.CaptureManual)
	second.Order = "o-2"
	_, err = x.orders.Create(x.ctx, second)
	require.ErrorIs(t, err, store.ErrKeyTaken)
	assert.Equal(t, 1, strings.Count(err.Error(), "o-2"), err.Error())
	log.append = on(events.KindCancelSucceeded, appendFails, -1)
	_, err = x.cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, 1, strings.Count(err.Error(), theOrder), err.Error())
}
