package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// naming is one transfer as different messages name it.
func naming(kind FactKind, minor int64) (byID, byRequest, byBoth Fact) {
	byID = Fact{Kind: kind, TransferID: "T1", Amount: usd(minor)}
	byRequest = Fact{Kind: kind, RequestID: "R1", Amount: usd(minor)}
	byBoth = Fact{Kind: kind, TransferID: "T1", RequestID: "R1", Amount: usd(minor)}
	return
}

func TestIdentity_EitherIdentifierNamesTheTransfer(t *testing.T) {
	for _, kind := range []FactKind{CaptureSucceeded, RefundSucceeded} {
		id, request, both := naming(kind, 100)
		for i, seq := range [][]Fact{{id, both, request}, {request, both, id}, {both, id, request}, {both, both}, {id, id},
			{id, both, both, id}} {
			t.Run(fmt.Sprint(kind, " ", i), func(t *testing.T) {
				x := in(t, Authorized)
				if kind == RefundSucceeded {
					x = in(t, Captured)
				}
				before := x.o.Captured + x.o.Refunded
				for _, f := range seq {
					x.observe(f)
				}
				assert.Equal(t, before+100, x.o.Captured+x.o.Refunded, "counted once")
				assert.Empty(t, x.o.Anomalies)
			})
		}
	}
}

func TestIdentity_OfAHeldRefund(t *testing.T) {
	id, request, both := naming(RefundSucceeded, 100)
	for i, seq := range [][]Fact{{id, both, request}, {request, both, id}, {both, request, id}, {id, both, both}} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			x := in(t, Authorized)
			for _, f := range seq {
				x.observe(f)
			}
			require.Len(t, x.o.Held, 1, "held once")
			held := []events.Event{events.RefundHeld{RefundRequestID: "R1"}}
			records, _ := Records(in(t, Authorized).o, Observe{}, held, x.env(), "")
			assert.Equal(t, []events.Key{"refundRequestId:R1"}, records[0].Keys)
			x.observe(captured("C1", theAmount))
			for _, f := range seq {
				x.observe(f)
			}
			assert.EqualValues(t, 100, x.o.Refunded)
			assert.Empty(t, append(x.o.Held, make([]HeldRefund, len(x.o.Anomalies))...))
		})
	}
}

func TestIdentity_TwoOnRecordThatProveToBeOneAreShown(t *testing.T) {
	for _, kind := range []FactKind{CaptureSucceeded, RefundSucceeded} {
		id, request, both := naming(kind, 100)
		x := in(t, Captured)
		x.observe(id)
		x.observe(request)
		require.Empty(t, x.o.Anomalies)
		x.observe(both)
		assert.True(t, hasAnomaly(x.o, events.TransferContradicts), "money counted twice is never silent")
		assert.Empty(t, x.observe(both))
	}
	id, request, both := naming(RefundSucceeded, 100)
	x := in(t, Authorized)
	x.observe(id)
	x.observe(request)
	x.observe(both)
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
}

func TestIdentity_ANamelessFullCaptureIsTheGatewayCapture(t *testing.T) {
	full := Fact{Kind: CaptureSucceeded, Amount: usd(theAmount)}
	named := captured("C1", theAmount)
	for _, seq := range [][]Fact{{full, named}, {named, full}, {full, full}, {full, named, full}} {
		x := capturing(t)
		for _, f := range seq {
			x.observe(f)
		}
		assert.Equal(t, []any{int64(theAmount), GatewayNone}, []any{x.o.Captured, x.o.Gateway})
		assert.Empty(t, x.o.Anomalies)
	}
	x := in(t, Authorized)
	x.observe(Fact{Kind: CaptureSucceeded, Amount: usd(400)})
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts), "a part without a name cannot be told from others")
	assert.Zero(t, x.o.Captured)
	x = in(t, Captured)
	x.observe(Fact{Kind: RefundSucceeded, Amount: usd(100)})
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts), "nor a refund")
	assert.Zero(t, x.o.Refunded)
}

func TestIdentity_OurFullCaptureSeenNamelessFirst(t *testing.T) {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "k", Amount: usd(theAmount)})
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureSucceeded, Amount: usd(theAmount)}))
	assert.True(t, x.o.Operation.Outstanding(), "it may be ours; our id has not been named")
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C1", RequestID: "r-1", Amount: usd(theAmount)})
	x.ended(OutcomeSucceeded, "")
	assert.EqualValues(t, theAmount, x.o.Captured)
}

