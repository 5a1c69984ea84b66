package apo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	allStates = []State{StateSuccess, StateFail, StateProcessing, StateCancelled, StatePending}
	allTypes  = []TransactionType{
		TransactionPayment, TransactionRefund, TransactionCapture, TransactionCancel,
		TransactionAuthorization, TransactionVoid, TransactionIncremental,
	}
)

func line(kind TransactionType, state State, id string, minor int64, at string) string {
	return fmt.Sprintf(`{"transactionType":%q,"transactionStatus":%q,"transactionId":%q,"transactionRequestId":"q-%s",
		"transactionAmount":{"currency":"JPY","value":"%d"},"transactionTime":%q}`, kind, state, id, id, minor, at)
}

// picture proves an inquiry's answer and lists the facts as "kind transfer-id".
func picture(t require.TestingT, state State, lines ...string) (facts []Verified, short []string) {
	c, err := readContent(OpInquirePayment, []byte(with("S", "SUCCESS", fmt.Sprintf(
		`"paymentId":"P1","paymentRequestId":"R1","paymentStatus":%q,"paymentResultCode":"WHY",
		"paymentAmount":{"currency":"JPY","value":"1000"},"paymentTime":"2026-01-01T00:00:00Z","transactions":[%s]`,
		state, strings.Join(lines, ",")))))
	require.NoError(t, err)
	facts = prove(&c, &Evidence{Body: []byte("kept")})
	for _, fact := range facts {
		short = append(short, strings.TrimSpace(fact.Kind().String()+" "+fact.TransferID()))
	}
	return facts, short
}

func TestPaymentStatusIsAFact(t *testing.T) {
	for state, want := range map[State]Kind{
		StateSuccess: PaymentSucceeded, StateFail: PaymentFailed, StateProcessing: PaymentPending,
		StatePending: PaymentPending, StateCancelled: Cancelled,
	} {
		facts, _ := picture(t, state)
		require.Len(t, facts, 1, state)
		assert.Equal(t, want, facts[0].Kind(), state)
		assert.Equal(t, "P1", facts[0].PaymentID())
		assert.Equal(t, "R1", facts[0].PaymentRequestID())
		assert.Equal(t, jpy(1000), facts[0].Amount())
		assert.Equal(t, want == PaymentFailed, facts[0].Code() == "WHY", "the code explains a failure alone")
	}
}

func TestEveryTransactionTypeAndStateHasItsFact(t *testing.T) {
	const none = Kind(0)
	want := map[TransactionType][]Kind{ // in the order of allStates
		TransactionPayment:       {PaymentSucceeded, none, none, none, none},
		TransactionAuthorization: {PaymentSucceeded, none, none, none, none},
		TransactionCapture:       {CaptureSucceeded, CaptureFailed, CapturePending, CaptureFailed, CapturePending},
		TransactionRefund:        {RefundSucceeded, RefundFailed, RefundPending, RefundFailed, RefundPending},
		TransactionCancel:        {Cancelled, none, none, none, none},
		TransactionVoid:          {Cancelled, none, none, none, none},
		TransactionIncremental:   {PaymentRaised, RaiseFailed, none, none, none},
	}
	for _, kind := range allTypes {
		for i, state := range allStates {
			facts, _ := picture(t, StateProcessing, line(kind, state, "T1", 999, "2026-01-02T00:00:00Z"))
			facts = slices.DeleteFunc(facts, func(v Verified) bool { return v.TransactionType() == "" })
			if want[kind][i] == none {
				assert.Empty(t, facts, "%s %s", kind, state)
				continue
			}
			require.Len(t, facts, 1, "%s %s", kind, state)
			fact := facts[0]
			assert.Equal(t, want[kind][i], fact.Kind(), "%s %s", kind, state)
			assert.Equal(t, "T1 q-T1 JPY 999 P1",
				fmt.Sprint(fact.TransferID(), " ", fact.RequestID(), " ", fact.Amount(), " ", fact.PaymentID()))
			assert.Equal(t, utc(t, "2026-01-02T00:00:00Z"), fact.Time())
			assert.Equal(t, state, fact.TransactionState())
			assert.Equal(t, []byte("kept"), fact.Evidence().Body)
		}
	}
	for row, want := range map[[2]string]string{{"CHARGEBACK", "SUCCESS"}: "other transaction T1",
		{"CHARGEBACK", "REVIEW"}: "other transaction T1", {"CAPTURE", "REVERSED"}: "capture unclear T1",
		{"REFUND", ""}: "refund unclear T1"} {
		facts, short := picture(t, StateSuccess, line(TransactionType(row[0]), State(row[1]), "T1", 5, ""))
		assert.Equal(t, []string{"payment succeeded", want}, short, "not known is not silent: %v", row)
		if want != "other transaction T1" {
			assert.Equal(t, row[1], facts[1].Code(), "and says in which state it is")
		}
	}
	for _, row := range [][2]string{{"CHARGEBACK", "FAIL"}, {"CHARGEBACK", "CANCELLED"}, {"AUTHORIZATION", "REVIEW"},
		{"PAYMENT", ""}, {"INCREMENTAL", "REVIEW"}} {
		_, short := picture(t, StateSuccess, line(TransactionType(row[0]), State(row[1]), "T1", 5, ""))
		assert.Equal(t, []string{"payment succeeded"}, short, "that moved no money: %v", row)
	}
}

