package audit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// refunded makes the records of a refund of 4.00: placed, paid, refund asked for, accepted, and done by a notification.
func refunded(t *testing.T) []events.Record {
	t.Helper()
	w := newWriter(func(int) int { return int(order.VerdictAccepted) })
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "ALIPAY_CN"})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	w.give("o-1", order.Refund{CommandID: "r-1", Amount: usd(400), Reason: "broken", Actor: "ada"})
	all := records(w.log)
	asked := all[2].Event.(events.RefundRequested)
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.RefundSucceeded,
		TransferID: "t-" + asked.RefundRequestID, RequestID: asked.RefundRequestID, Amount: usd(400), At: w.now})})
	all = records(w.log)
	require.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentPaid, events.KindRefundRequested,
		events.KindRefundAccepted, events.KindRefundSucceeded}, kinds(all))
	return all
}

func kinds(all []events.Record) (out []events.Kind) {
	for _, r := range all {
		out = append(out, r.Event.Kind())
	}
	return out
}

// resealed writes records into a new log file, whose every hash is right.
func resealed(t *testing.T, all []events.Record) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resealed.tilltape")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	for _, r := range all {
		_, err := log.Append(context.Background(), r.Stream, r.Version-1, r)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	return path
}

func frameOf(t *testing.T, r events.Record) string {
	t.Helper()
	frame, err := events.AppendFrame(nil, r)
	require.NoError(t, err)
	return string(frame)
}

// isUnlike demands that the replay ends at the position because the record is not what its message says.
func isUnlike(t *testing.T, err error, position uint64, words string) {
	t.Helper()
	require.ErrorIs(t, err, audit.ErrIllegal)
	require.ErrorIs(t, err, audit.ErrEvidence)
	illegal, _ := errors.AsType[*audit.IllegalError](err)
	assert.Equal(t, position, illegal.Position)
	assert.Contains(t, err.Error(), words)
}

// A refund of 4.00 that was turned into one of 3.00, in the intent and in the outcome, is a legal history: only APO's
// message in the same record says otherwise. With the hashes as they were, the seal finds the intent first.
func TestReplay_ARefundMadeSmallerIsFoundByItsMessage(t *testing.T) {
	all := refunded(t)
	path := resealed(t, all)
	_, err := replayFile(t, path)
	require.NoError(t, err)
	asked, done := all[2].Event.(events.RefundRequested), all[4].Event.(events.RefundSucceeded)
	asked.Amount, done.Amount = usd(300), usd(300)
	all[2].Event, all[4].Event = asked, done
	const words = "the record says refund USD 3.00, APO's message beside it says USD 4.00"

	t.Run("in memory", func(t *testing.T) {
		_, err := replay(&tampered{records: all})
		isUnlike(t, err, 4, words) // the answer that accepted it says 4.00 already
	})
	t.Run("with every hash recomputed", func(t *testing.T) {
		_, err := replayFile(t, resealed(t, all))
		isUnlike(t, err, 4, words)
	})
	t.Run("with the hashes as they were", func(t *testing.T) {
		altered, was := duplicate(t, path), refunded(t)
		for _, i := range []int{2, 4} {
			rewrite(t, altered, frameOf(t, was[i]), frameOf(t, all[i]))
		}
		_, err := replayFile(t, altered)
		require.ErrorIs(t, err, store.ErrDamaged)
		assert.Contains(t, err.Error(), "the log is damaged: its seal does not fit its records")
	})
}

// forged is one field of a fact that is changed.
type forged struct {
	field string
	fact  events.Event
}

