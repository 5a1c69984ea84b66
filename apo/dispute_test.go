package apo

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heard is what a notification with that body proves.
func heard(t *testing.T, text string) Verified {
	t.Helper()
	header, body := notified(text)
	fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
	require.NoError(t, err)
	return fact
}

// disputed is the notification of a dispute, as APO documents it: without notifyType and without a result.
func disputed(kind, members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"disputeNotificationType":"` + kind + `","disputeId":"D1","paymentId":"P1","paymentRequestId":"pay-1",` +
		`"disputeAmount":{"currency":"JPY","value":"700"}` + members + `}`
}

func day(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }

func TestNotificationsOfDisputes(t *testing.T) {
	const judged = `"disputeJudgedTime":"2026-03-09T08:00:00+08:00",` +
		`"disputeJudgedAmount":{"currency":"JPY","value":"600"},"disputeReasonCode":"4853","disputeJudgedResult":`
	lost := Dispute{Lost: jpy(600)}
	ended := func(o DisputeOutcome) Dispute { d := lost; d.Outcome = o; return d }
	for name, row := range map[string]struct {
		text string
		kind Kind
		at   time.Time
		code string
		want Dispute
	}{
		"created": {disputed("DISPUTE_CREATED", `"disputeTime":"2026-03-01T00:00:00Z",`+
			`"defenseDueTime":"2026-03-08T00:00:00Z","disputeReasonCode":"4853",`+
			`"disputeReasonMsg":"not as described","disputeType":"CHARGEBACK","defendable":true`),
			DisputeOpened, day(1), "4853", Dispute{DefendBy: day(8), Type: "CHARGEBACK", Reason: "not as described"}},
		"created, not to be defended": {disputed("DISPUTE_CREATED", `"defendable":"false"`), DisputeOpened, time.Time{}, "",
			Dispute{Undefendable: true}},
		"due": {disputed("DEFENSE_DUE_ALERT", `"disputeTime":"2026-03-01T00:00:00Z","defenseDueTime":"2026-03-08T00:00:00Z"`),
			DisputeDue, time.Time{}, "", Dispute{DefendBy: day(8)}},
		"supplied": {disputed("DEFENSE_SUPPLIED", ""), DisputeDefended, time.Time{}, "", Dispute{}},
		"won": {disputed("DISPUTE_JUDGED", judged+`"ACCEPT_BY_CUSTOMER"`), DisputeClosed, day(9), "4853",
			ended(DisputeBuyerLiable)},
		"lost": {disputed("DISPUTE_JUDGED", judged+`"ACCEPT_BY_MERCHANT"`), DisputeClosed, day(9), "4853",
			ended(DisputeMerchantLiable)},
		"validated": {disputed("DISPUTE_JUDGED", judged+`"VALIDATE_SUCCESS"`), DisputeClosed, day(9), "4853",
			ended(DisputeValidated)},
		"not validated": {disputed("DISPUTE_JUDGED", judged+`"VALIDATE_FAIL"`), DisputeClosed, day(9), "4853",
			ended(DisputeInvalidated)},
		"accepted": {disputed("DISPUTE_ACCEPTED", `"disputeAcceptTime":"2026-03-07T00:00:00Z",`+
			`"disputeAcceptReason":"MERCHANT_ACCEPTED"`), DisputeClosed, day(7), "", Dispute{Outcome: DisputeAccepted}},
		"accepted by hand": {disputed("DISPUTE_ACCEPTED", `"disputeAcceptReason":"MANUAL_PROCESSING_ACCEPTED"`),
			DisputeClosed, time.Time{}, "", Dispute{Outcome: DisputeAccepted}},
		"not defended in time": {disputed("DISPUTE_ACCEPTED", `"disputeAcceptReason":"TIMEOUT"`), DisputeClosed,
			time.Time{}, "", Dispute{Outcome: DisputeTimedOut}},
		"withdrawn": {disputed("DISPUTE_CANCELLED", ""), DisputeClosed, time.Time{}, "",
			Dispute{Outcome: DisputeWithdrawn}},
		"rapid": {disputed("RDR_RESOLVED", ""), DisputeClosed, time.Time{}, "", Dispute{Outcome: DisputeRapid}},
		"with a result and a type of the future": {disputed("DISPUTE_CANCELLED",
			`"notifyType":"DISPUTE","result":{"resultStatus":"S","resultCode":"SUCCESS"}`), DisputeClosed, time.Time{}, "",
			Dispute{Outcome: DisputeWithdrawn}},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, json.Valid([]byte(row.text)))
			fact := heard(t, row.text)
			require.NoError(t, fact.Err())
			assert.Equal(t, []any{row.kind, OpNotifyDispute, "D1", "", "P1", "pay-1", jpy(700), row.at, row.code},
				[]any{fact.Kind(), fact.Op(), fact.TransferID(), fact.RequestID(), fact.PaymentID(), fact.PaymentRequestID(),
					fact.Amount(), fact.Time(), fact.Code()})
			assert.Equal(t, row.want, fact.Dispute())
			read, err := fact.Evidence().Read()
			require.NoError(t, err)
			assert.Equal(t, []Told{fact.told()}, read.Facts, "the judge of a log reads the message alike")
		})
	}
}

// An end that nobody knows must not pass for one that is known.
func TestNotificationsOfDisputesThatNobodyUnderstands(t *testing.T) {
	for name, text := range map[string]string{
		"another word":        disputed("DISPUTE_ESCALATED", ""),
		"judged otherwise":    disputed("DISPUTE_JUDGED", `"disputeJudgedResult":"SPLIT"`),
		"judged, no result":   disputed("DISPUTE_JUDGED", ""),
		"no dispute":          strings.Replace(disputed("DISPUTE_CREATED", ""), `"disputeId":"D1",`, "", 1),
		"an amount of 1e3":    strings.Replace(disputed("DISPUTE_CREATED", ""), `"700"`, `"1e3"`, 1),
		"a result that fails": disputed("DISPUTE_CREATED", `"result":{"resultStatus":"F","resultCode":"X"}`),
	} {
		fact := heard(t, text)
		assert.Equal(t, []any{NotUnderstood, OpNotifyDispute, "P1", "pay-1"},
			[]any{fact.Kind(), fact.Op(), fact.PaymentID(), fact.PaymentRequestID()}, name)
		require.Error(t, fact.Err(), name)
		assert.Equal(t, Dispute{}, fact.Dispute(), name)
	}
}
