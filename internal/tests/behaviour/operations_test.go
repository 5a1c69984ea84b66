package behaviour_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// operationRow is one row of operation × proven fact (section 3.2): what is outstanding, what the bank's ledger holds
// or a notification tells, and what must follow.
type operationRow struct {
	name    string
	begin   func(*tilltest.Till)                          // gives the command; its outcome is not known afterwards
	prove   func(*tilltest.Till)                          // changes the bank's ledger, or lets a notification arrive
	wait    time.Duration                                 // before settling; zero: no settling
	outcome order.Outcome                                 // of the command
	code    string                                        // of a failure
	phase   order.Phase                                   // afterwards
	status  order.Status                                  // afterwards
	also    func(*testing.T, *tilltest.Till, order.Order) // what else must hold
}

func beginCancel(f tilltest.Fault) func(*tilltest.Till) {
	return func(x *tilltest.Till) {
		x.Bank.Next(f)
		_, _ = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID, Actor: "ada"})
	}
}

func beginCapture(f tilltest.Fault) func(*tilltest.Till) {
	return func(x *tilltest.Till) {
		x.Paid()
		x.Bank.Next(f)
		_, _ = x.Orders.Capture(x.Ctx, tilltest.TheOrder,
			order.Capture{CommandID: tilltest.CommandID, Amount: tilltest.USD(tilltest.ThePart), Actor: "ada"})
	}
}

func beginRefund(f tilltest.Fault) func(*tilltest.Till) {
	return func(x *tilltest.Till) {
		x.Paid()
		_, _ = x.Capture(tilltest.TheAmount)
		x.Bank.Next(f)
		_, _ = x.Orders.Refund(x.Ctx, tilltest.TheOrder,
			order.Refund{CommandID: tilltest.CommandID, Amount: tilltest.USD(tilltest.ThePart), Actor: "ada"})
	}
}

// paidThen cancels a payment that was authorized before.
func paidThen(begin func(*tilltest.Till)) func(*tilltest.Till) {
	return func(x *tilltest.Till) {
		x.Paid()
		begin(x)
	}
}

func atBank(change func(*tilltest.Account)) func(*tilltest.Till) {
	return func(x *tilltest.Till) { change(x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)) }
}

// What an inquiry finds is asked for after the second try; a U twice brings it about.
const toInquiry = 6 * time.Second

func twice(begin func(tilltest.Fault) func(*tilltest.Till), f tilltest.Fault) func(*tilltest.Till) {
	return func(x *tilltest.Till) {
		begin(f)(x)
		x.Bank.Next(f)
		x.Settle(time.Second)
	}
}