// forgeries are the fact with each of the fields changed that it has from APO, one at a time.
func forgeries(e events.Event) (out []forged) {
	from := reflect.ValueOf(e)
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		copied := reflect.New(from.Type()).Elem()
		copied.Set(from)
		field := copied.Field(i)
		switch value := field.Interface().(type) {
		case string:
			if slices.Contains([]string{"Detail", "Problem", "Message", "Reason"}, name) {
				continue // our own words, or words for people
			}
			field.SetString(value + "x")
		case events.Money:
			field.Set(reflect.ValueOf(events.Money{Minor: value.Minor + 1, Currency: "USD"}))
		case time.Time:
			if name != "At" && name != "Expires" {
				continue
			}
			field.Set(reflect.ValueOf(value.Add(time.Second)))
		case events.Unresolved:
			field.FieldByName("Code").SetString(value.Code + "x")
		default:
			continue
		}
		out = append(out, forged{name, copied.Interface().(events.Event)})
	}
	return out
}

// proofOf is where a fact says that it comes from.
func proofOf(e events.Event) (p events.Proof, ok bool) {
	if answered, is := e.(events.InquiryAnswered); is {
		return events.Proof{Via: events.ViaInquiry, Evidence: answered.Evidence}, answered.Evidence != nil
	}
	field := reflect.ValueOf(e).FieldByName("Proof")
	if !field.IsValid() {
		return events.Proof{}, false
	}
	p = field.Interface().(events.Proof)
	return p, p.Evidence != nil || p.Via == events.ViaInquiry
}

// Whatever APO's message says of a record cannot be changed in the record, with every hash recomputed: ids, amounts,
// times and codes, one at a time, wherever a log has them.
func TestReplay_NoFieldIsForgedBesideItsMessage(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 20))
	seen := map[string]int{}
	for range long.Rounds(8, 4) {
		w := newWriter(random.IntN)
		w.write(100)
		all := records(w.log)
		for i, r := range all {
			if _, proven := proofOf(r.Event); !proven {
				continue
			}
			for _, f := range forgeries(r.Event) {
				changed := slices.Clone(all)
				changed[i].Event = f.fact
				_, err := replay(&tampered{records: changed})
				name := string(r.Event.Kind()) + " " + f.field
				if ours(r.Event, f.field) {
					continue
				}
				require.ErrorIs(t, err, audit.ErrIllegal, "%s of %+v", name, r.Event)
				illegal, _ := errors.AsType[*audit.IllegalError](err)
				require.Equal(t, r.Position, illegal.Position, "%s: %v", name, err)
				if errors.Is(err, audit.ErrEvidence) {
					seen[name]++
				}
			}
		}
	}
	for _, name := range []string{"payment.paid.v1 At", "payment.authorized.v1 Expires", "capture.succeeded.v1 CaptureID",
		"capture.succeeded.v1 At", "refund.accepted.v1 RefundID", "refund.held.v1 Amount", "refund.failed.v1 Code",
		"anomaly.observed.v1 Amount", "anomaly.observed.v1 TransferID", "cancel.unresolved.v1 Unresolved",
		"inquiry.answered.v1 State", "cancel.succeeded.v1 PaymentID", "payment.raised.v1 Amount",
		"payment.raised.v1 UpdateRequestID", "raise.failed.v1 Code", "dispute.opened.v1 Type", "dispute.closed.v1 Lost",
		"dispute.due.v1 DisputeID", "dispute.defended.v1 Amount"} {
		assert.Positive(t, seen[name], "%s: %v", name, seen)
	}
}

// ours reports whether the field of a fact is our own word where no message has one: the code of an operation that an
// inquiry decided.
func ours(e events.Event, field string) bool {
	switch e := e.(type) {
	case events.CancelFailed:
		return field == "Code" && e.Proof.Via == events.ViaInquiry
	case events.CaptureFailed:
		return field == "Code" && e.Proof.Via == events.ViaInquiry
	case events.RefundFailed:
		return field == "Code" && e.Proof.Via == events.ViaInquiry
	}
	return false
}

