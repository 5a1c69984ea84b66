package tilltape_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// operationRow is one row of operation × proven fact (section 3.2): what is outstanding, what the bank's ledger holds or
// a notification tells, and what must follow.
type operationRow struct {
	name    string
	begin   func(*till)                          // gives the command; its outcome is not known afterwards
	prove   func(*till)                          // changes the bank's ledger, or lets a notification arrive
	wait    time.Duration                        // before settling; zero: no settling
	outcome order.Outcome                        // of the command
	code    string                               // of a failure
	phase   order.Phase                          // afterwards
	status  order.Status                         // afterwards
	also    func(*testing.T, *till, order.Order) // what else must hold
}

const commandID = "cmd-1"

func beginCancel(f fault) func(*till) {
	return func(x *till) {
		x.bank.next(f)
		_, _ = x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID, Actor: "ada"})
	}
}

func beginCapture(f fault) func(*till) {
	return func(x *till) {
		x.paid()
		x.bank.next(f)
		_, _ = x.orders.Capture(x.ctx, theOrder, order.Capture{ID: commandID, Amount: usd(thePart), Actor: "ada"})
	}
}

func beginRefund(f fault) func(*till) {
	return func(x *till) {
		x.paid()
		_, _ = x.capture(theAmount)
		x.bank.next(f)
		_, _ = x.orders.Refund(x.ctx, theOrder, order.Refund{ID: commandID, Amount: usd(thePart), Actor: "ada"})
	}
}

// paidThen cancels a payment that was authorized before.
func paidThen(begin func(*till)) func(*till) {
	return func(x *till) {
		x.paid()
		begin(x)
	}
}

func atBank(change func(*account)) func(*till) {
	return func(x *till) { change(x.bank.buyerPays(theRequest, theAmount, true)) }
}

// requestID is the one the outstanding operation froze.
func (x *till) requestID() string { return x.get().Operation.RequestID }

func done(kind string, state apo.State) func(*till) {
	return func(x *till) {
		m := move{id: kind + "-7", request: x.requestID(), minor: thePart, state: state}
		a := x.bank.find(theRequest)
		if kind == "cap" {
			a.captures = append(a.captures, m)
		} else {
			a.refunds = append(a.refunds, m)
		}
	}
}

// What an inquiry finds is asked for after the second try; a U twice brings it about.
const toInquiry = 6 * time.Second

func twice(begin func(fault) func(*till), f fault) func(*till) {
	return func(x *till) {
		begin(f)(x)
		x.bank.next(f)
		x.settle(time.Second)
	}
}

