package tilltape_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// What stands in a log can be read by somebody that could not send anything.
func TestAReaderTellsWhatALogSays(t *testing.T) {
	ctx := t.Context()
	log := memory.New()
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	_, err := x.Orders.Refund(ctx, tilltest.TheOrder, order.Refund{Amount: tilltest.USD(1), Actor: "ada"})
	require.ErrorIs(t, err, order.ErrRejected)
	x.Bank.Next(tilltest.LostBefore)
	_, err = x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	require.NoError(t, x.Orders.Close())

	r, err := tilltape.NewReader(log, &x.Config)
	require.NoError(t, err)
	o, err := r.Get(ctx, tilltest.TheOrder)
	require.NoError(t, err)
	assert.Equal(t, order.Authorized, o.Status)
	var kinds []events.Kind
	for record, err := range r.History(ctx, tilltest.TheOrder) {
		require.NoError(t, err)
		kinds = append(kinds, record.Event.Kind())
	}
	assert.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentAuthorized, events.KindCancelRequested,
		events.KindCancelUnresolved}, kinds)
	var actors []string
	for record, err := range r.Refusals(ctx, tilltest.TheOrder) {
		require.NoError(t, err)
		actors = append(actors, record.Actor)
	}
	assert.Equal(t, []string{"ada"}, actors)
	var outstanding []string
	for o, err := range r.Outstanding(ctx) {
		require.NoError(t, err)
		outstanding = append(outstanding, o.ID)
	}
	assert.Equal(t, []string{tilltest.TheOrder}, outstanding)
	for range r.Anomalies(ctx) {
		t.Error("there is no anomaly")
	}
	actions, err := r.Actions(ctx, tilltest.TheOrder)
	require.NoError(t, err)
	for _, a := range actions {
		if a.Verb == order.VerbCapture {
			assert.False(t, a.Legal, "while it is not known whether the cancel was done")
		}
	}
}

// Whether an order would take a command depends on the time and on the policy, so the reader is told both.
func TestAReaderJudgesByItsOwnClockAndPolicy(t *testing.T) {
	log := memory.New()
	x := tilltest.NewTill(t, log)
	c := tilltest.Placing(order.CaptureNone)
	c.Acquirer = window.AcquirerAntom
	_, err := x.Orders.Create(t.Context(), c)
	require.NoError(t, err)
	x.Paid()
	cancellable := func(cfg *tilltape.Config) bool {
		r, err := tilltape.NewReader(log, cfg)
		require.NoError(t, err)
		actions, err := r.Actions(t.Context(), tilltest.TheOrder)
		require.NoError(t, err)
		for _, a := range actions {
			if a.Verb == order.VerbCancel {
				return a.Legal
			}
		}
		t.Fatal("cancel is not judged")
		return false
	}
	soon := func() time.Time { return tilltest.Dawn().Add(time.Minute) }
	late := func() time.Time { return tilltest.Dawn().AddDate(1, 0, 0) }
	windows := order.Policy{Windows: window.Antom()}
	assert.True(t, cancellable(&tilltape.Config{Now: soon, Policy: windows}))
	assert.False(t, cancellable(&tilltape.Config{Now: late, Policy: windows}))
	assert.True(t, cancellable(&tilltape.Config{Now: late}), "without windows the time says nothing")
}

func TestAReaderRefusesWhatItCannotRead(t *testing.T) {
	var none *memory.Log
	for name, log := range map[string]store.Reader{"no log": nil, "a nil log": none} {
		_, err := tilltape.NewReader(log, nil)
		require.ErrorIs(t, err, tilltape.ErrConfig, name)
	}
	_, err := tilltape.NewReader(memory.New(), &tilltape.Config{CallTimeout: -1})
	require.ErrorIs(t, err, tilltape.ErrConfig)

	r, err := tilltape.NewReader(memory.New(), nil)
	require.NoError(t, err)
	_, err = r.Get(t.Context(), tilltest.TheOrder)
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	const unusable = "no\nid"
	_, err = r.Get(t.Context(), unusable)
	require.ErrorIs(t, err, order.ErrInvalid)
	for _, err := range r.History(t.Context(), unusable) {
		require.ErrorIs(t, err, order.ErrInvalid)
	}
	for _, err := range r.Refusals(t.Context(), unusable) {
		require.ErrorIs(t, err, order.ErrInvalid)
	}
}

// Who asks for the configuration sees what is in force.
func TestConfigHasItsDefaultsFilledIn(t *testing.T) {
	r, err := tilltape.NewReader(memory.New(), &tilltape.Config{Grace: time.Minute})
	require.NoError(t, err)
	c := r.Config()
	assert.Equal(t, []time.Duration{time.Minute, tilltape.DefaultCallTimeout, tilltape.DefaultRecordTimeout},
		[]time.Duration{c.Grace, c.CallTimeout, c.RecordTimeout})
	assert.Equal(t, tilltape.DefaultConcurrency, c.Concurrency)
	assert.Equal(t, tilltape.DefaultActor, c.Actor)
	assert.NotNil(t, c.Now)
	assert.NotNil(t, c.NewID)
	assert.False(t, c.Logger.Enabled(t.Context(), 100), "silence")
}

// A backup is read without a client of APO, beside the service that goes on.
func ExampleNewReader() {
	ctx := context.Background()
	backup, clean := exampleBackup(ctx)
	defer clean()

	log := must(bolt.Open(backup, &bolt.Config{ReadOnly: true}))
	reader := must(tilltape.NewReader(log, nil))
	o := must(reader.Get(ctx, "o-1"))
	fmt.Println(o.Status, o.Amount)
	for record, err := range reader.History(ctx, "o-1") {
		check(err)
		fmt.Println(record.Version, record.Event.Kind())
	}
	check(log.Close())
	// Output:
	// created USD 10.00
	// 1 order.created.v1
}

// exampleBackup is the backup of a service's log.
func exampleBackup(ctx context.Context) (path string, clean func()) {
	dir := must(os.MkdirTemp("", "tilltape-reader-"))
	log := must(bolt.Open(filepath.Join(dir, "orders.tilltape"), nil))
	orders := must(tilltape.New(log, tilltest.NewBank(time.Now), nil))
	must(orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual}))
	path = filepath.Join(dir, "backup.tilltape")
	check(log.Backup(ctx, path, nil))
	check(orders.Close())
	check(log.Close())
	return path, func() { check(os.RemoveAll(dir)) }
}