func TestFactsComeAsPaymentCapturesRefunds(t *testing.T) {
	_, short := picture(t, StateSuccess,
		line(TransactionRefund, StateProcessing, "r2", 100, "2026-01-04T00:00:00Z"),
		line(TransactionIncremental, StateSuccess, "i1", 50, "2026-01-02T00:00:00Z"),
		line(TransactionRefund, StateSuccess, "r1", 100, "2026-01-03T00:00:00Z"),
		line(TransactionCapture, StateSuccess, "c1", 500, "2026-01-02T00:00:00Z"),
		line(TransactionAuthorization, StateSuccess, "a1", 1000, "2026-01-01T00:00:00Z"),
		line(TransactionCapture, StateFail, "c2", 500, "2026-01-02T00:00:00Z"))
	assert.Equal(t, []string{
		"payment succeeded", "payment raised i1", "capture succeeded c1", "capture failed c2", "refund pending r2",
		"refund succeeded r1",
	}, short, "and the authorization that paymentStatus sums up is not told twice")
}

// Whether money has moved or is only held is told by the line's type or by the end of the authorization.
func TestAnAuthorizationIsToldAsOne(t *testing.T) {
	authorized := func(lines ...string) (out []bool) {
		facts, _ := picture(t, StateSuccess, lines...)
		for _, f := range facts {
			out = append(out, f.Authorized())
		}
		return out
	}
	of := func(kind TransactionType, minor int64) string {
		return line(kind, StateSuccess, "t1", minor, "2026-01-01T00:00:00Z")
	}
	assert.Equal(t, []bool{false}, authorized(), "nothing says so")
	assert.Equal(t, []bool{true}, authorized(of(TransactionAuthorization, 1000)), "the line that the picture sums up")
	assert.Equal(t, []bool{true, true}, authorized(of(TransactionAuthorization, 999)),
		"a line of another amount is a fact of its own, and what APO lists as authorized has not moved")
	assert.Equal(t, []bool{false}, authorized(of(TransactionPayment, 1000)))
	assert.Equal(t, []bool{true, false}, authorized(of(TransactionAuthorization, 1000), of(TransactionCapture, 5)),
		"a capture is none")
	expires := Verified{kind: PaymentSucceeded, details: details{AuthExpiry: time.Unix(1, 0)}}
	assert.True(t, expires.Authorized())
	expires.kind = PaymentFailed
	assert.False(t, expires.Authorized())
}

func TestAPaymentLineThatDisagreesIsToldToo(t *testing.T) {
	_, short := picture(t, StateSuccess, line(TransactionPayment, StateSuccess, "p1", 999, "2026-01-01T00:00:00Z"))
	assert.Equal(t, []string{"payment succeeded", "payment succeeded p1"}, short, "another amount")
	_, short = picture(t, StateFail, line(TransactionPayment, StateSuccess, "p1", 1000, "2026-01-01T00:00:00Z"))
	assert.Equal(t, []string{"payment failed", "payment succeeded p1"}, short, "another outcome")
}