func TestIdentity_AnotherAmountContradicts(t *testing.T) {
	for _, kind := range []FactKind{CaptureSucceeded, RefundSucceeded} {
		x := in(t, Captured)
		id, _, both := naming(kind, 100)
		x.observe(id)
		captured, refunded := x.o.Captured, x.o.Refunded
		both.Amount.Minor = 90
		x.observe(both)
		assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
		assert.Equal(t, []int64{captured, refunded}, []int64{x.o.Captured, x.o.Refunded}, "never clipped, never changed")
	}
	x := asked(t, CallCapture)
	x.observe(Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(399)})
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
	assert.True(t, x.o.Operation.Outstanding())
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(399)}))
	call, _ := x.o.Due(x.o.NextDue())
	assert.True(t, x.o.Operation.Outstanding() && !x.o.Operation.Cleared, "on that it is never asked again: %v", call)

	x = asked(t, CallRefund)
	x.observe(Fact{Kind: RefundSucceeded, RequestID: "r-1", Amount: usd(1)})
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
	x = in(t, Authorized)
	x.observe(refunded("F1", 100))
	x.observe(refunded("F1", 101))
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts), "a held one too")
}

func TestIdentity_ContradictionsOfThePayment(t *testing.T) {
	for name, f := range map[string]Fact{
		"paymentId":        {Kind: PaymentAuthorized, PaymentID: "P2"},
		"paymentRequestId": {Kind: PaymentAuthorized, PaymentRequestID: "pr-2"},
		"currency":         {Kind: CaptureSucceeded, TransferID: "C1", Amount: Money{Minor: 10, Currency: "EUR"}},
		"no money":         {Kind: RefundSucceeded, TransferID: "F1", Amount: usd(0)},
		"less than none":   {Kind: CaptureSucceeded, TransferID: "C1", Amount: usd(-5)},
	} {
		x := in(t, Created)
		x.observe(f)
		assert.True(t, hasAnomaly(x.o, events.PaymentContradicts), name)
		assert.Equal(t, Created, x.o.Status)
		assert.Empty(t, x.observe(f), "recorded once")
	}
	x := in(t, Authorized)
	x.observe(Fact{Kind: PaymentAuthorized, Amount: usd(theAmount - 1)})
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts), "another amount than APO signed before")
	x = in(t, Created)
	x.observe(Fact{Kind: OtherTransaction, TransferID: "I1", Amount: usd(5)})
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts), "a transaction nobody knows may have moved money")
}

func TestIdentity_ThePaymentIDIsLearntOnceAndByAnything(t *testing.T) {
	for name, f := range map[string]Fact{"pending": {Kind: PaymentPending}, "authorized": {Kind: PaymentAuthorized},
		"failed":    {Kind: PaymentFailed},
		"cancelled": {Kind: PaymentCancelled}, "capture": captured("C1", 100), "refund": refunded("F1", 100),
		"failed capture": {Kind: CaptureFailed, TransferID: "C1"}} {
		x := newTill(t)
		c := create(CaptureManual)
		c.PaymentID = ""
		x.must(c)
		f.PaymentID = "P7"
		facts := x.observe(f)
		assert.Equal(t, "P7", x.o.PaymentID, name)
		assert.Contains(t, x.log[1].Keys, events.Key("paymentId:P7"), "%s: %v", name, kindsOf(facts))
	}
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureNone} {
		x := newTill(t)
		c := create(mode)
		c.PaymentID = ""
		x.must(c)
		x.observe(Fact{Kind: PaymentSucceeded})
		_, err := x.do(map[events.CaptureMode]Command{CaptureManual: Capture{Amount: usd(1)},
			CaptureNone: Refund{Amount: usd(1)}}[mode])
		assert.Equal(t, ReasonNoPaymentID, rejected(t, err).Reason)
		x.observe(Fact{Kind: PaymentSucceeded, PaymentID: "P7"})
		assert.Equal(t, "P7", x.o.PaymentID, "a duplicate that tells it is worth a record")
		assert.Empty(t, x.observe(Fact{Kind: PaymentSucceeded, PaymentID: "P7"}))
	}
}

func TestKeys_NameWhatARecordMakesKnown(t *testing.T) {
	x := asked(t, CallCapture)
	assert.Equal(t, []events.Key{"paymentRequestId:pr-1", "paymentId:P1"}, x.log[0].Keys)
	assert.Empty(t, x.log[1].Keys, "the paymentId is known")
	assert.Equal(t, []events.Key{"captureRequestId:r-1"}, x.log[2].Keys)
	x = asked(t, CallRefund)
	assert.Equal(t, []events.Key{"refundRequestId:r-1"}, x.log[len(x.log)-1].Keys)
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C2", RequestID: "R2", Amount: usd(1)})
	assert.Equal(t, []events.Key{"captureRequestId:R2"}, x.log[len(x.log)-1].Keys)
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F2", RequestID: "R3", Amount: usd(1)})
	assert.Equal(t, []events.Key{"refundRequestId:R3"}, x.log[len(x.log)-1].Keys)

}

