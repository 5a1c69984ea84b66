package evidence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// A refund is not answered for a month. Whoever is on call writes the evidence to a file and sends it to APO support;
// there somebody who knows nothing of us reads what was asked, when, how often, and what APO itself signed.
func TestASupportCase(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		// Given a captured order whose refund APO answers with U, and then not at all.
		x := tilltest.NewTill(t, log)
		x.Captured(tilltest.TheAmount)
		x.Clock.Pass(time.Hour)
		x.Bank.Next(tilltest.SaysU)
		for range tilltest.RoundsMax {
			x.Bank.Next(tilltest.LostBefore)
		}
		_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: tilltest.CommandID,
			Amount: tilltest.USD(tilltest.ThePart), Reason: "damaged", Actor: "ada"})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		x.Bank.Deaf = true
		for x.Get().Operation.Phase != order.Parked {
			x.Settle(x.Get().NextDue().Sub(x.Clock.Now()))
		}

		// When the evidence is written to a file,
		b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "case.json")
		f, err := os.Create(file)
		require.NoError(t, err)
		n, err := b.WriteTo(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())

		// Then it says what stands open,
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.EqualValues(t, len(text), n)
		var read evidence.Bundle
		require.NoError(t, json.Unmarshal(text, &read))
		assert.Equal(t, b, read, "nothing is lost on the way")
		assert.Equal(t, evidence.Format, read.Format)
		assert.NotRegexp(t, `(?m)^ *"\w+": -?[0-9]`, string(text), "each number is a text, as in docs/reference/json.md")
		assert.Contains(t, string(text), `"value": "10.00"`)
		o := read.Order
		assert.Equal(t, []any{tilltest.TheOrder, "captured", tilltest.TheRequest, tilltest.ThePayment, int64(1000), int64(0)},
			[]any{o.ID, o.Status, o.PaymentRequestID, o.PaymentID, o.Captured.Minor, o.Refunded.Minor})
		require.Len(t, read.Open, 1)
		assert.Equal(t, []any{"refund", tilltest.CommandID, "parked", tilltest.Dawn().Add(time.Hour), x.Clock.Now()},
			[]any{read.Open[0].Operation, read.Open[0].CommandID, read.Open[0].Phase, read.Open[0].Since.Time,
				read.Open[0].Parked.Time})

		hasMessages(t, read, asksAlways(t, read))

		// And nothing of our own leaves the house with it.
		assert.NotContains(t, string(text), "ada")
	})
}

// asksAlways holds what was asked: once with an answer that decides nothing, and then into the void, always the same.
func asksAlways(t *testing.T, read evidence.Bundle) (refunds []evidence.Call) {
	t.Helper()
	request := read.Open[0].Request
	assert.Equal(t, &evidence.Amount{Currency: "USD", Minor: tilltest.ThePart}, request.Amount)
	assert.Equal(t, []any{tilltest.ThePayment, "damaged"}, []any{request.PaymentID, request.Reason})
	assert.NotEmpty(t, request.RefundRequestID)
	var inquiries []evidence.Call
	for _, c := range read.Calls {
		switch c.Call {
		case "refund":
			refunds = append(refunds, c)
		case "inquiryRefund":
			inquiries = append(inquiries, c)
		}
	}
	require.Len(t, refunds, int(read.Open[0].Attempts))
	for i, c := range refunds {
		assert.Equal(t, request, c.Request)
		assert.EqualValues(t, i+1, c.Attempt)
		assert.Equal(t, c.Claimed.Add(order.DefaultLease), c.Until.Time)
		require.NotNil(t, c.Answer)
		assert.Equal(t, string(events.KindRefundUnresolved), c.Answer.Fact)
	}
	assert.Equal(t, []any{"UNKNOWN_EXCEPTION", tilltest.ErrLost.Error()},
		[]any{refunds[0].Answer.Code, refunds[1].Answer.Problem[len("refund: "):]})
	require.NotEmpty(t, inquiries)
	for _, c := range inquiries {
		assert.Equal(t, evidence.Request{RefundRequestID: request.RefundRequestID}, c.Request)
		assert.Equal(t, tilltest.ErrLost.Error(), c.Answer.Problem)
	}
	return refunds
}

