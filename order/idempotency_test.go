package order

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

func commandOf(k CallKind) Command {
	return map[CallKind]Command{CallCancel: Cancel{CommandID: "k"}, CallCapture: Capture{CommandID: "k", Amount: usd(400)},
		CallRefund: Refund{CommandID: "k", Amount: usd(200), Reason: "broken"}}[k]
}

func TestCommandID_JoinsTheOperationThenReturnsItsOutcome(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		assert.Empty(t, x.must(commandOf(k)), "joins")
		assert.Equal(t, CommandState{Verb: k.Verb(), Outcome: OutcomePending, Version: x.o.Operation.Intent},
			x.o.Command("k"))
		x.answer(refusedF)
		_, err := x.do(commandOf(k))
		var failure *FailedError
		require.ErrorAs(t, err, &failure)
		assert.ErrorIs(t, err, ErrFailed)
		assert.Equal(t, FailedError{OrderID: "o-1", CommandID: "k", Command: k.Verb(), Code: "RISK_REJECT",
			Version: x.o.Version}, *failure)
		assert.Contains(t, err.Error(), "RISK_REJECT; its id is closed")
	}
	x := asked(t, CallCancel)
	x.answer(done)
	assert.Empty(t, x.must(Cancel{CommandID: "k", Reason: "another"}), "succeeded; the reason is no content")
	x = asked(t, CallCapture)
	x.answer(done)
	assert.Empty(t, x.must(commandOf(CallCapture)))
	assert.Equal(t, OutcomeSucceeded, x.o.Command("k").Outcome)
	assert.Equal(t, CommandState{}, x.o.Command(""))
	assert.Equal(t, CommandState{}, x.o.Command("never given"))
}

func TestCommandID_WithOtherContentIsAMismatch(t *testing.T) {
	for name, c := range map[string]Command{"amount": Capture{CommandID: "k", Amount: usd(399)},
		"last":     Capture{CommandID: "k", Amount: usd(400), Last: true},
		"currency": Capture{CommandID: "k", Amount: Money{Minor: 400, Currency: "EUR"}}, "verb": Cancel{CommandID: "k"},
		"refund": Refund{CommandID: "k", Amount: usd(400)}} {
		for _, over := range []bool{false, true} {
			x := asked(t, CallCapture)
			if over {
				x.answer(refusedF)
			}
			_, err := x.do(c)
			assert.ErrorIs(t, err, ErrIdempotencyMismatch, name)
			assert.Contains(t, err.Error(), `command id "k" stands for another command`)
		}
	}
	x := asked(t, CallRefund)
	_, err := x.do(Refund{CommandID: "k", Amount: usd(200), Reason: "late"})
	assert.ErrorIs(t, err, ErrIdempotencyMismatch, "a refund's reason is sent to APO")
	_, err = x.do(ClearAnomaly{CommandID: "k", Anomaly: 1})
	assert.ErrorIs(t, err, ErrIdempotencyMismatch)
	_, err = x.do(Resolve{CommandID: "k", Statement: "s", Resolution: events.ResolvedFailed})
	assert.ErrorIs(t, err, ErrIdempotencyMismatch)
	_, err = x.do(Cancel{CommandID: "create-1"})
	assert.ErrorIs(t, err, ErrIdempotencyMismatch)
	again := create(CaptureManual)
	again.CommandID = "k"
	_, err = x.do(again)
	assert.ErrorIs(t, err, ErrIdempotencyMismatch)
}

func TestCommandID_ClosedAfterAFailureAndTheNextTryHasNewRequestIDs(t *testing.T) {
	x := asked(t, CallCapture)
	first := x.o.Operation.RequestID
	x.answer(refusedF)
	x.must(Capture{CommandID: "k2", Amount: usd(400)})
	assert.NotEqual(t, first, x.o.Operation.RequestID)
}