func cancelRows() []operationRow {
	cancelled := func(a *tilltest.Account) { a.State = apo.StateCancelled }
	unheard := func(*tilltest.Till) {}
	return []operationRow{
		{"cancel, cancelled by inquiry", paidThen(twice(beginCancel, tilltest.LostBefore)), atBank(cancelled), toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, nil},
		{"cancel, cancelled by its answer seen elsewhere", paidThen(beginCancel(tilltest.LostBefore)),
			func(x *tilltest.Till) { x.Observe(tilltest.CancelAnswer(tilltest.ThePayment)) }, 0, order.OutcomeSucceeded, "",
			order.Idle, order.Cancelled, nil},
		{"cancel, a capture by notification", paidThen(beginCancel(tilltest.SaysU)),
			func(x *tilltest.Till) {
				x.Observe(tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-7",
					Minor: tilltest.ThePart, At: tilltest.Dawn()}))
			}, 0,
			order.OutcomeFailed, order.CodeCaptured, order.Idle, order.Captured, nil},
		{"cancel, a capture by inquiry", paidThen(twice(beginCancel, tilltest.SaysU)),
			atBank(func(a *tilltest.Account) {
				a.Captures = []tilltest.Move{{ID: "cap-7", Request: "dash", Minor: tilltest.ThePart, State: apo.StateSuccess}}
			}), toInquiry,
			order.OutcomeFailed, order.CodeCaptured, order.Idle, order.Captured, nil},
		{"cancel, a refund by inquiry", paidThen(twice(beginCancel, tilltest.SaysU)), atBank(func(a *tilltest.Account) {
			a.Captures = []tilltest.Move{{ID: "cap-7", Request: "dash", Minor: tilltest.TheAmount, State: apo.StateSuccess}}
			a.Refunds = []tilltest.Move{{ID: "ref-7", Request: "dash-r", Minor: tilltest.ThePart, State: apo.StateSuccess}}
		}), toInquiry, order.OutcomeFailed, order.CodeCaptured, order.Idle, order.Refunded, nil},
		{"cancel, payment failed, from created", beginCancel(tilltest.SaysU),
			func(x *tilltest.Till) {
				x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
					Code: "ORDER_IS_CLOSED"}))
			}, 0,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, _ *tilltest.Till, o order.Order) {
				assert.Equal(t, events.CausePaymentFailed, o.CancelCause)
			}},
		{"cancel, payment failed, from authorized", paidThen(beginCancel(tilltest.SaysU)), func(x *tilltest.Till) {
			x.Bank.Deaf = true
			x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
				Code: "ORDER_IS_CLOSED"}))
		}, time.Second, order.OutcomePending, "", order.Unresolved, order.Authorized,
			func(t *testing.T, x *tilltest.Till, o order.Order) {
				assert.Equal(t, []events.AnomalyReason{events.StatusContradicts}, tilltest.Anomalies(o))
				assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpInquirePayment}, ops(x.Bank.Seen()),
					"it is inquired about, not asked again")
			}},
		{"cancel, alive after a known F", paidThen(beginCancel(tilltest.SaysF("ORDER_STATUS_INVALID"))), unheard, 0,
			order.OutcomeFailed, "ORDER_STATUS_INVALID", order.Idle, order.Authorized, nil},
		{"cancel, alive after an unknown answer", paidThen(twice(beginCancel, tilltest.SaysU)), unheard, toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, x *tilltest.Till, _ order.Order) {
				assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpCancel, apo.OpInquirePayment, apo.OpCancel}, ops(x.Bank.Seen()))
			}},
		{"cancel, alive after an F with an unknown code", paidThen(beginCancel(tilltest.SaysF("SOMETHING_NEW"))), unheard,
			5 * time.Second,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, x *tilltest.Till, _ order.Order) {
				assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpInquirePayment, apo.OpCancel}, ops(x.Bank.Seen()),
					"inquired about first")
			}},
		{"cancel, ORDER_NOT_EXIST before the payment's time is over", beginCancel(tilltest.Plain), unheard, time.Hour,
			order.OutcomePending, "", order.Unresolved, order.Created, func(t *testing.T, x *tilltest.Till, _ order.Order) {
				assert.Greater(t, x.Bank.Wired(), 1, "asked again")
			}},
		{"cancel, ORDER_NOT_EXIST after the payment's time is over", beginCancel(tilltest.Plain),
			func(x *tilltest.Till) { x.Clock.Pass(order.DefaultValidity + order.DefaultMargin) }, time.Hour,
			order.OutcomeSucceeded, "", order.Idle, order.Cancelled, func(t *testing.T, _ *tilltest.Till, o order.Order) {
				assert.Equal(t, events.CauseNeverPaid, o.CancelCause)
			}},
		{"cancel, nothing proven", paidThen(twice(beginCancel, tilltest.SaysU)),
			func(x *tilltest.Till) { x.Bank.Deaf = true }, toInquiry,
			order.OutcomePending, "", order.Unresolved, order.Authorized, nil},
	}
}

