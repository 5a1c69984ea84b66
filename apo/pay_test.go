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

const payInProcess = `"paymentId":"P1","paymentRequestId":"R1","paymentAmount":{"currency":"JPY","value":"1000"},
	"paymentCreateTime":"2026-01-01T08:00:00+08:00","normalUrl":"https://pay.example/p1","schemeUrl":"app://p1",
	"applinkUrl":"https://app.example/p1","appIdentifier":"x"`

func payRequest() PayRequest {
	return PayRequest{PaymentRequestID: "R1", Amount: jpy(1000), Method: "CARD"}
}

func TestPaySendsWhatTheRequestSays(t *testing.T) {
	at := time.Date(2026, 1, 1, 9, 0, 0, 5, time.FixedZone("", 9*3600))
	for name, row := range map[string]struct {
		give PayRequest
		want string
	}{
		"the least": {payRequest(), `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"R1",` +
			`"paymentAmount":{"currency":"JPY","value":"1000"},"paymentMethod":{"paymentMethodType":"CARD"}}`},
		"all of it": {PayRequest{PaymentRequestID: "R1", Amount: jpy(1000), Method: "CARD", MethodID: "tok",
			Capture: CaptureManual, OrderID: "o-1", Description: "茶 & <b>", NotifyURL: "https://shop.example/n?a=1&b=2",
			RedirectURL: "https://shop.example/back", PayBy: at, ProductCode: "X", MerchantAccountID: "M1",
			More: map[string]any{"userRegion": "JP", "env": map[string]any{"terminalType": "WEB"}}},
			`{"productCode":"X","paymentRequestId":"R1",` +
				`"order":{"referenceOrderId":"o-1","orderDescription":"茶 & <b>","orderAmount":{"currency":"JPY","value":"1000"}},` +
				`"paymentAmount":{"currency":"JPY","value":"1000"},` +
				`"paymentMethod":{"paymentMethodType":"CARD","paymentMethodId":"tok"},` +
				`"paymentFactor":{"isAuthorization":true,"captureMode":"MANUAL"},"paymentExpiryTime":"2026-01-01T00:00:00Z",` +
				`"paymentRedirectUrl":"https://shop.example/back","paymentNotifyUrl":"https://shop.example/n?a=1&b=2",` +
				`"merchantAccountId":"M1",` +
				`"env":{"terminalType":"WEB"},"userRegion":"JP"}`},
		"the caller's own bytes": {
			PayRequest{Body: json.RawMessage("{ \"paymentRequestId\" : " +
				"\"R1\",\n\"paymentAmount\":{\"value\":1000,\"currency\":\"JPY\"} }")},
			"{ \"paymentRequestId\" : \"R1\",\n\"paymentAmount\":{\"value\":1000,\"currency\":\"JPY\"} }"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, answering(with("U", "PAYMENT_IN_PROCESS", payInProcess)))
			for range 2 { // a retry is byte-equal
				answer := clientOf(t, g.URL, nil).Pay(t.Context(), row.give)
				require.NoError(t, answer.Err)
			}
			assert.Equal(t, []string{row.want, row.want}, g.bodies)
			assert.Equal(t, "/ams/api/v1/payments/pay", g.calls[0].URL.Path)
		})
	}
}

