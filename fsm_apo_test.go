package tilltape_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tilltape/tilltape/apo"
)

const (
	testClient   = "5X00000000000000"
	notifyPath   = "/apo/notifications"
	testCurrency = "USD"
)

// dawn is when every test begins.
func dawn() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// office is the part of APO that signs: tests get their facts as a service does, by verifying a message.
type office struct {
	key      *rsa.PrivateKey
	verifier *apo.Verifier

	mu     sync.Mutex
	signed map[string]string         // body → signature; a test suite says the same things many times
	facts  map[string][]apo.Verified // operation and body → what they prove
}

var theOffice = sync.OnceValue(func() *office {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	v, err := apo.NewVerifier(testClient, apo.Keys{Public: map[string]*rsa.PublicKey{"1": &key.PublicKey}}, nil)
	if err != nil {
		panic(err)
	}
	return &office{key: key, verifier: v, signed: map[string]string{}, facts: map[string][]apo.Verified{}}
})

const officeTime = "1795424400000"

// sign signs a body as said at path.
func (f *office) sign(path, body string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := path + "\n" + body
	if s, ok := f.signed[at]; ok {
		return s
	}
	m := apo.Message{Method: http.MethodPost, Path: path, ClientID: testClient, Time: officeTime, Body: []byte(body)}
	s, err := m.Sign(f.key)
	if err != nil {
		panic(err)
	}
	f.signed[at] = s
	return s
}

func (f *office) header(path, timeName, body string) http.Header {
	h := http.Header{}
	h.Set("Client-Id", testClient)
	h.Set(timeName, officeTime)
	h.Set("Signature", apo.Signature{KeyVersion: "1", Value: f.sign(path, body)}.Header())
	return h
}

// kept returns what was proven before, or proves it now.
func (f *office) kept(name string, prove func() []apo.Verified) []apo.Verified {
	f.mu.Lock()
	known, ok := f.facts[name]
	f.mu.Unlock()
	if ok {
		return known
	}
	known = prove()
	f.mu.Lock()
	f.facts[name] = known
	f.mu.Unlock()
	return known
}

// notify is a notification with that content, verified.
func (f *office) notify(content map[string]any) apo.Verified {
	body := encode(content)
	return f.kept("notify"+body, func() []apo.Verified {
		v, err := f.verifier.VerifyNotification(http.MethodPost, notifyPath, f.header(notifyPath, "Request-Time", body), []byte(body))
		if err != nil {
			panic(err.Error() + ": " + body)
		}
		return []apo.Verified{v}
	})[0]
}

// answer is the signed answer to a call with that content: its facts and its evidence.
func (f *office) answer(op apo.Op, content map[string]any) ([]apo.Verified, *apo.Evidence) {
	body, path := encode(content), "/ams/api/v1/payments/"+string(op)
	facts := f.kept(string(op)+body, func() []apo.Verified {
		facts, err := f.verifier.VerifyAnswer(op, path, f.header(path, "Response-Time", body), []byte(body))
		if err != nil {
			return nil // U, and what only says that our picture is wrong, proves nothing
		}
		return facts
	})
	return facts, &apo.Evidence{Method: http.MethodPost, Path: path, ClientID: testClient, Time: officeTime, KeyVersion: "1",
		Signature: f.sign(path, body), Body: []byte(body)}
}

func encode(content map[string]any) string {
	b, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func result(status, code string) map[string]any {
	return map[string]any{"resultStatus": status, "resultCode": code, "resultMessage": "so it is"}
}

func wire(minor int64) map[string]any {
	return map[string]any{"currency": testCurrency, "value": strconv.FormatInt(minor, 10)}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// outcome is the result of a notification: S, or F with a code.
func outcome(code string) map[string]any {
	if code == "" {
		return result("S", "SUCCESS")
	}
	return result("F", code)
}

// notice is what a notification is about; fields that are empty are left out.
type notice struct {
	Payment, PaymentRequest string
	Transfer, Request       string
	Minor                   int64
	Currency                string // default [testCurrency]
	Code                    string // of a failure; empty: it succeeded
	At, Expires             time.Time
}

func (n notice) content(kind, transfer, request, amount, at string) map[string]any {
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
		a := wire(n.Minor)
		if n.Currency != "" {
			a["currency"] = n.Currency
		}
		c[amount] = a
	}
	if !n.At.IsZero() {
		put(at, stamp(n.At))
	}
	if !n.Expires.IsZero() {
		put("authExpiryTime", stamp(n.Expires))
	}
	return c
}

func paymentNotice(n notice) apo.Verified {
	return theOffice().notify(n.content("PAYMENT_RESULT", "", "", "paymentAmount", "paymentTime"))
}

func pendingNotice(n notice) apo.Verified {
	return theOffice().notify(n.content("PAYMENT_PENDING", "", "", "paymentAmount", "paymentTime"))
}

func captureNotice(n notice) apo.Verified {
	return theOffice().notify(n.content("CAPTURE_RESULT", "captureId", "captureRequestId", "captureAmount", "captureTime"))
}

func refundNotice(n notice) apo.Verified {
	c := n.content("REFUND_RESULT", "refundId", "refundRequestId", "refundAmount", "refundTime")
	c["refundStatus"] = "SUCCESS"
	if n.Code != "" {
		c["refundStatus"] = "FAIL"
	}
	return theOffice().notify(c)
}

// cancelAnswer is a cancel's S that somebody else than Orders received.
func cancelAnswer(payment string) apo.Verified {
	facts, _ := theOffice().answer(apo.OpCancel, map[string]any{"result": result("S", "SUCCESS"), "paymentId": payment, "cancelTime": stamp(dawn())})
	return facts[0]
}