// A message can be taken away, exchanged, or said to have come in another way.
func TestReplay_AFactNeedsItsMessage(t *testing.T) {
	altered := func(change func(all []events.Record)) []events.Record {
		all := refunded(t)
		change(all)
		return all
	}
	done := func(all []events.Record, change func(*events.RefundSucceeded)) {
		e := all[4].Event.(events.RefundSucceeded)
		change(&e)
		all[4].Event = e
	}
	paid := func(all []events.Record) *events.Evidence { return all[1].Event.(events.PaymentPaid).Proof.Evidence }
	for name, tt := range map[string]struct {
		change   func(all []events.Record)
		position uint64
		words    string
	}{
		"taken away": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof.Evidence = nil })
		}, 5, "it is said to come by notification, and no message of APO's is beside it"},
		"taken away, and done by ourselves": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof = events.Proof{} })
		}, 5, "it is said to come by ourselves, and no message of APO's is beside it"},
		"of an inquiry that was never made": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof = events.Proof{Via: events.ViaInquiry, Inquiry: 1} })
		}, 5, "inquiry 1, which is not under way"},
		"another one": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof.Evidence = paid(all) })
		}, 5, "the record says refund succeeded, APO's message beside it says payment succeeded"},
		"a refund that APO cancelled": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) {
				e.Proof.Evidence = says("notifyRefund", "S", "SUCCESS", fields{"notifyType": "REFUND_RESULT",
					"refundStatus": "CANCELLED", "refundId": e.RefundID, "refundRequestId": e.RefundRequestID})
			})
		}, 5, "the record says refund succeeded, APO's message beside it says refund failed"},
		"an answer instead of a notification": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof.Via = events.ViaAnswer })
		}, 5, "it is said to come by answer, and the message beside it is of notifyRefund"},
		"a person's word with a message": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof.Via = events.ViaOperator })
		}, 5, "a message of APO's is beside a record that is said to come from operator"},
		"garbage": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof.Evidence = &events.Evidence{Body: []byte("garbage")} })
		}, 5, "cannot be read"},
		"nothing at all": {func(all []events.Record) {
			done(all, func(e *events.RefundSucceeded) { e.Proof.Evidence = &events.Evidence{} })
		}, 5, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay(&tampered{records: altered(tt.change)})
			isUnlike(t, err, tt.position, tt.words)
		})
	}
}

// asked makes the records of a payment that an inquiry found: placed, asked about, paid, answered.
func asked(t *testing.T) []events.Record {
	t.Helper()
	picks := []int{int(events.InquiryAnswers), 0} // which says SUCCESS
	w := newWriter(func(int) int { next := picks[0]; picks = picks[1:]; return next })
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "ALIPAY_CN"})
	w.give("o-1", order.Claim{Inquire: true})
	all := records(w.log)
	require.Equal(t, []events.Kind{events.KindOrderCreated, events.KindInquiryStarted, events.KindPaymentPaid,
		events.KindInquiryAnswered}, kinds(all))
	_, err := replay(&tampered{records: all})
	require.NoError(t, err)
	return all
}

// What an inquiry proved is held against the answer, which comes after it in the same append; the fact is what is
// named.
func TestReplay_FactsOfAnInquiryAreHeldAgainstItsAnswer(t *testing.T) {
	answer := func(all []events.Record, change func(*events.InquiryAnswered)) {
		e := all[3].Event.(events.InquiryAnswered)
		change(&e)
		all[3].Event = e
	}
	for name, tt := range map[string]struct {
		change   func(all []events.Record)
		position uint64
		words    string
	}{
		"another payment": {func(all []events.Record) {
			e := all[2].Event.(events.PaymentPaid)
			e.PaymentID = "p-o-9"
			all[2].Event = e
		}, 3, `the record says paymentId "p-o-9", APO's message beside it says "p-o-1"`},
		"an answer whose message is gone": {func(all []events.Record) {
			answer(all, func(e *events.InquiryAnswered) { e.Evidence = nil })
		}, 3, "no message of APO's is beside the answer to inquiry 1"},
		"an answer of another kind": {func(all []events.Record) {
			answer(all, func(e *events.InquiryAnswered) {
				e.Evidence = says("inquiryRefund", "S", "SUCCESS", fields{"refundStatus": "SUCCESS", "refundId": "t-1"})
			})
		}, 3, "the record says payment succeeded, APO's message beside it says refund succeeded"},
		"an answer that says otherwise": {func(all []events.Record) {
			answer(all, func(e *events.InquiryAnswered) { e.State = "PROCESSING" })
		}, 4, `the record says state "PROCESSING", APO's message beside it says "SUCCESS"`},
		"no answer, and the next inquiry": {func(all []events.Record) {
			next := all[1].Event.(events.InquiryStarted)
			next.Number++
			next.Lease = next.Lease.Add(time.Hour)
			all[3].Event, all[3].Recorded = next, next.Lease.Add(-time.Minute)
		}, 3, "it is said to come from inquiry 1, and the same append has no answer to it"},
	} {
		t.Run(name, func(t *testing.T) {
			all := asked(t)
			tt.change(all)
			if name == "no answer, and the next inquiry" {
				all[3].Head = headAfter(all)
			}
			_, err := replay(&tampered{records: all})
			isUnlike(t, err, tt.position, tt.words)
		})
	}
}