func TestACancelledPictureKeepsItsMoneyVisible(t *testing.T) {
	_, short := picture(t, StateCancelled,
		line(TransactionVoid, StateSuccess, "v1", 1000, "2026-01-02T00:00:00Z"),
		line(TransactionAuthorization, StateSuccess, "a1", 1000, "2026-01-01T00:00:00Z"))
	assert.Equal(t, []string{"payment succeeded a1", "cancelled v1", "cancelled"}, short)

	_, short = picture(t, StateCancelled,
		line(TransactionPayment, StateSuccess, "late", 1000, "2026-01-03T00:00:00Z"),
		line(TransactionCancel, StateSuccess, "x1", 1000, "2026-01-02T00:00:00Z"))
	assert.Equal(t, []string{"cancelled x1", "payment succeeded late", "cancelled"}, short,
		"a late payment comes after the cancel")
}

func TestFactsOfAnyPictureAreOrderedAndComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := rapid.SampledFrom(allStates).Draw(t, "state")
		var lines []string
		transfers := map[string]Kind{}
		for i := range rapid.IntRange(0, 8).Draw(t, "lines") {
			kind := rapid.SampledFrom(allTypes).Draw(t, "type")
			lineState := rapid.SampledFrom(allStates).Draw(t, "line state")
			id := fmt.Sprint("t", i)
			lines = append(lines, line(kind, lineState, id, 999, ""))
			if kind == TransactionCapture || kind == TransactionRefund {
				transfers[id], _ = lineKind(Transaction{Type: kind, State: lineState})
			}
		}
		facts, _ := picture(t, state, lines...)
		rank := func(v Verified) int {
			switch v.Kind() {
			case PaymentPending, PaymentSucceeded, PaymentFailed, PaymentRaised, RaiseFailed, Cancelled:
				return 0
			case CapturePending, CaptureSucceeded, CaptureFailed:
				return 1
			case RefundPending, RefundSucceeded, RefundFailed:
				return 2
			}
			return 3
		}
		require.True(t, slices.IsSortedFunc(facts, func(a, b Verified) int { return rank(a) - rank(b) }))
		for _, fact := range facts {
			if want, ok := transfers[fact.TransferID()]; ok {
				require.Equal(t, want, fact.Kind())
				delete(transfers, fact.TransferID())
			}
		}
		require.Empty(t, transfers, "every capture and refund is told once")
	})
}

func TestAnswersToCommandsProveWhatTheySay(t *testing.T) {
	const capture, refund = `"captureRequestId":"C1","paymentId":"P1"`, `"refundRequestId":"F1","paymentId":"P1"`
	for name, row := range map[string]struct {
		op   Op
		body string
		want Kind
		code string
	}{
		"cancel S":                 {OpCancel, with("S", "SUCCESS", `"paymentId":"P1"`), Cancelled, ""},
		"cancel F":                 {OpCancel, with("F", "PARAM_ILLEGAL", `"paymentId":"P1"`), 0, ""},
		"cancel S that names none": {OpCancel, with("S", "SUCCESS", ""), 0, ""},
		"capture S":                {OpCapture, with("S", "SUCCESS", capture), CaptureSucceeded, ""},
		"capture in process":       {OpCapture, with("U", "CAPTURE_IN_PROCESS", capture), CapturePending, ""},
		"capture F":                {OpCapture, with("F", "RISK_REJECT", capture), CaptureFailed, "RISK_REJECT"},
		"capture, wrong picture":   {OpCapture, with("F", "ORDER_STATUS_INVALID", capture), 0, ""},
		"capture, unheard of":      {OpCapture, with("F", "NEVER_SEEN", capture), 0, ""},
		"capture U":                {OpCapture, with("U", "UNKNOWN_EXCEPTION", capture), 0, ""},
		"refund S":                 {OpRefund, with("S", "SUCCESS", refund), RefundPending, ""},
		"refund in process":        {OpRefund, with("U", "REFUND_IN_PROCESS", refund), RefundPending, ""},
		"refund F": {OpRefund, with("F", "REFUND_WINDOW_EXCEED", refund), RefundFailed,
			"REFUND_WINDOW_EXCEED"},
		"refund inquiry S": {OpInquireRefund, with("S", "SUCCESS", refund+`,"refundStatus":"SUCCESS"`),
			RefundSucceeded, ""},
		"refund inquiry F": {OpInquireRefund, with("S", "SUCCESS", refund+`,"refundStatus":"FAIL"`), RefundFailed, ""},
		"refund not there": {OpInquireRefund, with("F", "REFUND_NOT_EXIST", refund), 0, ""},
		"payment not there": {OpInquirePayment,
			with("F", "ORDER_NOT_EXIST", `"paymentId":"P1","paymentStatus":"SUCCESS"`), 0, ""},
	} {
		c, err := readContent(row.op, []byte(row.body))
		require.NoError(t, err, name)
		facts := prove(&c, &Evidence{})
		if row.want == 0 {
			assert.Empty(t, facts, name)
			continue
		}
		require.Len(t, facts, 1, name)
		assert.Equal(t, row.want, facts[0].Kind(), name)
		assert.Equal(t, row.code, facts[0].Code(), name)
	}
}