func captureRows() []operationRow {
	unheard := func(*tilltest.Till) {}
	told := func(code string) func(*tilltest.Till) {
		return func(x *tilltest.Till) {
			x.Observe(tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-7",
				Request: x.RequestID(), Minor: tilltest.ThePart, Code: code, At: tilltest.Dawn()}))
		}
	}
	return []operationRow{
		{"capture, ours succeeded, by notification", beginCapture(tilltest.SaysU), told(""), 0,
			order.OutcomeSucceeded, "", order.Idle, order.Captured, nil},
		{"capture, ours succeeded, by inquiry", twice(beginCapture, tilltest.LostBefore),
			tilltest.Done("cap", apo.StateSuccess), toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Captured, nil},
		{"capture, ours failed, by notification", beginCapture(tilltest.SaysU), told("RISK_REJECT"), 0,
			order.OutcomeFailed, "RISK_REJECT", order.Idle, order.Authorized, nil},
		{"capture, ours failed, by inquiry", twice(beginCapture, tilltest.SaysU), tilltest.Done("cap", apo.StateFail),
			toInquiry, order.OutcomeFailed, "", order.Idle, order.Authorized, nil},
		{"capture, ours in process, by inquiry", twice(beginCapture, tilltest.SaysU),
			tilltest.Done("cap", apo.StateProcessing), toInquiry,
			order.OutcomePending, "", order.Accepted, order.Authorized, nil},
		{"capture, ours in process, by its answer",
			beginCapture(tilltest.Fault{Undone: true, Status: "U", Code: "CAPTURE_IN_PROCESS"}), unheard, 0,
			order.OutcomePending, "", order.Accepted, order.Authorized, nil},
		{"capture, not listed, alive, after an unknown answer", twice(beginCapture, tilltest.SaysU), unheard, toInquiry,
			order.OutcomeSucceeded, "", order.Idle, order.Captured, func(t *testing.T, x *tilltest.Till, _ order.Order) {
				require.NoError(t, x.Honest(), "the same id again")
			}},
		{"capture, not listed, alive, after a known F", beginCapture(tilltest.SaysF("ORDER_STATUS_INVALID")), unheard, 0,
			order.OutcomeFailed, "ORDER_STATUS_INVALID", order.Idle, order.Authorized, nil},
		{"capture, not listed, payment cancelled", twice(beginCapture, tilltest.SaysU),
			atBank(func(a *tilltest.Account) { a.State = apo.StateCancelled }), toInquiry, order.OutcomeFailed,
			order.CodeCancelled, order.Idle, order.Cancelled, nil},
		{"capture, not listed, payment failed", twice(beginCapture, tilltest.SaysU),
			atBank(func(a *tilltest.Account) { a.State, a.Code = apo.StateFail, "ORDER_IS_CLOSED" }), toInquiry,
			order.OutcomeFailed, order.CodeCancelled,
			order.Idle, order.Failed, func(t *testing.T, _ *tilltest.Till, o order.Order) {
				assert.Equal(t, []events.AnomalyReason{events.Reversal}, tilltest.Anomalies(o), "its newest word")
			}},
		{"capture, ORDER_NOT_EXIST", twice(beginCapture, tilltest.SaysU), func(x *tilltest.Till) { x.Bank.Accounts = nil },
			toInquiry,
			order.OutcomePending, "", order.Parked, order.Authorized, func(t *testing.T, _ *tilltest.Till, o order.Order) {
				assert.Equal(t, "needs attention", o.Words())
				assert.Equal(t, []string{"parked"}, o.Head().Attention())
			}},
		{"capture, nothing proven", twice(beginCapture, tilltest.SaysU), func(x *tilltest.Till) { x.Bank.Deaf = true },
			toInquiry, order.OutcomePending, "", order.Unresolved, order.Authorized, nil},
	}
}

