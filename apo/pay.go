package apo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// DefaultProductCode is the productCode of a payment at a checkout.
	DefaultProductCode = "CASHIER_PAYMENT"

	descriptionMax = 256      // characters of an order's description
	redirectURLMax = 2048     // characters
	methodIDMax    = 2048     // characters
	linkMax        = 8 << 10  // bytes of a link in an answer
	requestMax     = 48 << 10 // bytes of a request's body
)

// CaptureMode says who captures an authorized payment, in APO's words.
type CaptureMode string

// The capture modes. A request that names one asks for an authorization (isAuthorization), which not every method has;
// where it names none, a card is authorized and captured by APO itself, and other methods are paid in one step.
const (
	CaptureAutomatic CaptureMode = "AUTOMATIC"
	CaptureManual    CaptureMode = "MANUAL"
)

// PayRequest asks APO to collect a payment: for [Client.Pay], and for [Client.CreatePaymentSession] where the buyer
// chooses how to pay at APO. The same PaymentRequestID with the same content is the same payment, however often it is
// sent; with other content APO refuses it.
//
// The fields are those that most checkouts use. What else APO's documentation has goes into More, or the whole request
// into Body.
type PayRequest struct {
	PaymentRequestID string // the merchant's id of the payment: that of the order on record
	Amount           Amount
	Method           string      // paymentMethodType as APO spells it: "CARD", "ALIPAY_CN" …
	MethodID         string      // optional: paymentMethodId, for instance a card's token
	Capture          CaptureMode // optional: to authorize first; a card always is
	OrderID          string      // optional: referenceOrderId, what the buyer knows the order by
	Description      string      // optional: up to 256 characters, for the buyer
	NotifyURL        string      // optional: where APO notifies; http or https, up to 1024 characters
	RedirectURL      string      // optional: where the buyer comes back to; up to 2048 characters
	PayBy            time.Time   // optional: when the payment's time runs out; APO counts in seconds
	ProductCode      string      // default [DefaultProductCode]
	// MerchantAccountID is optional: the merchant account that the payment is made for. Create the order with it too.
	MerchantAccountID string
	// More are further members of the request by their names in APO's documentation, such as "env" or
	// "settlementStrategy"; values are encoded as JSON, with names in order, so that a retry is byte-equal.
	More map[string]any
	// Body is the caller's own JSON, sent as it is. No other field may be set then; paymentRequestId and paymentAmount
	// are read from it.
	Body json.RawMessage
}

// PayAnswer is the answer to a pay call. Mostly the payment has only begun (Class Accepted): send the buyer to the
// first of the links that fits; the last word is the notification's or [Client.InquirePayment]'s. Facts are ready for
// Observe either way. What has no field here, such as the form of a code to show, stands in Evidence.Body.
type PayAnswer struct {
	Answer
	PaymentID, PaymentRequestID string
	Amount                      Amount
	CreateTime                  time.Time // UTC
	Time                        time.Time // paymentTime, UTC; zero before it is paid
	AuthExpiry                  time.Time // UTC; where it is authorized already
	NormalURL                   string    // a web page of APO's; empty where there is none, as the next two
	SchemeURL                   string    // opens the method's app
	AppLinkURL                  string    // opens the method's app, or a page where there is no app
}

// PaymentSession is the answer to CreatePaymentSession. It proves nothing of the payment: the buyer has yet to choose
// how to pay.
type PaymentSession struct {
	Answer
	ID      string    // paymentSessionId
	Data    string    // paymentSessionData, for APO's client-side SDK
	URL     string    // normalUrl: the hosted page, where the product has one
	Expires time.Time // paymentSessionExpiryTime, UTC
}

// RawAnswer is the answer to [Client.Call]. Body is the signed message, nil where none came.
type RawAnswer struct {
	Answer
	Body json.RawMessage
}

// Pay asks APO to collect a payment. Put the order on record first: a notification of an order that is not on record
// has nowhere to go. Where the outcome is not known, send the same request again, or inquire; cancel by
// paymentRequestId if the buyer shall not pay any more.
//
// The answer's Facts go to Observe. Cost: one signature and one exchange.
func (c *Client) Pay(ctx context.Context, r PayRequest) PayAnswer {
	answer, d := c.collect(ctx, OpPay, r)
	links := &reader{from: d.body}
	return PayAnswer{
		Answer: answer, PaymentID: d.details.PaymentID, PaymentRequestID: d.details.PaymentRequestID,
		Amount: d.details.Amount, CreateTime: d.createTime(), Time: d.details.Time,
		AuthExpiry: d.details.AuthExpiry,
		NormalURL:  links.link("normalUrl"), SchemeURL: links.link("schemeUrl"), AppLinkURL: links.link("applinkUrl"),
	}
}

