package apo

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const notifyPath = "/payNotify"

func verifierOf(t *testing.T, cfg *VerifierConfig) *Verifier {
	t.Helper()
	v, err := NewVerifier(testClientID, Keys{Public: testKeys().Public}, cfg)
	require.NoError(t, err)
	return v
}

// notified is a notification as APO sends it.
func notified(body string) (http.Header, []byte) {
	header := http.Header{}
	signed(header, notifyPath, headerRequestTime, testRequestTime, body)
	return header, []byte(body)
}

func TestNotificationsOfTheOfficialSDKAreFacts(t *testing.T) {
	all := readVectors(t)
	key, err := ParsePublicKey([]byte(all.GatewayPublicKeyPKIXBase64))
	require.NoError(t, err)
	v, err := NewVerifier(testClientID, Keys{Public: map[string]*rsa.PublicKey{"1": key}}, nil)
	require.NoError(t, err)
	var lines []string
	for _, w := range all.WebhookVectors {
		header := http.Header{}
		header.Set("client-id", w.ClientID)
		header.Set("request-time", w.RequestTime)
		header.Set("signature", w.SignatureHeader)
		fact, err := v.VerifyNotification(w.Method, w.Path, header, []byte(w.Body))
		require.NoError(t, err, w.Name)
		require.NoError(t, fact.Evidence().Verify(key))
		lines = append(lines, fact.String()+" at "+fact.Time().Format(time.RFC3339))
		_, err = v.VerifyNotification(w.Method, w.Path+"x", header, []byte(w.Body))
		require.ErrorIs(t, err, ErrSignature)
	}
	assert.Equal(t, []string{
		"payment succeeded USD 80.00, payment P1, payment request pay_1 at 2020-01-01T03:31:01Z",
		"capture succeeded BRL 500.00, payment P1, transfer C1, request cap-1 at 2022-11-10T08:34:52Z",
	}, lines)
}

// Most of what a notification costs beside its signature is the decoding of its body.
func TestANotificationIsDecodedOnce(t *testing.T) {
	v := verifierOf(t, nil)
	header, body := notified(`{"notifyType":"PAYMENT_RESULT","paymentId":"P1",` +
		`"result":{"resultStatus":"S","resultCode":"SUCCESS"},"more":[` + strings.Repeat("1,", 10_000) + `1]}`)
	once := allocated(func() {
		_, err := parseObject(body)
		require.NoError(t, err)
	})
	whole := allocated(func() {
		_, err := v.VerifyNotification(http.MethodPost, notifyPath, header, body)
		require.NoError(t, err)
	})
	require.Greater(t, once, uint64(10*len(body)), "what is decoded is far larger than the body")
	assert.Less(t, whole, once+once/2)
}