// hasMessages holds what APO said, signed by APO: the payment's notification, the capture's answer, and the U.
func hasMessages(t *testing.T, read evidence.Bundle, refunds []evidence.Call) {
	t.Helper()
	require.Len(t, read.Messages, 3)
	for _, m := range read.Messages {
		require.NoError(t, m.Evidence().Verify(&tilltest.TheOffice().Key.PublicKey))
	}
	assert.Equal(t, []string{"notification", "answer", "answer"},
		[]string{read.Messages[0].Via, read.Messages[1].Via, read.Messages[2].Via})
	assert.Equal(t, refunds[0].Answer.Version, read.Messages[2].Version, "the answer's version leads to its message")
	assert.Contains(t, string(read.Messages[2].Decoded), `"resultCode":"UNKNOWN_EXCEPTION"`, "people can read it")
	assert.Len(t, read.Facts, int(read.Order.Version))
	assert.True(t, slices.ContainsFunc(read.Facts, func(f evidence.Fact) bool {
		return f.Fact == string(events.KindOperationParked)
	}))
}

// What a call carried stands in it, whatever it was: which merchant account it named, and that a capture was the last.
func TestABundleTellsWhatEachCallCarried(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	c := tilltest.Placing(order.CaptureManual)
	c.MerchantAccountID = "M1"
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	x.Paid()
	_, err = x.Orders.Capture(x.Ctx, tilltest.TheOrder, order.Capture{Amount: tilltest.USD(tilltest.ThePart), Last: true})
	require.NoError(t, err)
	_, err = x.Orders.Reconcile(x.Ctx, tilltest.TheOrder)
	require.NoError(t, err)
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.NoError(t, err)
	assert.Equal(t, "M1", b.Order.MerchantAccount)
	require.Len(t, b.Calls, 2)
	assert.True(t, b.Calls[0].Request.IsLastCapture)
	assert.Empty(t, b.Calls[0].Request.MerchantAccount)
	assert.Equal(t, evidence.Request{PaymentID: tilltest.ThePayment, MerchantAccount: "M1"}, b.Calls[1].Request)
}

func TestABundleOfAnOrderThatIsFine(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.NoError(t, err)
	assert.Empty(t, b.Open)
	x.Paid()
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{Reason: "for our own eyes"})
	require.NoError(t, err)
	b, err = evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.NoError(t, err)
	assert.Empty(t, b.Open)
	assert.Empty(t, b.Anomalies)
	require.Len(t, b.Calls, 1)
	assert.Equal(t, string(events.KindCancelSucceeded), b.Calls[0].Answer.Fact)
	assert.Equal(t, evidence.Request{PaymentID: tilltest.ThePayment}, b.Calls[0].Request)
	var text bytes.Buffer
	_, err = b.WriteTo(&text)
	require.NoError(t, err)
	assert.NotContains(t, text.String(), "for our own eyes", "it was not sent to APO either")
}

func TestABundleNamesAnomalies(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.PaidLate(order.CaptureManual)
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.NoError(t, err)
	require.Len(t, b.Anomalies, 1)
	assert.Equal(t, []any{"late payment", x.Get().Anomalies[0].Version},
		[]any{b.Anomalies[0].Reason, b.Anomalies[0].Version})
}

// A second operation counts its attempts from one again: its answers must not go to the first one's calls.
func TestABundleKeepsOperationsApart(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysF("ACCESS_DENIED"))
	_, err := x.Capture(tilltest.ThePart)
	require.ErrorIs(t, err, order.ErrFailed)
	_, err = x.Capture(tilltest.TheAmount)
	require.NoError(t, err)
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.NoError(t, err)
	require.Len(t, b.Calls, 2)
	assert.Equal(t, []string{string(events.KindCaptureFailed), string(events.KindCaptureSucceeded)},
		[]string{b.Calls[0].Answer.Fact, b.Calls[1].Answer.Fact})
	assert.Equal(t, "ACCESS_DENIED", b.Calls[0].Answer.Code)
	assert.NotEqual(t, b.Calls[0].Request.CaptureRequestID, b.Calls[1].Request.CaptureRequestID)
}