func cancelRows() []operationRow {
	cancelled := func(a *account) { a.state = apo.StateCancelled }
	unheard := func(*till) {}
	return []operationRow{
		{"cancel, cancelled by inquiry", paidThen(twice(beginCancel, lostBefore)), atBank(cancelled), toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, nil},
		{"cancel, cancelled by its answer seen elsewhere", paidThen(beginCancel(lostBefore)),
			func(x *till) { x.observe(cancelAnswer(thePayment)) }, 0, order.OutcomeSucceeded, "", order.Idle, order.Cancelled, nil},
		{"cancel, a capture by notification", paidThen(beginCancel(saysU)),
			func(x *till) {
				x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-7", Minor: thePart, At: dawn()}))
			}, 0,
			order.OutcomeFailed, order.CodeCaptured, order.Idle, order.Captured, nil},
		{"cancel, a capture by inquiry", paidThen(twice(beginCancel, saysU)),
			atBank(func(a *account) { a.captures = []move{{"cap-7", "dash", thePart, apo.StateSuccess}} }), toInquiry,
			order.OutcomeFailed, order.CodeCaptured, order.Idle, order.Captured, nil},
		{"cancel, a refund by inquiry", paidThen(twice(beginCancel, saysU)), atBank(func(a *account) {
			a.captures = []move{{"cap-7", "dash", theAmount, apo.StateSuccess}}
			a.refunds = []move{{"ref-7", "dash-r", thePart, apo.StateSuccess}}
		}), toInquiry, order.OutcomeFailed, order.CodeCaptured, order.Idle, order.Refunded, nil},
		{"cancel, payment failed, from created", beginCancel(saysU),
			func(x *till) {
				x.observe(paymentNotice(notice{Payment: thePayment, PaymentRequest: theRequest, Code: "ORDER_IS_CLOSED"}))
			}, 0,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, _ *till, o order.Order) {
				assert.Equal(t, events.CausePaymentFailed, o.CancelCause)
			}},
		{"cancel, payment failed, from authorized", paidThen(beginCancel(saysU)), func(x *till) {
			x.bank.deaf = true
			x.observe(paymentNotice(notice{Payment: thePayment, PaymentRequest: theRequest, Code: "ORDER_IS_CLOSED"}))
		}, time.Second, order.OutcomePending, "", order.Unresolved, order.Authorized, func(t *testing.T, x *till, o order.Order) {
			assert.Equal(t, []events.AnomalyReason{events.StatusContradicts}, anomalies(o))
			assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpInquirePayment}, ops(x.bank.seen()), "it is inquired about, not asked again")
		}},
		{"cancel, alive after a known F", paidThen(beginCancel(saysF("ORDER_STATUS_INVALID"))), unheard, 0,
			order.OutcomeFailed, "ORDER_STATUS_INVALID", order.Idle, order.Authorized, nil},
		{"cancel, alive after an unknown answer", paidThen(twice(beginCancel, saysU)), unheard, toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, x *till, _ order.Order) {
				assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpCancel, apo.OpInquirePayment, apo.OpCancel}, ops(x.bank.seen()))
			}},
		{"cancel, alive after an F with an unknown code", paidThen(beginCancel(saysF("SOMETHING_NEW"))), unheard, 5 * time.Second,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, x *till, _ order.Order) {
				assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpInquirePayment, apo.OpCancel}, ops(x.bank.seen()), "inquired about first")
			}},
		{"cancel, ORDER_NOT_EXIST before the payment's time is over", beginCancel(plain), unheard, time.Hour,
			order.OutcomePending, "", order.Unresolved, order.Created, func(t *testing.T, x *till, _ order.Order) {
				assert.Greater(t, x.bank.wired(), 1, "asked again")
			}},
		{"cancel, ORDER_NOT_EXIST after the payment's time is over", beginCancel(plain),
			func(x *till) { x.clock.pass(order.DefaultValidity + order.DefaultMargin) }, time.Hour,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, _ *till, o order.Order) {
				assert.Equal(t, events.CauseNeverPaid, o.CancelCause)
			}},
		{"cancel, nothing proven", paidThen(twice(beginCancel, saysU)), func(x *till) { x.bank.deaf = true }, toInquiry,
			order.OutcomePending, "", order.Unresolved, order.Authorized, nil},
	}
}

func captureRows() []operationRow {
	unheard := func(*till) {}
	told := func(code string) func(*till) {
		return func(x *till) {
			x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-7", Request: x.requestID(), Minor: thePart, Code: code, At: dawn()}))
		}
	}
	return []operationRow{
		{"capture, ours succeeded, by notification", beginCapture(saysU), told(""), 0,
			order.OutcomeSucceeded, "", order.Idle, order.Captured, nil},
		{"capture, ours succeeded, by inquiry", twice(beginCapture, lostBefore), done("cap", apo.StateSuccess), toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Captured, nil},
		{"capture, ours failed, by notification", beginCapture(saysU), told("RISK_REJECT"), 0,
			order.OutcomeFailed, "RISK_REJECT", order.Idle, order.Authorized, nil},
		{"capture, ours failed, by inquiry", twice(beginCapture, saysU), done("cap", apo.StateFail), toInquiry,
			order.OutcomeFailed, "", order.Idle, order.Authorized, nil},
		{"capture, ours in process, by inquiry", twice(beginCapture, saysU), done("cap", apo.StateProcessing), toInquiry,
			order.OutcomePending, "", order.Accepted, order.Authorized, nil},
		{"capture, ours in process, by its answer", beginCapture(fault{undone: true, status: "U", code: "CAPTURE_IN_PROCESS"}), unheard, 0,
			order.OutcomePending, "", order.Accepted, order.Authorized, nil},
		{"capture, not listed, alive, after an unknown answer", twice(beginCapture, saysU), unheard, toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Captured, func(t *testing.T, x *till, _ order.Order) {
				require.NoError(t, x.honest(), "the same id again")
			}},
		{"capture, not listed, alive, after a known F", beginCapture(saysF("ORDER_STATUS_INVALID")), unheard, 0,
			order.OutcomeFailed, "ORDER_STATUS_INVALID", order.Idle, order.Authorized, nil},
		{"capture, not listed, payment cancelled", twice(beginCapture, saysU),
			atBank(func(a *account) { a.state = apo.StateCancelled }), toInquiry, order.OutcomeFailed, order.CodeCancelled, order.Idle, order.Cancelled, nil},
		{"capture, not listed, payment failed", twice(beginCapture, saysU),
			atBank(func(a *account) { a.state, a.code = apo.StateFail, "ORDER_IS_CLOSED" }), toInquiry, order.OutcomeFailed, order.CodeCancelled,
			order.Idle, order.Authorized, func(t *testing.T, _ *till, o order.Order) {
				assert.Equal(t, []events.AnomalyReason{events.StatusContradicts}, anomalies(o))
			}},
		{"capture, ORDER_NOT_EXIST", twice(beginCapture, saysU), func(x *till) { x.bank.accounts = nil }, toInquiry,
			order.OutcomePending, "", order.Parked, order.Authorized, func(t *testing.T, _ *till, o order.Order) {
				assert.Equal(t, "needs attention", o.Words())
				assert.Equal(t, []string{"parked"}, o.Head().Attention())
			}},
		{"capture, nothing proven", twice(beginCapture, saysU), func(x *till) { x.bank.deaf = true }, toInquiry,
			order.OutcomePending, "", order.Unresolved, order.Authorized, nil},
	}
}