func TestRequestID_IsNeverUsedTwice(t *testing.T) {
	for _, k := range []CallKind{CallCapture, CallRefund} {
		x := asked(t, k)
		used := x.o.Operation.RequestID
		x.answer(refusedF)
		x.minted = 0 // an id source that starts anew
		before := x.o
		c := map[CallKind]Command{CallCapture: Capture{Amount: usd(1)}, CallRefund: Refund{Amount: usd(1)}}[k]
		_, err := x.do(c)
		assert.ErrorIs(t, err, ErrInvalid)
		assert.ErrorContains(t, err, "never give an id twice")
		assert.Equal(t, before, x.o)
		e := map[CallKind]events.Event{CallCapture: events.CaptureRequested{CaptureRequestID: used, PaymentID: "P1",
			Amount: usd(1), Lease: x.now.Add(1)},
			CallRefund: events.RefundRequested{RefundRequestID: used, PaymentID: "P1", Amount: usd(1), Lease: x.now.Add(1)}}[k]
		assert.ErrorContains(t, x.judged(e), "an identifier that is closed")
	}
}

func TestCommandID_OfARefusedCommandIsNotRemembered(t *testing.T) {
	x := in(t, Captured)
	_, err := x.do(Cancel{CommandID: "k"})
	rejected(t, err)
	x.must(Refund{CommandID: "k", Amount: usd(1)})
}

func TestCommandID_CancelWithoutACall(t *testing.T) {
	x := in(t, Failed)
	facts := x.must(Cancel{CommandID: "k"})
	require.Equal(t, []events.Kind{events.KindCancelSucceeded}, kindsOf(facts))
	assert.Equal(t, events.CausePaymentFailed, x.o.CancelCause)
	assert.Equal(t, OutcomeSucceeded, x.o.Command("k").Outcome)
	_, due := x.o.Due(x.now.Add(1000 * time.Hour))
	assert.False(t, due, "nothing is sent")
	assert.Empty(t, x.must(Cancel{CommandID: "k"}))
	assert.Empty(t, x.must(Cancel{CommandID: "other"}), "in effect already")
}

func TestCreate_AgainWithTheSameContentIsNoOp(t *testing.T) {
	x := placed(t, CaptureManual)
	same := create(CaptureManual)
	assert.Empty(t, x.must(same))
	same.CommandID = "another command"
	assert.Empty(t, x.must(same))
	same.PaymentID = ""
	assert.Empty(t, x.must(same), "an id that was learnt since does not count")
	for name, c := range map[string]func(*Create){"amount": func(c *Create) { c.Amount.Minor++ },
		"method":           func(c *Create) { c.Method = "ALIPAY_CN" },
		"paymentRequestId": func(c *Create) { c.PaymentRequestID = "pr-2" },
		"payBy":            func(c *Create) { c.PayBy = time.Time{} },
		"mode":             func(c *Create) { c.CaptureMode = CaptureAutomatic },
		"acquirer":         func(c *Create) { c.Acquirer = "" }, "paymentId": func(c *Create) { c.PaymentID = "P2" },
		"currency":          func(c *Create) { c.Amount.Currency = "EUR" },
		"merchantAccountId": func(c *Create) { c.MerchantAccountID = "M2" }} {
		other := create(CaptureManual)
		other.CommandID = ""
		c(&other)
		_, err := x.do(other)
		assert.Equal(t, ReasonExists, rejected(t, err).Reason, name)
		other.CommandID = "create-1"
		_, err = x.do(other)
		assert.ErrorIs(t, err, ErrIdempotencyMismatch, name)
	}
	zone := create(CaptureManual)
	zone.PayBy = zone.PayBy.In(time.FixedZone("UTC+8", 8*60*60))
	assert.Empty(t, x.must(zone), "the same instant")
}

