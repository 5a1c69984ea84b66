package audit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

const settlementHeader = "type,transactionId,currency,amount,time\n"

func settlement(t *testing.T, rows ...string) *audit.Settlement {
	t.Helper()
	s, err := audit.ReadSettlement(strings.NewReader(settlementHeader+strings.Join(rows, "\n")+"\n"), nil)
	require.NoError(t, err)
	return s
}

// settledShop is three captured orders, and a fourth that is paid in one step and partly refunded. It returns the ids
// under which they are settled.
func settledShop(t *testing.T) (log *memory.Log, ids []string) {
	t.Helper()
	log = memory.New()
	fillWith(t, log, shopOf(t, 0, 3))
	w := newWriter(func(int) int { return 0 })
	w.log = log
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "ALIPAY_CN"})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.RefundSucceeded, PaymentID: "p-o-1",
		TransferID: "r-1", RequestID: "rr-1", Amount: usd(part), At: w.now})})
	for _, r := range records(log) {
		if e, is := r.Event.(events.CaptureSucceeded); is {
			ids = append(ids, e.CaptureID)
		}
	}
	require.Len(t, ids, 3)
	return log, append(ids, "p-o-1", "r-1")
}

func wholeSettlement(ids []string) []string {
	var rows []string
	for _, id := range ids[:3] {
		rows = append(rows, "CAPTURE,"+id+",USD,123.45,2026-11-23T23:59:59+08:00")
	}
	return append(rows, "PAYMENT,"+ids[3]+",USD,10.00,2026-11-23", "REFUND,"+ids[4]+",USD,-4.00,2026-11-23")
}

func TestVerify_ASettlementThatFits(t *testing.T) {
	log, ids := settledShop(t)
	r := verify(t, log, &audit.VerifyConfig{Settlement: settlement(t, wholeSettlement(ids)...)})
	assert.Empty(t, r.Findings)
	assert.Equal(t, &audit.Settled{Rows: 5, Matched: 5, From: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Until: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}, r.Settled)
	assert.Equal(t, audit.Sums{Authorized: 3*12345 + amount, Captured: 3*12345 + amount, Refunded: part},
		r.Totals[0].Sums)

	byRequest := wholeSettlement(ids)
	byRequest[4] = strings.Replace(byRequest[4], "r-1", "rr-1", 1)
	r = verify(t, log, &audit.VerifyConfig{Settlement: settlement(t, byRequest...)})
	assert.Empty(t, r.Findings, "a refund is known by its request, too")
}

// What only one of the two has, or each otherwise, is found, and the log is said to be sound.
func TestVerify_ASettlementIsHeldBothWays(t *testing.T) {
	log, ids := settledShop(t)
	rows := wholeSettlement(ids)
	for name, tt := range map[string]struct {
		rows    []string
		problem audit.Problem
		detail  string
	}{
		"a capture left out": {rows[1:], audit.NotSettled, fmt.Sprintf("capture %q of USD 123.45", ids[0])},
		"a refund left out":  {rows[:4], audit.NotSettled, `refund "r-1" of USD 4.00`},
		"a payment too many": {append([]string{"PAYMENT,nobodys,USD,1.00,2026-11-23"}, rows...), audit.NotOnRecord,
			`line 2 of the settlement: payment "nobodys" of USD 1.00`},
		"a payment taken for a capture": {append([]string{"CAPTURE,p-o-1,USD,10.00,2026-11-23"}, rows...), audit.NotOnRecord,
			`line 2 of the settlement: capture "p-o-1" of USD 10.00`},
		"another amount": {append(rows[:4:4], "REFUND,r-1,USD,4.01,2026-11-23"), audit.SettledOtherwise,
			`line 6 of the settlement: refund "r-1" of USD 4.01; on record are USD 4.00`},
		"another currency": {append(rows[:4:4], "REFUND,r-1,EUR,4.00,2026-11-23"), audit.SettledOtherwise,
			`line 6 of the settlement: refund "r-1" of EUR 4.00; on record are USD 4.00`},
	} {
		r := verify(t, log, &audit.VerifyConfig{Settlement: settlement(t, tt.rows...)})
		require.Len(t, r.Findings, 1, name)
		assert.Equal(t, tt.problem, r.Findings[0].Problem, name)
		assert.Equal(t, tt.detail, r.Findings[0].Detail, name)
		assert.Equal(t, audit.StateWrong, r.Level(audit.LevelMoney).State, name)
		assert.Equal(t, audit.Open, r.Outcome(), name)
		assert.Contains(t, r.Verdict(), "the money does not close", name)
	}
	other := settlement(t, rows[0])
	other.From, other.Until = other.From.AddDate(0, 0, 1), other.Until.AddDate(0, 0, 1)
	r := verify(t, log, &audit.VerifyConfig{Settlement: other})
	assert.Empty(t, r.Findings, "of that day the log has nothing")
}