func TestPayTellsWhereTheBuyerGoesAndWhatIsProven(t *testing.T) {
	g := newGateway(t, answering(with("U", "PAYMENT_IN_PROCESS", payInProcess)))
	begun := clientOf(t, g.URL, nil).Pay(t.Context(), payRequest())
	require.NoError(t, begun.Err)
	assert.Equal(t, Accepted, begun.Class)
	assert.Equal(t, PayAnswer{Answer: begun.Answer, PaymentID: "P1", PaymentRequestID: "R1", Amount: jpy(1000),
		CreateTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NormalURL: "https://pay.example/p1", SchemeURL: "app://p1",
		AppLinkURL: "https://app.example/p1"}, begun)
	require.Len(t, begun.Facts, 1)
	assert.Equal(t, PaymentPending, begun.Facts[0].Kind())
	assert.Equal(t, "R1", begun.Facts[0].PaymentRequestID())

	g = newGateway(t, answering(with("S", "SUCCESS", payInProcess+`,"paymentTime":"2026-01-01T08:01:00+08:00"`)))
	paid := clientOf(t, g.URL, nil).Pay(t.Context(), payRequest())
	assert.Equal(t, Succeeded, paid.Class)
	require.Len(t, paid.Facts, 1)
	assert.Equal(t, PaymentSucceeded, paid.Facts[0].Kind())
	assert.Equal(t, jpy(1000), paid.Facts[0].Amount())

	g = newGateway(t, answering(with("F", "USER_BALANCE_NOT_ENOUGH", payInProcess)))
	declined := clientOf(t, g.URL, nil).Pay(t.Context(), payRequest())
	assert.Equal(t, Failed, declined.Class)
	require.Len(t, declined.Facts, 1)
	assert.Equal(t, PaymentFailed, declined.Facts[0].Kind())

	g = newGateway(t, answering(with("U", "PAYMENT_IN_PROCESS", `"paymentId":"P1","paymentRequestId":"R1",
		"normalUrl":"a\u0000b",
		"schemeUrl":"`+strings.Repeat("x", linkMax+1)+`"`)))
	clumsy := clientOf(t, g.URL, nil).Pay(t.Context(), payRequest())
	require.NoError(t, clumsy.Err, "a link nobody can follow makes no answer unknown")
	assert.Empty(t, clumsy.NormalURL+clumsy.SchemeURL)
}

