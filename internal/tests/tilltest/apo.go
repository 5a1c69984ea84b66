package tilltest

import (
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
)

const (
	TestClient   = "5X00000000000000"
	NotifyPath   = "/apo/notifications"
	TestCurrency = "USD"
)

// Dawn is when every test begins.
func Dawn() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// Office is the part of APO that signs: tests get their facts as a service does, by verifying a message.
type Office struct {
	Key      *rsa.PrivateKey
	Verifier *apo.Verifier

	mu     sync.Mutex
	Signed map[string]string         // body → signature; a test suite says the same things many times
	Facts  map[string][]apo.Verified // operation and body → what they prove
}

var TheOffice = sync.OnceValue(func() *Office {
	key := testkeys.Office()
	v, err := apo.NewVerifier(TestClient, apo.Keys{Public: map[string]*rsa.PublicKey{"1": &key.PublicKey}}, nil)
	if err != nil {
		panic(err)
	}
	return &Office{Key: key, Verifier: v, Signed: map[string]string{}, Facts: map[string][]apo.Verified{}}
})

const OfficeTime = "1795424400000"

// sign signs a body as said at path.
func (f *Office) sign(path, body string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := path + "\n" + body
	if s, ok := f.Signed[at]; ok {
		return s
	}
	m := apo.Message{Method: http.MethodPost, Path: path, ClientID: TestClient, Time: OfficeTime, Body: []byte(body)}
	s, err := m.Sign(f.Key)
	if err != nil {
		panic(err)
	}
	f.Signed[at] = s
	return s
}

func (f *Office) Header(path, timeName, body string) http.Header {
	h := http.Header{}
	h.Set("Client-Id", TestClient)
	h.Set(timeName, OfficeTime)
	h.Set("Signature", apo.Signature{KeyVersion: "1", Value: f.sign(path, body)}.Header())
	return h
}

// kept returns what was proven before, or proves it now.
func (f *Office) kept(name string, prove func() []apo.Verified) []apo.Verified {
	f.mu.Lock()
	known, ok := f.Facts[name]
	f.mu.Unlock()
	if ok {
		return known
	}
	known = prove()
	f.mu.Lock()
	f.Facts[name] = known
	f.mu.Unlock()
	return known
}

// notify is a notification with that content, verified.
func (f *Office) notify(content map[string]any) apo.Verified {
	body := Encode(content)
	return f.kept("notify"+body, func() []apo.Verified {
		v, err := f.Verifier.VerifyNotification(http.MethodPost, NotifyPath, f.Header(NotifyPath, "Request-Time", body),
			[]byte(body))
		if err != nil {
			panic(err.Error() + ": " + body)
		}
		return []apo.Verified{v}
	})[0]
}

// Answer is the signed answer to a call with that content: its facts and its evidence.
func (f *Office) Answer(op apo.Op, content map[string]any) ([]apo.Verified, *apo.Evidence) {
	body, path := Encode(content), "/ams/api/v1/payments/"+string(op)
	facts := f.kept(string(op)+body, func() []apo.Verified {
		facts, err := f.Verifier.VerifyAnswer(op, path, f.Header(path, "Response-Time", body), []byte(body))
		if err != nil {
			return nil // U, and what only says that our picture is wrong, proves nothing
		}
		return facts
	})
	return facts, &apo.Evidence{Method: http.MethodPost, Path: path, ClientID: TestClient, Time: OfficeTime,
		KeyVersion: "1", Signature: f.sign(path, body), Body: []byte(body)}
}