func TestABundleIsTheSameBytesEachTime(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)
	var first, second bytes.Buffer
	for _, to := range []*bytes.Buffer{&first, &second} {
		b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
		require.NoError(t, err)
		_, err = b.WriteTo(to)
		require.NoError(t, err)
	}
	assert.Equal(t, first.String(), second.String())
	assert.True(t, bytes.HasSuffix(first.Bytes(), []byte("}\n")))
}

func TestOf_Errors(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	_, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	_, err = evidence.Of(x.Ctx, x.Orders.Reader, "no\nid")
	require.ErrorIs(t, err, order.ErrInvalid)
	x.Place(order.CaptureManual)
	b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.NoError(t, err)
	n, err := b.WriteTo(full{})
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Contains(t, err.Error(), tilltest.TheOrder)
	assert.EqualValues(t, 5, n)
	log.OnRead = func() error { return tilltest.ErrDisk }
	_, err = evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
	require.ErrorIs(t, err, tilltest.ErrDisk)
}

// full is a disk with five bytes left.
type full struct{}

func (full) Write([]byte) (int, error) { return 5, tilltest.ErrDisk }

// Every kind of fact that can keep a signed message gives it away: a kind that is added must be looked at here.
func TestABundleHasTheMessageOfEveryKindOfFact(t *testing.T) {
	kinds := []events.Event{events.PaymentPending{}, events.PaymentAuthorized{}, events.PaymentPaid{},
		events.PaymentFailed{}, events.PaymentRaised{}, events.RaiseFailed{}, events.CancelRequested{},
		events.CancelSucceeded{}, events.CancelFailed{}, events.CancelUnresolved{}, events.CancelDated{},
		events.CaptureRequested{}, events.CaptureAccepted{}, events.CaptureSucceeded{},
		events.CaptureFailed{}, events.CaptureUnresolved{}, events.RefundRequested{}, events.RefundAccepted{},
		events.RefundSucceeded{}, events.RefundFailed{}, events.RefundUnresolved{}, events.RefundHeld{},
		events.DisputeOpened{}, events.DisputeDue{}, events.DisputeDefended{}, events.DisputeClosed{},
		events.AttemptStarted{}, events.InquiryStarted{}, events.InquiryAnswered{}, events.OperationParked{},
		events.OperationResolved{}, events.TransferResolved{}, events.AnomalyObserved{}, events.AnomalyCleared{},
		events.OrderCreated{}}
	covered := map[events.Kind]bool{events.KindCommandRefused: true} // stands in another stream
	message := &events.Evidence{Method: "POST", Path: "/p", Signature: "s", Body: []byte{0xff, 0xfe}}
	for _, e := range kinds {
		covered[e.Kind()] = true
		given, keeps := keeping(e, message)
		created := events.Record{Stream: events.OrderStream(tilltest.TheOrder), Version: 1, Event: events.OrderCreated{}}
		second := events.Record{Stream: created.Stream, Version: 2, Event: given}
		x := tilltest.NewTill(t, &reading{memory.New(), []events.Record{created, second}})
		b, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
		require.NoError(t, err, e.Kind())
		if !keeps {
			assert.Empty(t, b.Messages, e.Kind())
			continue
		}
		require.Len(t, b.Messages, 1, e.Kind())
		assert.EqualValues(t, 2, b.Messages[0].Version)
		assert.Nil(t, b.Messages[0].Decoded, "a body that is not text stays what it is")
		assert.Equal(t, message.Body, b.Messages[0].Evidence().Body)
	}
	for _, k := range events.Kinds() {
		assert.True(t, covered[k], k)
	}
}

// keeping is a copy of the fact that keeps the message, if such a fact can.
func keeping(e events.Event, message *events.Evidence) (events.Event, bool) {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	if f := v.FieldByName("Evidence"); f.IsValid() {
		f.Set(reflect.ValueOf(message))
		return v.Interface().(events.Event), true
	}
	if f := v.FieldByName("Proof"); f.IsValid() {
		f.Set(reflect.ValueOf(events.Proof{Via: events.ViaNotification, Evidence: message}))
		return v.Interface().(events.Event), true
	}
	return e, false
}

// reading is a log that holds those records.
type reading struct {
	store.Log
	records []events.Record
}

func (r *reading) Read(context.Context, events.Stream, uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for _, rec := range r.records {
			if !yield(rec, nil) {
				return
			}
		}
	}
}