// A refund that succeeded and, by APO's newest word, failed did not move.
func TestVerify_WhatWasTakenBackIsNotSettled(t *testing.T) {
	log, ids := settledShop(t)
	w := newWriter(func(int) int { return 0 })
	w.log, w.serial, w.now = log, 1000, w.now.Add(time.Hour)
	failed := order.Fact{Kind: order.RefundFailed, PaymentID: "p-o-1", TransferID: "r-1", RequestID: "rr-1",
		Amount: usd(part), At: w.now}
	w.give("o-1", order.Observe{Fact: notified(failed)}) // against its earlier word, so it is asked
	w.tells = func(order.Call) order.Picture {
		told := failed
		told.Code = "PROCESS_FAIL"
		return order.Picture{Outcome: events.InquiryAnswers, State: order.StateSuccess, Code: "SUCCESS",
			Evidence: says(apo.OpInquirePayment, "S", "SUCCESS", fields{"paymentId": "p-o-1", "paymentStatus": "SUCCESS"}),
			Facts:    []order.Fact{told}}
	}
	w.now = w.now.Add(time.Hour)
	w.give("o-1", order.Claim{})
	require.Contains(t, kinds(records(log)), events.KindRefundFailed)
	rows := wholeSettlement(ids)
	r := verify(t, log, &audit.VerifyConfig{Settlement: settlement(t, rows[:4]...)})
	for _, f := range r.Findings {
		assert.NotEqual(t, audit.LevelMoney, f.Level, f.Detail)
	}
	assert.Zero(t, r.Totals[0].Refunded)
	r = verify(t, log, &audit.VerifyConfig{Settlement: settlement(t, rows...)})
	assert.Equal(t, []string{`line 6 of the settlement: refund "r-1" of USD 4.00`}, details(r, audit.NotOnRecord))
}

// details are those of a report's findings of one kind.
func details(r *audit.Report, of audit.Problem) (all []string) {
	for _, f := range r.Findings {
		if f.Problem == of {
			all = append(all, f.Detail)
		}
	}
	return all
}

func TestReadSettlement_EveryRowCountsOrIsAnError(t *testing.T) {
	const good = "CAPTURE,c-1,USD,1.00,2026-11-23"
	for row, want := range map[string]string{
		good + "\n" + good:                           `line 3, column "transactionId": "c-1" stands in line 2 already`,
		"FEE,f-1,USD,1.00,2026-11-23":                `line 2, column "type": "FEE" is no type that is known`,
		"CAPTURE,,USD,1.00,2026-11-23":               `line 2, column "transactionId": an id has 1 to 64 bytes`,
		"CAPTURE,c-1,USD,1,2026-11-23":               `line 2, column "amount": is no amount`,
		"CAPTURE,c-1,USD,-1.00,2026-11-23":           `line 2, column "amount": is no amount`,
		"CAPTURE,c-1,USD,+1.00,2026-11-23":           `line 2, column "amount": is no amount`,
		"REFUND,c-1,USD,--1.00,2026-11-23":           `line 2, column "amount": is no amount`,
		"CAPTURE,c-1,usd,1.00,2026-11-23":            `line 2, column "amount": is no amount`,
		"CAPTURE,c-1,USD,1.00,23.11.2026":            `line 2, column "time": is neither`,
		"CAPTURE,c-1,USD,1.00":                       "line 2: wrong number of fields",
		good + "\n\"CAPTURE,c-2,USD,1.00,2026-11-23": `line 3: extraneous or missing " in quoted-field`,
	} {
		_, err := audit.ReadSettlement(strings.NewReader(settlementHeader+row+"\n"), nil)
		var bad *audit.SettlementError
		require.ErrorAs(t, err, &bad, row)
		assert.ErrorContains(t, err, want)
	}
	for text, want := range map[string]string{
		"": "the file is empty", "type,transactionId,currency,amount\n": `column "time": is not there`,
		"type,type,transactionId,currency,amount,time\n": `column "type": is not there, or there twice`,
	} {
		_, err := audit.ReadSettlement(strings.NewReader(text), nil)
		assert.ErrorContains(t, err, want)
	}
	_, err := audit.ReadSettlement(iotest.ErrReader(errors.New("the disk is gone")), nil)
	assert.ErrorContains(t, err, "the disk is gone")
	minor := &audit.SettlementColumns{Minor: true}
	for _, bad := range []string{"CAPTURE,c-1,USD,1.00,2026-11-23", "CAPTURE,c-1,USD,0100,2026-11-23",
		"CAPTURE,c-1,XXZ,100,2026-11-23"} {
		_, err := audit.ReadSettlement(strings.NewReader(settlementHeader+bad+"\n"), minor)
		assert.ErrorContains(t, err, `line 2, column "amount"`)
	}
}