func refundRows() []operationRow {
	unheard := func(*tilltest.Till) {}
	told := func(code string) func(*tilltest.Till) {
		return func(x *tilltest.Till) {
			x.Observe(tilltest.RefundNotice(tilltest.Notice{Transfer: "ref-7", Request: x.RequestID(), Minor: tilltest.ThePart,
				Code: code, At: tilltest.Dawn()}))
		}
	}
	return []operationRow{
		{"refund, succeeded, by notification", beginRefund(tilltest.SaysU), told(""), 0, order.OutcomeSucceeded, "",
			order.Idle, order.Refunded, nil},
		{"refund, succeeded, by inquiry", twice(beginRefund, tilltest.LostBefore), tilltest.Done("ref", apo.StateSuccess),
			toInquiry, order.OutcomeSucceeded, "", order.Idle, order.Refunded, nil},
		{"refund, failed, by notification", beginRefund(tilltest.Plain), told("RISK_REJECT"), 0, order.OutcomeFailed,
			"RISK_REJECT", order.Idle, order.Captured, nil},
		{"refund, failed, by inquiry", twice(beginRefund, tilltest.SaysU), tilltest.Done("ref", apo.StateFail), toInquiry,
			order.OutcomeFailed, "", order.Idle, order.Captured, nil},
		{"refund, in process, by inquiry", twice(beginRefund, tilltest.SaysU), tilltest.Done("ref", apo.StateProcessing),
			toInquiry, order.OutcomePending, "", order.Accepted, order.Captured, nil},
		{"refund, accepted by its answer", beginRefund(tilltest.Plain), unheard, 0, order.OutcomePending, "", order.Accepted,
			order.Captured, nil},
		{"refund, REFUND_NOT_EXIST after an unknown answer", twice(beginRefund, tilltest.SaysU), unheard, toInquiry,
			order.OutcomePending, "", order.Accepted, order.Captured, func(t *testing.T, x *tilltest.Till, _ order.Order) {
				require.NoError(t, x.Honest(), "the same id again")
				assert.Len(t, x.Bank.Accounts[0].Refunds, 1)
			}},
		{"refund, REFUND_NOT_EXIST after a known F", beginRefund(tilltest.SaysF("PROCESS_FAIL")), unheard, 0,
			order.OutcomeFailed, "PROCESS_FAIL", order.Idle, order.Captured, nil},
		{"refund, nothing proven", twice(beginRefund, tilltest.SaysU), func(x *tilltest.Till) { x.Bank.Deaf = true },
			toInquiry, order.OutcomePending, "", order.Unresolved, order.Captured, nil},
	}
}

func TestLaw_OperationsAndWhatIsProvenOfThem(t *testing.T) {
	for _, rows := range [][]operationRow{cancelRows(), captureRows(), refundRows()} {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				x := tilltest.NewTill(t, memory.New())
				x.Place(order.CaptureManual)
				row.begin(x)
				row.prove(x)
				if row.wait > 0 {
					x.Settle(row.wait)
				}
				o := x.Get()
				state := o.Command(tilltest.CommandID)
				assert.Equal(t, row.outcome, state.Outcome)
				assert.Equal(t, row.phase, tilltest.Op(o).Phase)
				assert.Equal(t, row.status, o.Status)
				if row.code != "" {
					assert.Equal(t, row.code, state.Code)
				}
				if row.also != nil {
					row.also(t, x, o)
				}
				require.NoError(t, x.Lawful())
			})
		}
	}
}

func TestLaw_GatewayCapture(t *testing.T) {
	automatic := func(t *testing.T) *tilltest.Till {
		x := tilltest.NewTill(t, memory.New())
		x.Place(order.CaptureAutomatic)
		x.Paid()
		require.Equal(t, order.GatewayOutstanding, x.Get().Gateway)
		return x
	}
	ledger := func(state apo.State) func(*tilltest.Till) {
		return func(x *tilltest.Till) {
			x.Bank.Accounts[0].Captures = []tilltest.Move{{ID: "cap-auto", Request: "", Minor: tilltest.TheAmount, State: state}}
		}
	}
	for name, tt := range map[string]struct {
		prove   func(*tilltest.Till)
		gateway order.GatewayCapture
		status  order.Status
	}{
		"succeeded by inquiry":  {ledger(apo.StateSuccess), order.GatewayNone, order.Captured},
		"failed by inquiry":     {ledger(apo.StateFail), order.GatewayFailed, order.Authorized},
		"in process":            {ledger(apo.StateProcessing), order.GatewayOutstanding, order.Authorized},
		"not listed":            {func(*tilltest.Till) {}, order.GatewayOutstanding, order.Authorized},
		"inquiry without reply": {func(x *tilltest.Till) { x.Bank.Deaf = true }, order.GatewayOutstanding, order.Authorized},
	} {
		t.Run(name, func(t *testing.T) {
			x := automatic(t)
			tt.prove(x)
			x.Settle(10 * time.Minute)
			o := x.Get()
			assert.Equal(t, tt.gateway, o.Gateway)
			assert.Equal(t, tt.status, o.Status)
			assert.Equal(t, []apo.Op{apo.OpInquirePayment}, ops(x.Bank.Seen()), "inquired about after ten minutes")
			if tt.gateway == order.GatewayOutstanding {
				assert.Equal(t, x.Clock.Now().Add(time.Hour), o.NextDue(), "and an hour later again")
			}
			require.NoError(t, x.Lawful())
		})
	}
	t.Run("we may capture once it failed", func(t *testing.T) {
		x := automatic(t)
		_, err := x.Capture(tilltest.TheAmount)
		tilltest.Rejected(t, err, order.ReasonGatewayCapture)
		x.Observe(tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-auto",
			Code: "RISK_REJECT", At: tilltest.Dawn()}))
		result, err := x.Capture(tilltest.TheAmount)
		require.NoError(t, err)
		assert.Equal(t, order.Captured, result.Order.Status)
	})
	t.Run("a cancel under way only inquires", func(t *testing.T) {
		x := tilltest.NewTill(t, memory.New())
		x.Place(order.CaptureAutomatic)
		x.Bank.Next(tilltest.SaysU)
		_, err := x.Cancel()
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		x.Paid()
		x.Exhaust(time.Hour)
		assert.Equal(t, 1, x.Bank.Wired(), "the cancel is not sent again")
		assert.Equal(t, order.Authorized, x.Get().Status)
		ledger(apo.StateSuccess)(x)
		x.Exhaust(24 * time.Hour)
		o := x.Get()
		assert.Equal(t, order.Captured, o.Status)
		assert.False(t, o.Operation.Outstanding(), "the cancel ended failed")
		require.NoError(t, x.Lawful())
	})
}