func refundRows() []operationRow {
	unheard := func(*till) {}
	told := func(code string) func(*till) {
		return func(x *till) {
			x.observe(refundNotice(notice{Transfer: "ref-7", Request: x.requestID(), Minor: thePart, Code: code, At: dawn()}))
		}
	}
	return []operationRow{
		{"refund, succeeded, by notification", beginRefund(saysU), told(""), 0, order.OutcomeSucceeded, "", order.Idle, order.Refunded, nil},
		{"refund, succeeded, by inquiry", twice(beginRefund, lostBefore), done("ref", apo.StateSuccess), toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Refunded, nil},
		{"refund, failed, by notification", beginRefund(plain), told("RISK_REJECT"), 0, order.OutcomeFailed, "RISK_REJECT", order.Idle, order.Captured, nil},
		{"refund, failed, by inquiry", twice(beginRefund, saysU), done("ref", apo.StateFail), toInquiry,
			order.OutcomeFailed, "", order.Idle, order.Captured, nil},
		{"refund, in process, by inquiry", twice(beginRefund, saysU), done("ref", apo.StateProcessing), toInquiry,
			order.OutcomePending, "", order.Accepted, order.Captured, nil},
		{"refund, accepted by its answer", beginRefund(plain), unheard, 0, order.OutcomePending, "", order.Accepted, order.Captured, nil},
		{"refund, REFUND_NOT_EXIST after an unknown answer", twice(beginRefund, saysU), unheard, toInquiry,
			order.OutcomePending, "", order.Accepted, order.Captured, func(t *testing.T, x *till, _ order.Order) {
				require.NoError(t, x.honest(), "the same id again")
				assert.Len(t, x.bank.accounts[0].refunds, 1)
			}},
		{"refund, REFUND_NOT_EXIST after a known F", beginRefund(saysF("PROCESS_FAIL")), unheard, 0,
			order.OutcomeFailed, "PROCESS_FAIL", order.Idle, order.Captured, nil},
		{"refund, nothing proven", twice(beginRefund, saysU), func(x *till) { x.bank.deaf = true }, toInquiry,
			order.OutcomePending, "", order.Unresolved, order.Captured, nil},
	}
}

func TestLaw_OperationsAndWhatIsProvenOfThem(t *testing.T) {
	for _, rows := range [][]operationRow{cancelRows(), captureRows(), refundRows()} {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				x := newTill(t, memory.New())
				x.place(order.CaptureManual)
				row.begin(x)
				row.prove(x)
				if row.wait > 0 {
					x.settle(row.wait)
				}
				o := x.get()
				state := o.Command(commandID)
				assert.Equal(t, row.outcome, state.Outcome)
				assert.Equal(t, row.phase, o.Operation.Phase)
				assert.Equal(t, row.status, o.Status)
				if row.code != "" {
					assert.Equal(t, row.code, state.Code)
				}
				if row.also != nil {
					row.also(t, x, o)
				}
				require.NoError(t, x.lawful())
			})
		}
	}
}