// allocated is how many bytes f takes from memory.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestNotificationsByTypeAndResult(t *testing.T) {
	const (
		payment = `"paymentId":"P1","paymentRequestId":"R1"`
		capture = `"captureRequestId":"C1","paymentId":"P1","captureId":"K1"`
		refund  = `"refundRequestId":"F1","refundId":"K2"`
		raise   = `,"updateRequestId":"U1","authExpiryTime":"2026-01-08T00:00:00Z"`
	)
	for name, row := range map[string]struct {
		kind, status, members string
		want                  Kind // 0: no fact
		code                  string
	}{
		"payment S":                     {"PAYMENT_RESULT", "S", payment, PaymentSucceeded, ""},
		"payment F":                     {"PAYMENT_RESULT", "F", payment, PaymentFailed, "ANY_CODE"},
		"payment U":                     {"PAYMENT_RESULT", "U", payment, 0, ""},
		"payment pending S":             {"PAYMENT_PENDING", "S", payment, PaymentPending, ""},
		"payment pending F":             {"PAYMENT_PENDING", "F", payment, 0, ""},
		"raise S":                       {"UPDATE_AMOUNT_RESULT", "S", payment + raise, PaymentRaised, ""},
		"raise F":                       {"UPDATE_AMOUNT_RESULT", "F", payment + raise, RaiseFailed, "ANY_CODE"},
		"raise U":                       {"UPDATE_AMOUNT_RESULT", "U", payment + raise, 0, ""},
		"raise of nobody":               {"UPDATE_AMOUNT_RESULT", "S", `"paymentTime":"2026-01-01T00:00:00Z"`, 0, ""},
		"payment of nobody":             {"PAYMENT_RESULT", "S", `"paymentTime":"2026-01-01T00:00:00Z"`, 0, ""},
		"capture S":                     {"CAPTURE_RESULT", "S", capture, CaptureSucceeded, ""},
		"capture F":                     {"CAPTURE_RESULT", "F", capture, CaptureFailed, "ANY_CODE"},
		"capture U":                     {"CAPTURE_RESULT", "U", capture, 0, ""},
		"refund S":                      {"REFUND_RESULT", "S", refund + `,"refundStatus":"SUCCESS"`, RefundSucceeded, ""},
		"refund F":                      {"REFUND_RESULT", "F", refund + `,"refundStatus":"FAIL"`, RefundFailed, "ANY_CODE"},
		"refund S, but status FAIL":     {"REFUND_RESULT", "S", refund + `,"refundStatus":"FAIL"`, RefundFailed, ""},
		"refund F, but status SUCCESS":  {"REFUND_RESULT", "F", refund + `,"refundStatus":"SUCCESS"`, 0, ""},
		"refund S without refundStatus": {"REFUND_RESULT", "S", refund, RefundSucceeded, ""},
		"refund F without refundStatus": {"REFUND_RESULT", "F", refund, RefundFailed, "ANY_CODE"},
		"refund S, status not heard of": {"REFUND_RESULT", "S", refund + `,"refundStatus":"MAYBE"`, 0, ""},
		"refund U":                      {"REFUND_RESULT", "U", refund + `,"refundStatus":"SUCCESS"`, 0, ""},
		"refund S, but CANCELLED":       {"REFUND_RESULT", "S", refund + `,"refundStatus":"CANCELLED"`, RefundFailed, ""},
		"refund F, CANCELLED": {"REFUND_RESULT", "F", refund + `,"refundStatus":"CANCELLED"`, RefundFailed,
			"ANY_CODE"},
		"refund U, CANCELLED":          {"REFUND_RESULT", "U", refund + `,"refundStatus":"CANCELLED"`, 0, ""},
		"refund S, PROCESSING":         {"REFUND_RESULT", "S", refund + `,"refundStatus":"PROCESSING"`, RefundPending, ""},
		"refund S, PENDING":            {"REFUND_RESULT", "S", refund + `,"refundStatus":"PENDING"`, RefundPending, ""},
		"refund F, but in process yet": {"REFUND_RESULT", "F", refund + `,"refundStatus":"PROCESSING"`, 0, ""},
		"refund with a payment's code too": {"REFUND_RESULT", "S", refund +
			`,"paymentStatus":"FAIL","refundStatus":"SUCCESS"`, RefundSucceeded, ""},
	} {
		t.Run(name, func(t *testing.T) {
			header, body := notified(with(row.status, "ANY_CODE", `"notifyType":"`+row.kind+`",`+row.members))
			fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
			require.NoError(t, err)
			if row.want == 0 { // its evidence is kept with the order that it names
				assert.Equal(t, NotUnderstood, fact.Kind())
				assert.Equal(t, row.kind, fact.Code())
				require.ErrorIs(t, fact.Err(), ErrNoFact)
			} else {
				assert.Equal(t, row.want, fact.Kind())
				assert.Equal(t, row.code, fact.Code())
				require.NoError(t, fact.Err())
			}
			assert.Equal(t, body, fact.Evidence().Body)
			body[0] = 'X'
			assert.NoError(t, fact.Evidence().Verify(&gatewayKey().PublicKey), "the body was copied")
		})
	}
}

// The log's judge reads a kept message as the one who verified it did, or a log with such a fact could not be replayed.
func TestARefundThatWasCancelledIsReadTheSameFromItsEvidence(t *testing.T) {
	header, body := notified(with("S", "SUCCESS", `"notifyType":"REFUND_RESULT","refundStatus":"CANCELLED",
		"refundRequestId":"F1","refundId":"K2"`))
	fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
	require.NoError(t, err)
	require.NoError(t, fact.Evidence().Verify(&gatewayKey().PublicKey))
	read, err := fact.Evidence().Read()
	require.NoError(t, err)
	assert.Equal(t, []Told{{Kind: RefundFailed, TransferID: "K2", RequestID: "F1"}}, read.Facts)
	assert.Equal(t, StateCancelled, read.State)
}