func TestTheZeroFactProvesNothing(t *testing.T) {
	var zero Verified
	assert.True(t, zero.IsZero())
	assert.Equal(t, "nothing", zero.String())
	assert.Equal(t, Evidence{}, zero.Evidence())
	assert.Empty(t, zero.TransferID()+zero.RequestID()+zero.PaymentID()+zero.PaymentRequestID()+zero.Code())
	assert.True(t, unsaid(zero.Amount()))
	assert.True(t, zero.Time().IsZero())

	seen := map[string]bool{"nothing": true}
	for kind := PaymentPending; kind < kindEnd; kind++ {
		assert.False(t, seen[kind.String()], kind)
		seen[kind.String()] = true
	}
}

// That money has moved is said by a PAYMENT line alone, and only where nothing in the answer is of an authorization.
func TestAPaymentInOneStepIsToldAsOne(t *testing.T) {
	of := func(kind TransactionType, state State, minor int64) string {
		return line(kind, state, "t1", minor, "2026-01-01T00:00:00Z")
	}
	said := func(lines ...string) (out []bool) {
		facts, _ := picture(t, StateSuccess, lines...)
		for _, f := range facts {
			out = append(out, f.PaidInOneStep())
		}
		return out
	}
	pay := of(TransactionPayment, StateSuccess, 1000)
	assert.Equal(t, []bool{false}, said(), "nothing says so")
	assert.Equal(t, []bool{true}, said(pay), "the line that the picture sums up")
	assert.Equal(t, []bool{false, true}, said(of(TransactionPayment, StateSuccess, 999)), "a line of its own")
	assert.Equal(t, []bool{true, false}, said(pay, of(TransactionRefund, StateSuccess, 5)))
	assert.Equal(t, []bool{false}, said(of(TransactionPayment, StateFail, 1000)), "a try that failed")
	for _, held := range []TransactionType{TransactionCapture, TransactionVoid, TransactionIncremental} {
		assert.NotContains(t, said(pay, of(held, StateSuccess, 5)), true, held)
	}
	assert.NotContains(t, said(pay, of(TransactionAuthorization, StateSuccess, 1000)), true)
	c, err := readContent(OpInquirePayment, []byte(with("S", "SUCCESS", `"paymentId":"P1","paymentStatus":"SUCCESS",
		"paymentAmount":{"currency":"JPY","value":"1000"},"authExpiryTime":"2026-01-08T00:00:00Z","transactions":[`+pay+`]`)))
	require.NoError(t, err)
	for _, f := range prove(&c, &Evidence{}) {
		assert.Equal(t, []bool{false, true}, []bool{f.PaidInOneStep(), f.Authorized()}, "held is not paid")
	}
}

// The time beside CANCELLED is the payment's: when it was cancelled is told by a line, or not at all.
func TestACancelledPictureTellsNoTimeOfTheCancel(t *testing.T) {
	facts, short := picture(t, StateCancelled, line(TransactionCancel, StateSuccess, "x1", 1000, "2026-01-02T00:00:00Z"))
	require.Equal(t, []string{"cancelled x1", "cancelled"}, short)
	assert.Equal(t, []bool{false, true}, []bool{facts[0].Time().IsZero(), facts[1].Time().IsZero()})
	read, err := Evidence{Path: "/ams/api/v1/payments/inquiryPayment", Body: []byte(with("S", "SUCCESS",
		`"paymentId":"P1","paymentStatus":"CANCELLED","paymentTime":"2026-01-01T00:00:00Z"`))}.Read()
	require.NoError(t, err)
	assert.Equal(t, []Told{{Kind: Cancelled, PaymentID: "P1"}}, read.Facts, "and a judge reads the same")
}