func TestInvalid_NothingThatNoOrderCouldBe(t *testing.T) {
	long := strings.Repeat("x", events.IDMax+1)
	for name, change := range map[string]func(*Create){
		"order id": func(c *Create) { c.OrderID = "" }, "long order id": func(c *Create) { c.OrderID = long },
		"NUL":              func(c *Create) { c.OrderID = "a\x00" },
		"paymentRequestId": func(c *Create) { c.PaymentRequestID = "" },
		"paymentId":        func(c *Create) { c.PaymentID = "a\nb" },
		"method":           func(c *Create) { c.Method = "" }, "acquirer": func(c *Create) { c.Acquirer = long },
		"merchantAccountId": func(c *Create) { c.MerchantAccountID = long },
		"command id":        func(c *Create) { c.CommandID = long },
		"actor":             func(c *Create) { c.Actor = "\xff" }, "zero": func(c *Create) { c.Amount.Minor = 0 },
		"negative": func(c *Create) { c.Amount.Minor = -1 },

		"currency": func(c *Create) { c.Amount.Currency = "XYZ" }, "mode": func(c *Create) { c.CaptureMode = 9 },
	} {
		c := create(CaptureManual)
		change(&c)
		facts, err := Decide(Order{}, c, Env{Now: opened})
		assert.Empty(t, facts)
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid, name)
		assert.ErrorIs(t, err, ErrInvalid)
		assert.Contains(t, err.Error(), "create: "+invalid.Field)
		if invalid.Err != nil {
			assert.ErrorIs(t, err, invalid.Err, "and says what refused it")
		}
	}
	text := strings.Repeat("x", events.TextMax+1)
	for _, c := range []Command{Cancel{Reason: text}, Cancel{Reason: "\xff"}, Cancel{CommandID: long},
		Cancel{Actor: "a\x00"}, Capture{CommandID: long}, Refund{Actor: long},
		Refund{Reason: text[:RefundReasonMax+1]}, Refund{CommandID: long}, Resolve{Statement: text},
		Resolve{Statement: "s", CommandID: long}, Resolve{Statement: "\xff"},
		ClearAnomaly{Reason: text}, ClearAnomaly{CommandID: long}} {
		_, err := in(t, Authorized).do(c)
		assert.ErrorIs(t, err, ErrInvalid, "%T", c)
	}
	for _, x := range []*till{in(t, Authorized), in(t, Captured)} {
		env := x.env()
		env.NewID = func() string { return "" }
		_, capture := Decide(x.o, Capture{Amount: usd(1)}, env)
		_, refund := Decide(x.o, Refund{Amount: usd(1)}, env)
		assert.True(t, x.o.Status != Authorized || assert.ErrorIs(t, capture, ErrInvalid))
		assert.True(t, x.o.Status != Captured || assert.ErrorIs(t, refund, ErrInvalid))
	}
	_, err := in(t, Created).do(foreign{})
	assert.ErrorIs(t, err, ErrInvalid)
}

// foreign is no command of this package.
type foreign struct{ Cancel }

func TestDescribe(t *testing.T) {
	for verb, c := range map[Verb]Command{
		VerbCreate: Create{CommandID: "k", Actor: "mia", Amount: usd(7)}, VerbCancel: Cancel{CommandID: "k", Actor: "mia"},
		VerbCapture: Capture{CommandID: "k", Actor: "mia", Amount: usd(7)},
		VerbRefund:  Refund{CommandID: "k", Actor: "mia", Amount: usd(7)},
		VerbResolve: Resolve{CommandID: "k", Actor: "mia"}, VerbClearAnomaly: ClearAnomaly{CommandID: "k", Actor: "mia"},
		VerbCompensate: Compensate{CommandID: "k", Actor: "mia"},
	} {
		want := Description{Verb: verb, CommandID: "k", Actor: "mia"}
		switch verb {
		case VerbCreate, VerbCapture, VerbRefund:
			want.Amount = usd(7)
		}
		assert.Equal(t, want, Describe(c), "%T", c)
	}
	for _, c := range []Command{nil, Observe{}, Claim{}, RecordAnswer{}, RecordInquiry{}} {
		assert.Equal(t, Description{}, Describe(c), "%T", c)
	}
}

// A command that is added cannot be forgotten: every verb is some command's.
func TestDescribe_EveryVerbIsACommands(t *testing.T) {
	var told []Verb
	for _, c := range []Command{Create{}, Cancel{}, Capture{}, Refund{}, Resolve{}, ClearAnomaly{}, Compensate{}} {
		told = append(told, Describe(c).Verb)
	}
	var want []Verb
	for _, v := range law.Verbs() {
		want = append(want, Verb(v))
	}
	assert.Equal(t, want, told)
}