func TestARefundsNotificationHasNoPaymentID(t *testing.T) {
	header, body := notified(with("S", "SUCCESS", `"notifyType":"REFUND_RESULT","refundStatus":"SUCCESS",
		"refundRequestId":"F1",
		"refundId":"K2","refundAmount":{"currency":"JPY","value":"400"},"refundTime":"2026-01-02T09:00:00+09:00"`))
	fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
	require.NoError(t, err)
	assert.Empty(t, fact.PaymentID())
	assert.Equal(t, "F1", fact.RequestID())
	assert.Equal(t, "K2", fact.TransferID())
	assert.Equal(t, jpy(400), fact.Amount())
	assert.Equal(t, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), fact.Time())
	assert.Equal(t, OpNotifyRefund, fact.Op())
}

func TestUnverifiedNotificationsAllLookTheSame(t *testing.T) {
	good := with("S", "SUCCESS", `"notifyType":"PAYMENT_RESULT","paymentId":"P1"`)
	texts := map[string]bool{}
	for name, spoil := range map[string]func(http.Header){
		"no signature":    func(h http.Header) { h.Del(headerSignature) },
		"no client":       func(h http.Header) { h.Del(headerClientID) },
		"no time":         func(h http.Header) { h.Del(headerRequestTime) },
		"other client":    func(h http.Header) { h.Set(headerClientID, "somebody") },
		"other time":      func(h http.Header) { h.Set(headerRequestTime, "1685599933872") },
		"endless time":    func(h http.Header) { h.Set(headerRequestTime, strings.Repeat("1", timeTextMax+1)) },
		"other key":       func(h http.Header) { h.Set(headerSignature, Signature{KeyVersion: "7", Value: "AAAA"}.Header()) },
		"garbage":         func(h http.Header) { h.Set(headerSignature, "let me in") },
		"endless garbage": func(h http.Header) { h.Set(headerSignature, strings.Repeat("x", signatureTextMax+1)) },
		"wrong signature": func(h http.Header) { h.Set(headerSignature, Signature{Value: "AAAA"}.Header()) },
	} {
		header, body := notified(good)
		spoil(header)
		fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
		require.ErrorIs(t, err, ErrSignature, name)
		assert.True(t, fact.IsZero(), name)
		texts[err.Error()] = true
	}
	header, body := notified(good)
	_, err := verifierOf(t, nil).VerifyNotification("PUT", notifyPath, header, body)
	require.ErrorIs(t, err, ErrSignature, "the method is signed too")
	texts[err.Error()] = true
	assert.Len(t, texts, 1, "a stranger learns nothing from the wording")
	for text := range texts {
		assert.NotContains(t, text, testClientID)
	}

	header, body = notified(strings.Repeat(" ", BodyMax+1))
	_, err = verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
	require.ErrorIs(t, err, ErrTooLarge)
}

// What a header gives away is told before the body is read, in the same words; what only the key can tell is not.
func TestHeadersAloneTurnNoiseAway(t *testing.T) {
	good := with("S", "SUCCESS", `"notifyType":"PAYMENT_RESULT","paymentId":"P1"`)
	fair := func(http.Header) {}
	for name, row := range map[string]struct {
		path  string
		spoil func(http.Header)
		ok    bool
	}{
		"genuine": {notifyPath, fair, true},
		"well-formed forgery": {notifyPath,
			func(h http.Header) { h.Set(headerSignature, Signature{Value: "AAAA"}.Header()) }, true},
		"no signature":    {notifyPath, func(h http.Header) { h.Del(headerSignature) }, false},
		"signature twice": {notifyPath, func(h http.Header) { h.Add(headerSignature, h.Get(headerSignature)) }, false},
		"other client":    {notifyPath, func(h http.Header) { h.Set(headerClientID, "somebody") }, false},
		"no time":         {notifyPath, func(h http.Header) { h.Del(headerRequestTime) }, false},
		"a key version not known": {notifyPath,
			func(h http.Header) { h.Set(headerSignature, Signature{KeyVersion: "7", Value: "AAAA"}.Header()) }, false},
		"endless path": {"/" + strings.Repeat("x", pathMax), fair, false},
	} {
		header, body := notified(good)
		row.spoil(header)
		err := verifierOf(t, nil).CheckNotificationHeader(http.MethodPost, row.path, header)
		if row.ok {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, ErrSignature, name)
		_, late := verifierOf(t, nil).VerifyNotification(http.MethodPost, row.path, header, body)
		assert.Equal(t, late.Error(), err.Error(), name)
	}
	header, _ := notified(good)
	require.NoError(t, verifierOf(t, &VerifierConfig{SignedPath: notifyPath}).
		CheckNotificationHeader(http.MethodPost, "/"+strings.Repeat("x", pathMax), header),
		"the path received is not the one signed")
}