// CreatePaymentSession prepares a payment whose method the buyer chooses at APO: with a hosted page, or with APO's
// client-side SDK. Method may be empty. Otherwise as [Client.Pay].
func (c *Client) CreatePaymentSession(ctx context.Context, r PayRequest) PaymentSession {
	answer, d := c.collect(ctx, OpCreatePaymentSession, r)
	more := &reader{from: d.body}
	return PaymentSession{
		Answer: answer, ID: more.text("paymentSessionId"), Data: more.text("paymentSessionData"),
		URL: more.link("normalUrl"), Expires: more.time("paymentSessionExpiryTime"),
	}
}

// Call makes any other call of APO's: the path as APO's documentation has it ("/ams/api/v1/…", without host), the body
// one JSON object. It is signed, sent and its answer verified as every call; a sandbox client id speaks to the
// sandbox's path. An F with a code that this package does not know for that call is UnknownFailure.
func (c *Client) Call(ctx context.Context, path string, body json.RawMessage) RawAnswer {
	op := Op(strings.TrimPrefix(path, productionRoot)) // no operation of a payment, wherever else its name stands
	if name, is := strings.CutPrefix(path, productionBase); is {
		op = Op(name)
	}
	full, err := c.pathOf(path)
	switch {
	case err != nil:
	case op.IsNotification(): // its answer would read as one
		err = fmt.Errorf("path %q is a notification's, which only APO sends", path)
	default:
		_, err = checkBody(body)
	}
	r := request{op: op, path: full, payload: body}
	if err != nil {
		r.refusal = refusalError(op, err.Error())
	}
	answer, d := c.call(ctx, r)
	if d.body == nil {
		return RawAnswer{Answer: answer}
	}
	return RawAnswer{Answer: answer, Body: bytes.Clone(answer.Evidence.Body)}
}

const (
	productionRoot = "/ams/api/"
	sandboxRoot    = "/ams/sandbox/api/"
)

// pathOf is the path that a documented one has for this client.
func (c *Client) pathOf(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, productionRoot)
	if !ok || rest == "" || strings.HasSuffix(rest, "/") {
		return "", fmt.Errorf("path %q does not read like \"%sv1/payments/pay\"", clip(path, excerptMax), productionRoot)
	}
	for _, part := range strings.Split(rest, "/") {
		if part == "" || part == "." || part == ".." || url.PathEscape(part) != part {
			return "", fmt.Errorf("path %q is not of plain names between slashes", clip(path, excerptMax))
		}
	}
	if c.base == sandboxBase {
		return sandboxRoot + rest, nil
	}
	return path, nil
}

func checkBody(body json.RawMessage) (object, error) {
	if len(body) > requestMax {
		return nil, fmt.Errorf("body has %d bytes, above %d", len(body), requestMax)
	}
	whole, err := parseObject(body)
	if err != nil {
		return nil, fmt.Errorf("body %w", err)
	}
	return whole, nil
}

// collect makes one of the two calls that begin a payment.
func (c *Client) collect(ctx context.Context, op Op, r PayRequest) (Answer, content) {
	body, asked, err := r.encode(op)
	sent := request{op: op, payload: body, asked: asked}
	if err != nil {
		sent.refusal = refusalError(op, err.Error())
	}
	return c.call(ctx, sent)
}

type (
	wirePay struct {
		ProductCode      string      `json:"productCode"`
		PaymentRequestID string      `json:"paymentRequestId"`
		Order            *wireOrder  `json:"order,omitempty"`
		Amount           wireAmount  `json:"paymentAmount"`
		Method           *wireMethod `json:"paymentMethod,omitempty"`
		Factor           *wireFactor `json:"paymentFactor,omitempty"`
		ExpiryTime       string      `json:"paymentExpiryTime,omitempty"`
		RedirectURL      string      `json:"paymentRedirectUrl,omitempty"`
		NotifyURL        string      `json:"paymentNotifyUrl,omitempty"`
		MerchantAccount  string      `json:"merchantAccountId,omitempty"`
	}
	wireOrder struct {
		ID          string     `json:"referenceOrderId,omitempty"`
		Description string     `json:"orderDescription,omitempty"`
		Amount      wireAmount `json:"orderAmount"`
	}
	wireMethod struct {
		Type string `json:"paymentMethodType"`
		ID   string `json:"paymentMethodId,omitempty"`
	}
	wireFactor struct {
		Authorization bool        `json:"isAuthorization"`
		Capture       CaptureMode `json:"captureMode"`
	}
)

