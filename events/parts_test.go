package events

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// partNames says which part a field of a fact is. Fields that none has in common with another are in ownNames: a field
// that is added to a fact has to be put into one of the two.
var partNames = map[string]string{
	"PaymentRequestID": "PaymentRequestID", "By.PaymentRequestID": "PaymentRequestID",
	"PaymentID": "PaymentID", "By.PaymentID": "PaymentID",
	"CaptureID": "TransferID", "RefundID": "TransferID", "DisputeID": "TransferID", "TransferID": "TransferID",
	"CaptureRequestID": "RequestID", "RefundRequestID": "RequestID", "RequestID": "RequestID",
	"TransactionID": "TransferID", "UpdateRequestID": "RequestID",
	"Amount": "Amount", "At": "At", "Code": "Code", "Message": "Message", "Problem": "Problem",
	"Attempt": "Attempt", "Number": "Inquiry", "Proof": "Proof", "Evidence": "Proof.Evidence",
}

var ownNames = strings.Fields(`Method Acquirer CaptureMode PayBy Due Expires GatewayCapture Reason Compensates Lease
	Cause Last Definite Inquire Subject Outcome State AskAgain WatchDue Listed Resolution Statement Override Fact Detail
	Anomaly Command Remedy Count MerchantAccountID Record Intent DefendBy Undefendable Type Lost Trace`)

// fieldsOf are a fact's fields by name, those of what is embedded in it too.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		switch f := v.Type().Field(i); {
		case f.Anonymous:
			for name, inner := range fieldsOf(v.Field(i)) {
				out[name] = inner
			}
		case f.Type == reflect.TypeFor[Identifier]():
			out["By.PaymentID"], out["By.PaymentRequestID"] = v.Field(i).Field(0), v.Field(i).Field(1)
		default:
			out[f.Name] = v.Field(i)
		}
	}
	return out
}

func TestPartsOf_HasEveryFieldOfEveryFact(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(string(k), func(t *testing.T) {
			e := fact(t, k, newPlausible())
			parts := reflect.ValueOf(PartsOf(e))
			given := map[string]bool{"Transfer": true, "Stage": true}
			for name, value := range fieldsOf(reflect.ValueOf(e)) {
				part, common := partNames[name]
				if !common {
					require.Contains(t, ownNames, name, "a field that is neither a part nor a fact's own")
					continue
				}
				if part == "Proof.Evidence" {
					assert.Equal(t, value.Interface(), PartsOf(e).Proof.Evidence, name)
					part = "Proof"
				} else {
					assert.Equal(t, value.Interface(), parts.FieldByName(part).Interface(), name)
				}
				given[part] = true
				if part == "Proof" { // it says itself what it answers
					given["Attempt"], given["Inquiry"] = true, true
				}
			}
			for i := range parts.NumField() {
				name := parts.Type().Field(i).Name
				first := name == "Attempt" && strings.HasSuffix(string(k), ".requested.v1") // an intent is attempt 1
				if !given[name] && !first {
					assert.Zero(t, parts.Field(i).Interface(), "%s comes from nowhere", name)
				}
			}
		})
	}
}

// The transfer and the stage are in the kind's name, typed here a second time.
func TestPartsOf_SaysWhatTheKindIsAbout(t *testing.T) {
	transfers := map[string]Transfer{"payment": TransferPayment, "cancel": TransferCancel, "capture": TransferCapture,
		"refund": TransferRefund, "raise": TransferRaise, "dispute": TransferDispute}
	stages := map[string]Stage{"requested": StageAsked, "pending": StageAccepted, "accepted": StageAccepted,
		"unresolved": StageUnresolved,
		"authorized": StageSucceeded, "paid": StageSucceeded, "succeeded": StageSucceeded, "held": StageHeld,
		"failed": StageFailed, "opened": StageOpened, "due": StageOpened, "defended": StageDefended, "closed": StageClosed,
		"dated": StageSucceeded}
	for _, k := range Kinds() {
		words := strings.Split(string(k), ".")
		if k == KindPaymentRaised { // it is the payment's, and a transfer beside it
			words = []string{"raise", "succeeded"}
		}
		p := PartsOf(blank(t, k))
		assert.Equal(t, transfers[words[0]], p.Transfer, "%s", k)
		if p.Transfer == TransferNone {
			assert.Equal(t, StageNone, p.Stage, "%s", k)
		} else {
			assert.Equal(t, stages[words[1]], p.Stage, "%s", k)
			assert.NotEqual(t, StageNone, p.Stage, "%s", k)
		}
	}
	assert.Equal(t, Parts{}, PartsOf(nil))
}

func TestPartsOf_WhatAProofAnswers(t *testing.T) {
	proof := Proof{Via: ViaAnswer, Attempt: 7}
	assert.EqualValues(t, 7, PartsOf(CaptureSucceeded{Proof: proof}).Attempt)
	assert.EqualValues(t, 7, PartsOf(CancelUnresolved{Unresolved{Attempt: 7}}).Attempt)
	assert.EqualValues(t, 3, PartsOf(CaptureFailed{Proof: Proof{Via: ViaInquiry, Inquiry: 3}}).Inquiry)
	assert.Equal(t, Proof{Via: ViaInquiry, Inquiry: 4}, PartsOf(InquiryAnswered{Number: 4}).Proof)
	for _, e := range []Event{CancelRequested{}, CaptureRequested{}, RefundRequested{}} {
		assert.EqualValues(t, 1, PartsOf(e).Attempt, "the intent is attempt 1")
	}
}

func TestPartsOf_AllocatesNothing(t *testing.T) {
	for _, k := range Kinds() {
		e, sum := fact(t, k, newPlausible()), time.Time{}
		assert.Zero(t, testing.AllocsPerRun(10, func() { sum = PartsOf(e).At }), "%s", k)
		_ = sum
	}
}