func Encode(content map[string]any) string {
	b, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func Result(status, code string) map[string]any {
	return map[string]any{"resultStatus": status, "resultCode": code, "resultMessage": "so it is"}
}

func Wire(minor int64) map[string]any {
	return map[string]any{"currency": TestCurrency, "value": strconv.FormatInt(minor, 10)}
}

func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// outcome is the result of a notification: S, or F with a code.
func outcome(code string) map[string]any {
	if code == "" {
		return Result("S", "SUCCESS")
	}
	return Result("F", code)
}

// Notice is what a notification is about; fields that are empty are left out.
type Notice struct {
	Payment, PaymentRequest string
	Transfer, Request       string
	Minor                   int64
	Currency                string // default [testCurrency]
	Code                    string // of a failure; empty: it succeeded
	At, Expires             time.Time
}

func (n Notice) Content(kind, transfer, request, amount, at string) map[string]any {
	c := map[string]any{"notifyType": kind, "result": outcome(n.Code)}
	put := func(name, value string) {
		if value != "" && name != "" {
			c[name] = value
		}
	}
	put("paymentId", n.Payment)
	put("paymentRequestId", n.PaymentRequest)
	put(transfer, n.Transfer)
	put(request, n.Request)
	if n.Minor != 0 {
		a := Wire(n.Minor)
		if n.Currency != "" {
			a["currency"] = n.Currency
		}
		c[amount] = a
	}
	if !n.At.IsZero() {
		put(at, Stamp(n.At))
	}
	if !n.Expires.IsZero() {
		put("authExpiryTime", Stamp(n.Expires))
	}
	return c
}

func PaymentNotice(n Notice) apo.Verified {
	return TheOffice().notify(n.Content("PAYMENT_RESULT", "", "", "paymentAmount", "paymentTime"))
}

func PendingNotice(n Notice) apo.Verified {
	return TheOffice().notify(n.Content("PAYMENT_PENDING", "", "", "paymentAmount", "paymentTime"))
}

// RaiseNotice is of an authorization that was raised to n.Minor in all; its time is the payment's.
func RaiseNotice(n Notice) apo.Verified {
	return TheOffice().notify(n.Content("UPDATE_AMOUNT_RESULT", "", "updateRequestId", "paymentAmount", "paymentTime"))
}

func CaptureNotice(n Notice) apo.Verified {
	return TheOffice().notify(n.Content("CAPTURE_RESULT", "captureId", "captureRequestId", "captureAmount", "captureTime"))
}

func RefundNotice(n Notice) apo.Verified {
	c := n.Content("REFUND_RESULT", "refundId", "refundRequestId", "refundAmount", "refundTime")
	c["refundStatus"] = "SUCCESS"
	if n.Code != "" {
		c["refundStatus"] = "FAIL"
	}
	return TheOffice().notify(c)
}

// DisputeNotice is APO's word on a dispute, as APO documents it: without a notifyType or a result. kind is its
// disputeNotificationType, and more has whatever else stands in it.
func DisputeNotice(kind string, n Notice, more map[string]any) apo.Verified {
	return TheOffice().notify(DisputeContent(kind, n, more))
}

// DisputeContent is the message of [DisputeNotice].
func DisputeContent(kind string, n Notice, more map[string]any) map[string]any {
	c := n.Content("", "disputeId", "", "disputeAmount", "disputeTime")
	delete(c, "notifyType")
	delete(c, "result")
	c["disputeNotificationType"] = kind
	maps.Copy(c, more)
	return c
}

// LostDispute is APO's word that a dispute took all that it was about.
func LostDispute(n Notice) apo.Verified {
	return DisputeNotice("DISPUTE_JUDGED", n, map[string]any{"disputeJudgedResult": "ACCEPT_BY_MERCHANT",
		"disputeJudgedTime": Stamp(Dawn()), "disputeJudgedAmount": Wire(n.Minor)})
}

// CancelAnswer is a cancel's S that somebody else than Orders received.
func CancelAnswer(payment string) apo.Verified {
	facts, _ := TheOffice().Answer(apo.OpCancel,
		map[string]any{"result": Result("S", "SUCCESS"), "paymentId": payment, "cancelTime": Stamp(Dawn())})
	return facts[0]
}

// CancelledPicture is what an inquiry proves of a payment that was made, and then cancelled: both lines, and the
// CANCELLED that sums them up.
func CancelledPicture(paid, cancelled time.Time) []apo.Verified {
	line := func(kind, id string, at time.Time) map[string]any {
		return map[string]any{"transactionType": kind, "transactionStatus": "SUCCESS", "transactionId": id,
			"transactionAmount": Wire(TheAmount), "transactionTime": Stamp(at)}
	}
	facts, _ := TheOffice().Answer(apo.OpInquirePayment,
		map[string]any{"result": Result("S", "SUCCESS"), "paymentStatus": "CANCELLED",
			"paymentId": ThePayment, "paymentRequestId": TheRequest, "paymentAmount": Wire(TheAmount),
			"paymentTime":  Stamp(paid),
			"transactions": []map[string]any{line("CANCEL", "cancel-1", cancelled), line("PAYMENT", "paid-1", paid)}})
	return facts
}

func Done(kind string, state apo.State) func(*Till) {
	return func(x *Till) {
		m := Move{ID: kind + "-7", Request: x.RequestID(), Minor: ThePart, State: state}
		a := x.Bank.Find(TheRequest)
		if kind == "cap" {
			a.Captures = append(a.Captures, m)
		} else {
			a.Refunds = append(a.Refunds, m)
		}
	}
}

// DashboardRefund is a refund that nobody commanded, as an inquiry tells it.
func DashboardRefund(id string, minor int64) apo.Verified {
	facts, _ := TheOffice().Answer(apo.OpInquirePayment,
		map[string]any{"result": Result("S", "SUCCESS"), "paymentStatus": "SUCCESS",
			"paymentId": ThePayment, "paymentRequestId": TheRequest, "paymentAmount": Wire(TheAmount),
			"transactions": []map[string]any{{"transactionType": "REFUND", "transactionStatus": "SUCCESS", "transactionId": id,
				"transactionRequestId": "dash-" + id, "transactionAmount": Wire(minor), "transactionTime": Stamp(Dawn())}}})
	return facts[len(facts)-1]
}
