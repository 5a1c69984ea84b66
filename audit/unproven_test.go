package audit_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// goingOn replays a log that goes on with facts which somebody wrote without the library, in one append, with heads
// that fit.
func goingOn(t *testing.T, all []events.Record, facts ...events.Event) error {
	t.Helper()
	ctx, log := context.Background(), memory.New()
	var o order.Order
	for _, r := range all {
		_, err := log.Append(ctx, r.Stream, r.Version-1, r)
		require.NoError(t, err)
		o = order.Evolve(o, r)
	}
	w := newWriter(func(int) int { return 0 })
	env := order.Env{Now: all[len(all)-1].Recorded, NewID: func() string { return "forged-" + w.id() }}
	made, _ := order.Records(o, order.Observe{}, facts, env, "eve")
	_, err := log.Append(ctx, events.OrderStream("o-1"), o.Version, made...)
	require.NoError(t, err)
	_, err = replay(log)
	return err
}

// placed is an order of one-step money, and paid the same with its payment.
func placed(t *testing.T) []events.Record {
	return refunded(t)[:1]
}

func paid(t *testing.T) []events.Record { return refunded(t)[:2] }

func TestReplay_AFactOfAnInquiryNeedsItsAnswer(t *testing.T) {
	all := placed(t)
	at := all[0].Recorded
	asked := events.InquiryStarted{Subject: events.SubjectPayment, Number: 1, Lease: at.Add(order.DefaultLease)}
	told := events.PaymentPaid{PaymentID: "p-o-1", Amount: usd(amount), At: at,
		Proof: events.Proof{Via: events.ViaInquiry, Inquiry: 1}}
	intent := events.RefundRequested{RefundRequestID: "q-1", PaymentID: "p-o-1", Amount: usd(100),
		Lease: at.Add(order.DefaultLease)}
	const words = "it is said to come from inquiry 1, and the same append has no answer to it"
	isUnlike(t, goingOn(t, all, asked, told), 3, words)
	isUnlike(t, goingOn(t, all, asked, told, intent), 3, words)
}

func TestReplay_AnOperatorsWordNeedsItsResolution(t *testing.T) {
	all, by := paid(t), events.Proof{Via: events.ViaOperator}
	at := all[1].Recorded
	const words = "it is said to be an operator's word"
	isUnlike(t, goingOn(t, placed(t), events.PaymentPaid{PaymentID: "p-o-1", Amount: usd(amount), At: at, Proof: by}), 2,
		words)
	isUnlike(t, goingOn(t, all, events.RefundSucceeded{RefundID: "t", RefundRequestID: "q", Amount: usd(300), At: at,
		Proof: by}), 3, words)
	require.ErrorIs(t, goingOn(t, all, events.PaymentFailed{PaymentID: "p-o-1", Code: "X", Proof: by}), audit.ErrIllegal)
}

func TestReplay_AFailureNeedsAMessageToo(t *testing.T) {
	all := refunded(t)
	asked := all[2].Event.(events.RefundRequested)
	for _, via := range []events.Channel{events.ViaAnswer, events.ViaNotification, events.ViaSelf, events.ViaOperator} {
		by := events.Proof{Via: via}
		if via == events.ViaAnswer {
			by.Attempt = 1
		}
		for name, row := range map[string]struct {
			all  []events.Record
			fact events.Event
		}{
			"a payment": {all[:1], events.PaymentFailed{Code: "ORDER_IS_CLOSED", Proof: by}},
			"a refund that APO took": {all[:4], events.RefundFailed{RefundRequestID: asked.RefundRequestID,
				Code: "PROCESS_FAIL", Proof: by}},
			"a refund that was asked for": {all[:3], events.RefundFailed{RefundRequestID: asked.RefundRequestID,
				Code: "PROCESS_FAIL", Proof: by}},
			"an acceptance": {all[:3], events.RefundAccepted{RefundRequestID: asked.RefundRequestID, RefundID: "t",
				Code: "SUCCESS", Proof: by}},
		} {
			err := goingOn(t, row.all, row.fact)
			require.ErrorIs(t, err, audit.ErrIllegal, "%s by %s", name, via)
		}
	}
}

// A cancel that ended as failed stands beside APO's own word that the payment is cancelled.
func TestReplay_AnInquiryThatSaysCancelledFailsNoCancel(t *testing.T) {
	w := newWriter(func(int) int { return int(order.VerdictUnknown) })
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "ALIPAY_CN"})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	w.give("o-1", order.Cancel{CommandID: "c-1"})
	all := records(w.log)
	require.Equal(t, events.KindCancelUnresolved, all[3].Event.Kind())
	all = all[:4]
	number := uint64(1)
	at := all[3].Recorded
	evidence := says(apo.OpInquirePayment, "S", "SUCCESS", fields{"paymentId": "p-o-1", "paymentStatus": "CANCELLED"})
	err := goingOn(t, all,
		events.InquiryStarted{Subject: events.SubjectPayment, Number: number, Lease: at.Add(order.DefaultLease)},
		events.CancelFailed{Code: order.CodeNotCancelled, Proof: events.Proof{Via: events.ViaInquiry, Inquiry: number}},
		events.InquiryAnswered{Number: number, Subject: events.SubjectPayment, Outcome: events.InquiryAnswers,
			State: "CANCELLED", Code: "SUCCESS", Evidence: evidence})
	require.ErrorIs(t, err, audit.ErrEvidence)
	assert.Contains(t, err.Error(), `the record says code "NOT_CANCELLED", APO's message beside it says ""`)
}