// headAfter is the head that the last record should have.
func headAfter(all []events.Record) events.Head {
	var o order.Order
	for _, r := range all {
		o = order.Evolve(o, r)
	}
	return o.Head()
}

// What an older version took for an answer that cannot be read, since one line of it could not be, proved nothing and
// is no alteration. That it proves nothing has to be said, with a reason; a state or a code beside it is the message's.
func TestReplay_AnAnswerThatOlderVersionsCouldNotRead(t *testing.T) {
	unheard := func(change func(*events.InquiryAnswered)) []events.Record {
		w := newWriter(func(int) int { return int(events.InquiryUnknown) })
		w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "ALIPAY_CN"})
		w.give("o-1", order.Claim{Inquire: true})
		line := fields{"transactionType": "CAPTURE", "transactionStatus": "SUCCESS", "transactionId": "t-1",
			"transactionAmount": "120.00"}
		all := records(w.log)
		require.Equal(t, []events.Kind{events.KindOrderCreated, events.KindInquiryStarted, events.KindInquiryAnswered},
			kinds(all))
		e := all[2].Event.(events.InquiryAnswered)
		e.State, e.Code, e.Problem = "", "", "the signed body has an entry whose transactionAmount is no amount"
		e.Evidence = says("inquiryPayment", "S", "SUCCESS", fields{"paymentId": "p-o-1", "paymentStatus": "SUCCESS",
			"transactions": []fields{line}})
		change(&e)
		all[2].Event = e
		return all
	}
	for name, tt := range map[string]struct {
		change func(*events.InquiryAnswered)
		words  string
	}{
		"as it was written": {func(*events.InquiryAnswered) {}, ""},
		"with its code":     {func(e *events.InquiryAnswered) { e.Code = "SUCCESS" }, ""},
		"of what can be read": {func(e *events.InquiryAnswered) {
			e.Evidence = says("inquiryPayment", "S", "SUCCESS", fields{"paymentId": "p-o-1", "paymentStatus": "SUCCESS",
				"transactions": []fields{{"transactionType": "CAPTURE", "transactionStatus": "SUCCESS", "transactionId": "t-1",
					"transactionAmount": wire(usd(amount))}}})
		}, "the record says state"},
		"for no reason":      {func(e *events.InquiryAnswered) { e.Problem = "" }, "the record says state"},
		"with another state": {func(e *events.InquiryAnswered) { e.State = "FAIL" }, `the record says state "FAIL"`},
		"with another code":  {func(e *events.InquiryAnswered) { e.Code = "WHY" }, `the record says`},
		"as an answer": {func(e *events.InquiryAnswered) { e.Outcome = events.InquiryAnswers },
			`the record says state ""`},
		"as no such payment": {func(e *events.InquiryAnswered) { e.Outcome = events.InquiryNotExist },
			"it says that APO does not exist"},
	} {
		_, err := replay(&tampered{records: unheard(tt.change)})
		if tt.words == "" {
			assert.NoError(t, err, name)
			continue
		}
		if assert.ErrorIs(t, err, audit.ErrIllegal, name) {
			assert.ErrorContains(t, err, tt.words, name)
		}
	}
}