// A fact that APO signed is kept though its key is another order's: without the key, and with an anomaly after the
// facts.
func TestRecords_WithoutAKeyThatAnotherOrderOwns(t *testing.T) {
	x := newTill(t)
	c := create(CaptureManual)
	c.PaymentID = ""
	x.must(c)
	seen := Observe{Fact: authorized()}
	facts, err := Decide(x.o, seen, x.env())
	require.NoError(t, err)
	records, after := Records(x.o, seen, facts, x.env(), "", "paymentId:other", "paymentId:P1")
	require.Len(t, records, 2)
	assert.Equal(t, events.KindPaymentAuthorized, records[0].Event.Kind())
	assert.Empty(t, records[0].Keys)
	assert.Equal(t, events.AnomalyObserved{Reason: events.KeyTaken, Fact: events.KindPaymentAuthorized,
		RequestID: "paymentId:P1", Detail: "paymentId P1 belongs to another order"}, records[1].Event)
	assert.Equal(t, after.Head(), records[1].Head)
	assert.NotEqual(t, records[0].ID, records[1].ID)
	assert.True(t, hasAnomaly(after, events.KeyTaken))
	for _, r := range records {
		require.NoError(t, Judge(x.o, r))
		x.o = Evolve(x.o, r)
	}
	assert.Equal(t, after, x.o)

	long := keyTaken(events.Key(make([]byte, events.KeyMax)), events.PaymentPaid{}).(events.AnomalyObserved)
	assert.LessOrEqual(t, len(long.RequestID), events.IDMax)
}

// Whose command a record is of, who gave it, and when it happened.
func TestRecords_OfWhomAndWhen(t *testing.T) {
	x := in(t, Authorized)
	env := x.env()
	decided := func(c Command) []events.Record {
		t.Helper()
		facts, err := Decide(x.o, c, env)
		require.NoError(t, err)
		records, after := Records(x.o, c, facts, env, "service")
		x.o = after
		return records
	}
	intent := decided(Cancel{CommandID: "k-1", Actor: "mia"})[0]
	assert.Equal(t, []any{"k-1", "mia"}, []any{intent.CommandID, intent.Actor})
	assert.Equal(t, []any{x.now, x.now}, []any{intent.Recorded, intent.Occurred})
	answer := decided(RecordAnswer{Call: x.attempt(), Verdict: silence})[0]
	assert.Equal(t, []any{"k-1", "service"}, []any{answer.CommandID, answer.Actor}, "of the operation's command")
	told := cancelled()
	told.At = x.now.Add(-time.Hour)
	told.Proof = events.Proof{Via: events.ViaNotification, Evidence: signed()}
	end := decided(Observe{Fact: told})[0]
	assert.Equal(t, []any{"k-1", "service", x.now, told.At}, []any{end.CommandID, end.Actor, end.Recorded, end.Occurred})
	other := decided(Observe{Fact: Fact{Kind: PaymentFailed, Code: "X", Proof: told.Proof}})[0]
	assert.Empty(t, other.CommandID, "nobody's")
}

// What a first message left out, or a later one says anew, is no duplicate: on the eighth day of thirty a capture is
// legal once APO has said so.
func TestPayment_ALaterMessageTeachesWhatTheFirstLeftOut(t *testing.T) {
	week, month := opened.Add(7*24*time.Hour), opened.Add(30*24*time.Hour)
	success := func(at, expires time.Time) Fact {
		f := authorized()
		f.At, f.Expires = at, expires
		return f
	}
	x := placed(t, CaptureManual)
	x.observe(success(time.Time{}, time.Time{}))
	assert.Len(t, x.observe(success(time.Time{}, week)), 1, "the end of the authorization was missing")
	assert.Equal(t, week, x.o.Expires)
	assert.Empty(t, x.observe(success(time.Time{}, week)), "that is a duplicate")
	assert.Len(t, x.observe(success(time.Time{}, month)), 1, "a later one is news")
	assert.Empty(t, x.observe(success(time.Time{}, week)), "the older message is not")
	assert.Equal(t, month, x.o.Expires)
	paid := opened.Add(-time.Minute)
	assert.Len(t, x.observe(success(paid, week)), 1, "so is when the payment was")
	assert.Equal(t, []any{paid, month}, []any{x.o.PaymentAt, x.o.Expires})
	assert.Empty(t, x.observe(success(paid.Add(time.Hour), week)))
	assert.Equal(t, month.Add(DefaultMargin), x.o.NextDue(), "it is looked at when it ends")
	x.now = week.Add(24 * time.Hour)
	x.must(Capture{CommandID: "c", Amount: usd(1)})
	replayIsLive(t, x)

	x = placed(t, CaptureNone)
	f := Fact{Kind: PaymentPaid, PaymentID: "P1", Amount: usd(theAmount)}
	x.observe(f)
	f.At = paid
	assert.Len(t, x.observe(f), 1)
	assert.Equal(t, paid, x.o.PaymentAt)
	assert.Empty(t, x.observe(f))
}