func TestLaw_GatewayCapture(t *testing.T) {
	automatic := func(t *testing.T) *till {
		x := newTill(t, memory.New())
		x.place(order.CaptureAutomatic)
		x.paid()
		require.Equal(t, order.GatewayOutstanding, x.get().Gateway)
		return x
	}
	ledger := func(state apo.State) func(*till) {
		return func(x *till) {
			x.bank.accounts[0].captures = []move{{"cap-auto", "", theAmount, state}}
		}
	}
	for name, tt := range map[string]struct {
		prove   func(*till)
		gateway order.GatewayCapture
		status  order.Status
	}{
		"succeeded by inquiry":  {ledger(apo.StateSuccess), order.GatewayNone, order.Captured},
		"failed by inquiry":     {ledger(apo.StateFail), order.GatewayFailed, order.Authorized},
		"in process":            {ledger(apo.StateProcessing), order.GatewayOutstanding, order.Authorized},
		"not listed":            {func(*till) {}, order.GatewayOutstanding, order.Authorized},
		"inquiry without reply": {func(x *till) { x.bank.deaf = true }, order.GatewayOutstanding, order.Authorized},
	} {
		t.Run(name, func(t *testing.T) {
			x := automatic(t)
			tt.prove(x)
			x.settle(10 * time.Minute)
			o := x.get()
			assert.Equal(t, tt.gateway, o.Gateway)
			assert.Equal(t, tt.status, o.Status)
			assert.Equal(t, []apo.Op{apo.OpInquirePayment}, ops(x.bank.seen()), "inquired about after ten minutes")
			if tt.gateway == order.GatewayOutstanding {
				assert.Equal(t, x.clock.now().Add(time.Hour), o.NextDue(), "and an hour later again")
			}
			require.NoError(t, x.lawful())
		})
	}
	t.Run("we may capture once it failed", func(t *testing.T) {
		x := automatic(t)
		_, err := x.capture(theAmount)
		refused(t, err, order.ReasonGatewayCapture)
		x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-auto", Code: "RISK_REJECT", At: dawn()}))
		o, err := x.capture(theAmount)
		require.NoError(t, err)
		assert.Equal(t, order.Captured, o.Status)
	})
	t.Run("a cancel under way only inquires", func(t *testing.T) {
		x := newTill(t, memory.New())
		x.place(order.CaptureAutomatic)
		x.bank.next(saysU)
		_, err := x.cancel()
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		x.paid()
		x.exhaust(time.Hour)
		assert.Equal(t, 1, x.bank.wired(), "the cancel is not sent again")
		assert.Equal(t, order.Authorized, x.get().Status)
		ledger(apo.StateSuccess)(x)
		x.exhaust(24 * time.Hour)
		o := x.get()
		assert.Equal(t, order.Captured, o.Status)
		assert.False(t, o.Operation.Outstanding(), "the cancel ended failed")
		require.NoError(t, x.lawful())
	})
}

func TestLaw_ADefiniteFEndsNothingWhileAnotherAttemptIsUnknown(t *testing.T) {
	x := newTill(t, memory.New())
	x.captured(theAmount)
	x.bank.next(lostAfter, saysF("RISK_REJECT")) // done, and its answer lost; the gateway then says no
	x.bank.forgets = true
	_, err := x.refund(thePart)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.settle(time.Second)
	o := x.exhaust(time.Hour)
	assert.Equal(t, order.Refunded, o.Status, "the inquiry decided, not the F")
	assert.Equal(t, thePart, o.Refunded)
	assert.Len(t, x.bank.accounts[0].refunds, 1)
	require.NoError(t, x.honest())
}

// What APO works on is inquired about after 10 minutes, then 1 h, 6 h and daily, whatever it is.
func TestLaw_TheScheduleOfWhatAPOWorksOn(t *testing.T) {
	for name, begin := range map[string]func(*till){
		"a refund":  func(x *till) { beginRefund(plain)(x) },
		"a capture": func(x *till) { beginCapture(fault{undone: true, status: "U", code: "CAPTURE_IN_PROCESS"})(x) },
	} {
		t.Run(name, func(t *testing.T) {
			x := newTill(t, memory.New())
			x.bank.slow = true
			x.place(order.CaptureManual)
			begin(x)
			x.bank.deaf = true
			for _, want := range []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
				o := x.get()
				require.Equal(t, order.Accepted, o.Operation.Phase)
				assert.Equal(t, want, o.NextDue().Sub(x.clock.now()))
				x.settle(want)
			}
		})
	}
}

func TestLaw_AnAcceptedRefundEndsAsAPOSaysLater(t *testing.T) {
	for _, well := range []bool{true, false} {
		x := newTill(t, memory.New())
		x.bank.slow = true
		x.place(order.CaptureManual)
		beginRefund(plain)(x)
		x.settle(10 * time.Minute)
		require.Equal(t, order.Accepted, x.get().Operation.Phase, "still in process")
		x.bank.finish(well)
		x.settle(time.Hour)
		o := x.get()
		want, refunded := order.OutcomeFailed, int64(0)
		if well {
			want, refunded = order.OutcomeSucceeded, thePart
		}
		assert.Equal(t, want, o.Command(commandID).Outcome)
		assert.Equal(t, refunded, o.Refunded)
		assert.Equal(t, []apo.Op{apo.OpCapture, apo.OpRefund, apo.OpInquireRefund, apo.OpInquireRefund}, ops(x.bank.seen()), "asked once, then inquired")
		require.NoError(t, x.lawful())
	}
}