func TestPayBelievesNoAnswerAboutAnotherPayment(t *testing.T) {
	for name, members := range map[string]string{
		"another request": `"paymentRequestId":"R2"`,
		"another amount":  `"paymentRequestId":"R1","paymentAmount":{"currency":"JPY","value":"999"}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, answering(with("S", "SUCCESS", members)))
			for _, give := range []PayRequest{payRequest(),
				{Body: json.RawMessage(`{"paymentRequestId":"R1","paymentAmount":{"currency":"JPY","value":"1000"}}`)}} {
				answer := clientOf(t, g.URL, nil).Pay(t.Context(), give)
				assert.Equal(t, Unknown, answer.Class)
				assert.Empty(t, answer.Facts)
				assert.ErrorIs(t, answer.Err, ErrContradiction)
			}
		})
	}
}

func TestAPayRequestThatCannotBeMeantIsNotSent(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", payInProcess)))
	c := clientOf(t, g.URL, nil)
	own := json.RawMessage(`{"paymentRequestId":"R1","paymentAmount":{"currency":"JPY","value":"1000"}}`)
	for name, row := range map[string]struct {
		change func(*PayRequest)
		says   string
	}{
		"no id": {func(r *PayRequest) { r.PaymentRequestID = "" }, "paymentRequestId is empty"},
		"an id too long": {func(r *PayRequest) { r.PaymentRequestID = strings.Repeat("x", IDMax+1) },
			"paymentRequestId has 65 bytes"},
		"an account too long": {func(r *PayRequest) { r.MerchantAccountID = strings.Repeat("x", IDMax+1) },
			"merchantAccountId has 65 bytes"},
		"no amount":            {func(r *PayRequest) { r.Amount = Amount{} }, "paymentAmount has currency"},
		"an amount of nothing": {func(r *PayRequest) { r.Amount.Minor = 0 }, "paymentAmount is JPY 0, and"},
		"no method":            {func(r *PayRequest) { r.Method = "" }, "paymentMethodType is empty"},
		"an unknown mode":      {func(r *PayRequest) { r.Capture = "LATER" }, `captureMode "LATER"`},
		"a description too long": {func(r *PayRequest) { r.Description = strings.Repeat("é", descriptionMax+1) },
			"orderDescription is not UTF-8 of up to 256 characters"},
		"a notify URL with a user":  {func(r *PayRequest) { r.NotifyURL = "https://a:b@shop.example/" }, "paymentNotifyUrl"},
		"a redirect without a host": {func(r *PayRequest) { r.RedirectURL = "/back" }, "paymentRedirectUrl"},
		"a member given twice": {func(r *PayRequest) { r.More = map[string]any{"paymentMethod": 1} },
			`member "paymentMethod" of More`},
		"a member that is no JSON": {func(r *PayRequest) { r.More = map[string]any{"x": func() {}} }, "cannot be encoded"},
		"more than APO takes": {func(r *PayRequest) { r.More = map[string]any{"x": strings.Repeat("x", requestMax)} },
			"above 49152"},
		"a body and a field": {func(r *PayRequest) { r.Body = own }, "has Body and other fields"},
		"a body that is no object": {func(r *PayRequest) { *r = PayRequest{Body: json.RawMessage(`[]`)} },
			"is not one JSON object"},
		"a body with an id of 1 KiB": {func(r *PayRequest) { *r = PayRequest{Body: longID()} }, "paymentRequestId"},
		"a body without an amount": {func(r *PayRequest) {
			*r = PayRequest{Body: json.RawMessage(`{"paymentRequestId":"R1"}`)}
		},
			"lacks paymentRequestId or paymentAmount"},
	} {
		t.Run(name, func(t *testing.T) {
			r := payRequest()
			row.change(&r)
			answer := c.Pay(t.Context(), r)
			assert.Equal(t, NotSent, answer.Class)
			assert.ErrorIs(t, answer.Err, ErrInvalidRequest)
			assert.ErrorContains(t, answer.Err, row.says)
			assert.ErrorContains(t, answer.Err, "nothing was sent")
		})
	}
	assert.Zero(t, g.count())
}

func longID() json.RawMessage {
	return json.RawMessage(`{"paymentRequestId":"` + strings.Repeat("x", 1<<10) +
		`","paymentAmount":{"currency":"JPY","value":"1"}}`)
}

func TestCreatePaymentSession(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", `"paymentSessionId":"S1","paymentSessionData":"data==",
		"paymentSessionExpiryTime":"2026-01-01T08:00:00+08:00","normalUrl":"https://pay.example/s1"`)))
	session := clientOf(t, g.URL, nil).CreatePaymentSession(t.Context(),
		PayRequest{PaymentRequestID: "R1", Amount: jpy(1000)})
	require.NoError(t, session.Err)
	assert.Equal(t, PaymentSession{Answer: session.Answer, ID: "S1", Data: "data==", URL: "https://pay.example/s1",
		Expires: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, session)
	assert.Equal(t, Succeeded, session.Class)
	assert.Empty(t, session.Facts, "a session is no payment yet")
	assert.Equal(t, "/ams/api/v1/payments/createPaymentSession", g.calls[0].URL.Path)
	assert.JSONEq(t, `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"R1",
		"paymentAmount":{"currency":"JPY","value":"1000"}}`,
		g.bodies[0])
}

func TestWhatIsNotProvenNamesTheInquiryThatTells(t *testing.T) {
	g := newGateway(t, answering(with("U", "UNKNOWN_EXCEPTION", "")))
	c := clientOf(t, g.URL, nil)
	assert.ErrorContains(t, c.Pay(t.Context(), payRequest()).Err,
		"ask again with the same ids, or inquire with Client.InquirePayment")
	refund := RefundRequest{RefundRequestID: "F1", PaymentID: "P1", Amount: jpy(1)}
	assert.ErrorContains(t, c.Refund(t.Context(), refund).Err, "or inquire with Client.InquireRefund")
	other := c.Call(t.Context(), "/ams/api/v1/disputes/acceptDispute", json.RawMessage(`{}`))
	require.Error(t, other.Err)
	assert.NotContains(t, other.Err.Error(), "Client.", "of another call this package knows no inquiry")

	g.Close()
	assert.ErrorContains(t, c.Pay(t.Context(), payRequest()).Err, "or inquire with Client.InquirePayment")
}

func TestCallSignsAndVerifiesAnyOtherCall(t *testing.T) {
	const path = "/ams/api/v1/disputes/acceptDispute"
	body := json.RawMessage(`{ "disputeId": "D1" }`)
	g := newGateway(t, answering(with("S", "SUCCESS", `"disputeId":"D1"`)))
	answer := clientOf(t, g.URL, nil).Call(t.Context(), path, body)
	require.NoError(t, answer.Err)
	assert.Equal(t, Succeeded, answer.Class)
	assert.Empty(t, answer.Facts)
	assert.JSONEq(t, with("S", "SUCCESS", `"disputeId":"D1"`), string(answer.Body))
	require.Equal(t, path, g.calls[0].URL.Path)
	assert.Equal(t, string(body), g.bodies[0])
	sent := Message{Method: http.MethodPost, Path: path, ClientID: testClientID, Time: testRequestTime, Body: body}
	value, err := sent.Sign(merchantKey())
	require.NoError(t, err)
	assert.Contains(t, g.calls[0].Header.Get(headerSignature), value)

	g = newGateway(t, answering(with("F", "NEVER_SEEN", "")))
	refused := clientOf(t, g.URL, nil).Call(t.Context(), path, body)
	assert.Equal(t, UnknownFailure, refused.Class)
	assert.ErrorIs(t, refused.Err, ErrUnknownCode)

	g = newGateway(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(with("S", "SUCCESS", ""))) })
	unsigned := clientOf(t, g.URL, nil).Call(t.Context(), path, body)
	assert.Equal(t, Unknown, unsigned.Class)
	assert.Nil(t, unsigned.Body)
	assert.ErrorIs(t, unsigned.Err, ErrUnsigned)
}

func TestASandboxClientCallsTheSandboxesPath(t *testing.T) {
	var got string
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { got = r.URL.Path })
	c, err := NewClient(g.URL, "SANDBOX_1", testKeys(), nil)
	require.NoError(t, err)
	c.Call(t.Context(), "/ams/api/v1/payments/pay", json.RawMessage(`{}`))
	assert.Equal(t, "/ams/sandbox/api/v1/payments/pay", got)
	c.Pay(t.Context(), payRequest())
	assert.Equal(t, "/ams/sandbox/api/v1/payments/pay", got)
}

// Another call's last word can be a payment's: what it answers is no fact of a payment.
func TestACallThatIsNamedLikeAPaymentsProvesNothingOfOne(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", `"paymentId":"P1","paymentRequestId":"R1"`)))
	c := clientOf(t, g.URL, nil)
	answer := c.Call(t.Context(), "/ams/api/v1/subscriptions/cancel", json.RawMessage(`{}`))
	assert.Equal(t, Succeeded, answer.Class)
	assert.Empty(t, answer.Facts)
	assert.Len(t, c.Call(t.Context(), "/ams/api/v1/payments/cancel", json.RawMessage(`{}`)).Facts, 1)
}

func TestACallThatCannotBeMeantIsNotSent(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", "")))
	c := clientOf(t, g.URL, nil)
	for _, path := range []string{"", "/", "pay", "/ams/api/", "/ams/api/v1/", "/ams/sandbox/api/v1/x",
		"https://x.example/ams/api/v1/x",
		"/ams/api/v1/../x", "/ams/api/v1//x", "/ams/api/v1/x?y=1", "/ams/api/v1/x#y", "/ams/api/v1/ä",
		"/ams/api/v1/payments/notifyRefund"} {
		answer := c.Call(t.Context(), path, json.RawMessage(`{}`))
		assert.Equal(t, NotSent, answer.Class, path)
		assert.ErrorIs(t, answer.Err, ErrInvalidRequest, path)
	}
	for _, body := range []string{"", "[]", "{", `{"a":1,"a":2}`, `"x"`} {
		answer := c.Call(t.Context(), "/ams/api/v1/x", json.RawMessage(body))
		assert.Equal(t, NotSent, answer.Class, body)
	}
	assert.Zero(t, g.count())
}