// encode makes the body, and says what an answer to it may not contradict.
func (r PayRequest) encode(op Op) (json.RawMessage, expectation, error) {
	if r.Body != nil {
		return r.given()
	}
	if err := r.check(op); err != nil {
		return nil, expectation{}, err
	}
	w := wirePay{ProductCode: r.ProductCode, PaymentRequestID: r.PaymentRequestID, Amount: wireOf(r.Amount),
		RedirectURL: r.RedirectURL, NotifyURL: r.NotifyURL, MerchantAccount: r.MerchantAccountID}
	if w.ProductCode == "" {
		w.ProductCode = DefaultProductCode
	}
	if r.OrderID != "" || r.Description != "" {
		w.Order = &wireOrder{ID: r.OrderID, Description: r.Description, Amount: w.Amount}
	}
	if r.Method != "" {
		w.Method = &wireMethod{Type: r.Method, ID: r.MethodID}
	}
	if r.Capture != "" {
		w.Factor = &wireFactor{Authorization: true, Capture: r.Capture}
	}
	if !r.PayBy.IsZero() {
		w.ExpiryTime = r.PayBy.UTC().Format(time.RFC3339)
	}
	body, err := encode(w)
	if err == nil {
		body, err = r.join(body)
	}
	if err == nil {
		_, err = checkBody(body)
	}
	return body, expectation{paymentRequestID: r.PaymentRequestID, amount: r.Amount}, err
}

// join adds the further members to a body that has some.
func (r PayRequest) join(body []byte) ([]byte, error) {
	if len(r.More) == 0 {
		return body, nil
	}
	made, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	for name := range r.More {
		if made.has(name) {
			return nil, fmt.Errorf("member %q of More has a field of its own, which is set too", name)
		}
	}
	more, err := encode(r.More)
	if err != nil {
		return nil, fmt.Errorf("members in More cannot be encoded as JSON")
	}
	return append(append(body[:len(body)-1], ','), more[1:]...), nil
}

// given is the caller's own body.
func (r PayRequest) given() (json.RawMessage, expectation, error) {
	bare := r
	bare.Body = nil
	if !reflect.ValueOf(bare).IsZero() {
		return nil, expectation{}, fmt.Errorf("has Body and other fields; the body is sent as it is, so say it all there")
	}
	whole, err := checkBody(r.Body)
	if err != nil {
		return nil, expectation{}, err
	}
	from := &reader{from: whole}
	asked := expectation{paymentRequestID: from.id("paymentRequestId"), amount: from.amount("paymentAmount")}
	switch {
	case from.err != nil:
		return nil, expectation{}, from.err
	case asked.paymentRequestID == "" || unsaid(asked.amount):
		return nil, expectation{}, fmt.Errorf("body lacks paymentRequestId or paymentAmount")
	}
	return r.Body, asked, nil
}

// check refuses what APO would, where that is known beforehand.
func (r PayRequest) check(op Op) error {
	for _, item := range withAccount(r.MerchantAccountID, idField{"paymentRequestId", r.PaymentRequestID}) {
		if err := checkID(item.id); err != nil {
			return fmt.Errorf("%s %w", item.name, err)
		}
	}
	if err := checkAmount(r.Amount); err != nil {
		return fmt.Errorf("paymentAmount %w", err)
	}
	if r.Method == "" && (op == OpPay || r.MethodID != "") {
		return fmt.Errorf("paymentMethodType is empty")
	}
	switch r.Capture {
	case "", CaptureAutomatic, CaptureManual:
	default:
		return fmt.Errorf("captureMode %q is neither %s nor %s", clip(string(r.Capture), codeMax), CaptureAutomatic,
			CaptureManual)
	}
	for _, text := range []struct {
		name, value string
		most        int
	}{
		{"paymentMethodType", r.Method, IDMax}, {"paymentMethodId", r.MethodID, methodIDMax},
		{"referenceOrderId", r.OrderID, IDMax}, {"orderDescription", r.Description, descriptionMax},
		{"productCode", r.ProductCode, IDMax},
	} {
		if !utf8.ValidString(text.value) || utf8.RuneCountInString(text.value) > text.most {
			return fmt.Errorf("%s is not UTF-8 of up to %d characters", text.name, text.most)
		}
	}
	if err := checkURL("paymentNotifyUrl", r.NotifyURL, notifyURLMax); err != nil {
		return err
	}
	return checkURL("paymentRedirectUrl", r.RedirectURL, redirectURLMax)
}

// checkURL refuses what is neither empty nor an http URL.
func checkURL(name, text string, most int) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" ||
		utf8.RuneCountInString(text) > most || !utf8.ValidString(text) {
		return fmt.Errorf("%s is not an http URL of up to %d characters, without user", name, most)
	}
	return nil
}

// link reads a link for the buyer. One that no browser could follow reads as none: it must not make a signed answer
// unknown.
func (r *reader) link(name string) string {
	text := r.text(name)
	if len(text) > linkMax || hasControl(text) {
		return ""
	}
	return text
}