func TestVerifiedNotificationsThatCannotBeUsed(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		kind string
		err  error
	}{
		"unknown type": {with("S", "SUCCESS", `"notifyType":"CARD_STATUS"`), "CARD_STATUS", ErrUnknownNotification},
		"no type":      {with("S", "SUCCESS", ""), "", ErrUnknownNotification},
		"type of its own": {with("S", "SUCCESS", `"subscriptionNotificationType":"CREATE"`), "CREATE",
			ErrUnknownNotification},
		"type a list": {with("S", "SUCCESS", `"notifyType":["PAYMENT_RESULT"]`), "", ErrMalformed},
		"no result":   {`{"notifyType":"PAYMENT_RESULT"}`, "PAYMENT_RESULT", ErrMalformed},
		"bad amount": {with("S", "SUCCESS",
			`"notifyType":"PAYMENT_RESULT","paymentAmount":{"value":"1e9","currency":"JPY"}`), "PAYMENT_RESULT", ErrMalformed},
	} {
		for _, named := range []bool{false, true} {
			text := row.body
			if named {
				text = strings.Replace(text, "{", `{"paymentId":"P1","paymentRequestId":[],"captureRequestId":"c-1",`, 1)
			}
			header, body := notified(text)
			fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
			require.NoError(t, err, name)
			require.ErrorIs(t, fact.Err(), row.err, name)
			assert.Equal(t, []any{NotUnderstood, row.kind}, []any{fact.Kind(), fact.Code()}, name)
			assert.Equal(t, body, fact.Evidence().Body, name)
			assert.Empty(t, fact.PaymentRequestID(), "%s: what is no id is left out", name)
			assert.Equal(t, named, fact.PaymentID() == "P1" && fact.RequestID() == "c-1", name)
			read, _ := fact.Evidence().Read() // as the judge of a log does
			assert.Equal(t, []any{row.kind, fact.PaymentID(), fact.RequestID()},
				[]any{read.Type, read.PaymentID, read.RequestID}, name)
			assert.True(t, read.Op.IsNotification(), name)
		}
	}
	for name, text := range map[string]string{"not JSON": `hello`,
		"key twice": `{"notifyType":"PAYMENT_RESULT","notifyType":"REFUND_RESULT"}`} {
		header, body := notified(text)
		fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
		require.ErrorIs(t, err, ErrMalformed, name)
		assert.True(t, fact.IsZero(), name)
	}
}

func TestTheSignedPathMayDifferFromTheOneReceived(t *testing.T) {
	header, body := notified(with("S", "SUCCESS", `"notifyType":"PAYMENT_RESULT","paymentId":"P1"`))
	fact, err := verifierOf(t, &VerifierConfig{SignedPath: notifyPath}).VerifyNotification(http.MethodPost,
		"/behind/the/proxy", header, body)
	require.NoError(t, err)
	assert.Equal(t, notifyPath, fact.Evidence().Path)
}

func TestTheAcknowledgementIsJSONAndSaysSuccess(t *testing.T) {
	var ack struct{ Result map[string]string }
	require.NoError(t, json.Unmarshal([]byte(Acknowledgement), &ack))
	assert.Equal(t, map[string]string{"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success"},
		ack.Result)
}

func TestAFactPrintsOneLineWithoutItsEvidence(t *testing.T) {
	header, body := notified(with("F", "CARD_DECLINED",
		`"notifyType":"PAYMENT_RESULT","paymentId":"P1","buyer":"Mrs. Smith"`))
	fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "payment failed, payment P1, code CARD_DECLINED", fmt.Sprintf(verb, fact))
	}
}