func TestLaw_ADefiniteFEndsNothingWhileAnotherAttemptIsUnknown(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)
	x.Bank.Next(tilltest.LostAfter, tilltest.SaysF("RISK_REJECT")) // done, and its answer lost; the gateway then says no
	x.Bank.Forgets = true
	_, err := x.Refund(tilltest.ThePart)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.Settle(time.Second)
	o := x.Exhaust(time.Hour)
	assert.Equal(t, order.Refunded, o.Status, "the inquiry decided, not the F")
	assert.Equal(t, tilltest.ThePart, o.Refunded)
	assert.Len(t, x.Bank.Accounts[0].Refunds, 1)
	require.NoError(t, x.Honest())
}

// What APO works on is inquired about after 10 minutes, then 1 h, 6 h and daily, whatever it is.
func TestLaw_TheScheduleOfWhatAPOWorksOn(t *testing.T) {
	for name, begin := range map[string]func(*tilltest.Till){
		"a refund": func(x *tilltest.Till) { beginRefund(tilltest.Plain)(x) },
		"a capture": func(x *tilltest.Till) {
			beginCapture(tilltest.Fault{Undone: true, Status: "U", Code: "CAPTURE_IN_PROCESS"})(x)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := tilltest.NewTill(t, memory.New())
			x.Bank.Slow = true
			x.Place(order.CaptureManual)
			begin(x)
			x.Bank.Deaf = true
			for _, want := range []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
				o := x.Get()
				require.Equal(t, order.Accepted, tilltest.Op(o).Phase)
				assert.Equal(t, want, o.NextDue().Sub(x.Clock.Now()))
				x.Settle(want)
			}
		})
	}
}

func TestLaw_AnAcceptedRefundEndsAsAPOSaysLater(t *testing.T) {
	for _, well := range []bool{true, false} {
		x := tilltest.NewTill(t, memory.New())
		x.Bank.Slow = true
		x.Place(order.CaptureManual)
		beginRefund(tilltest.Plain)(x)
		x.Settle(10 * time.Minute)
		require.Equal(t, order.Accepted, tilltest.Op(x.Get()).Phase, "still in process")
		x.Bank.Finish(well)
		x.Settle(time.Hour)
		o := x.Get()
		want, refunded := order.OutcomeFailed, int64(0)
		if well {
			want, refunded = order.OutcomeSucceeded, tilltest.ThePart
		}
		assert.Equal(t, want, o.Command(tilltest.CommandID).Outcome)
		assert.Equal(t, refunded, o.Refunded)
		assert.Equal(t, []apo.Op{apo.OpCapture, apo.OpRefund, apo.OpInquireRefund, apo.OpInquireRefund}, ops(x.Bank.Seen()),
			"asked once, then inquired")
		require.NoError(t, x.Lawful())
	}
}
