package apo_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
)

// standIn answers every call with one signed body; package apotest has a whole APO.
func standIn(body string) (client *apo.Client, stop func()) {
	merchant, gateway := testkeys.Merchant(), testkeys.APO()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range headers("Response-Time", r.URL.Path, body, gateway) {
			w.Header()[name] = values
		}
		_, _ = io.WriteString(w, body)
	}))
	keys := apo.Keys{Private: merchant, Public: map[string]*rsa.PublicKey{"1": &gateway.PublicKey}}
	client, err := apo.NewClient(server.URL, "5X00000000000000", keys, nil)
	must(err)
	return client, func() { client.Close(); server.Close() }
}

// headers signs a body as APO does.
func headers(timeName, path, body string, key *rsa.PrivateKey) http.Header {
	m := apo.Message{Method: "POST", Path: path, ClientID: "5X00000000000000", Time: "1685599933871", Body: []byte(body)}
	value, err := m.Sign(key)
	must(err)
	h := http.Header{}
	h.Set("Client-Id", m.ClientID)
	h.Set(timeName, m.Time)
	h.Set("Signature", apo.Signature{Value: value}.Header())
	return h
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ExampleClient_Cancel() {
	client, stop := standIn(`{"cancelTime":"2019-06-12T19:07:11+08:00","paymentId":"P1",
		"result":{"resultCode":"SUCCESS","resultMessage":"Success","resultStatus":"S"}}`)
	defer stop()
	answer := client.Cancel(context.Background(), apo.CancelRequest{PaymentID: "P1"})
	fmt.Println(answer.Class, answer.Time)
	fmt.Println(answer.Facts[0])

	answer = client.Cancel(context.Background(), apo.CancelRequest{})
	fmt.Println(answer.Class)
	fmt.Println(answer.Err)
	// Output:
	// succeeded 2019-06-12 11:07:11 +0000 UTC
	// cancelled, payment P1
	// not sent
	// apo: cancel: paymentId or paymentRequestId is empty; nothing was sent; correct the request
}

func ExampleClient_Capture() {
	client, stop := standIn(`{"captureId":"K1","captureRequestId":"C1","paymentId":"P1",
		"captureAmount":{"currency":"JPY","value":"900"},
		"result":{"resultCode":"SUCCESS","resultStatus":"S"}}`)
	defer stop()
	answer := client.Capture(context.Background(), apo.CaptureRequest{
		CaptureRequestID: "C1", PaymentID: "P1", Amount: apo.Amount{Currency: "JPY", Minor: 1000},
	})
	fmt.Println(answer.Class, errors.Is(answer.Err, apo.ErrContradiction))
	fmt.Println(answer.Err)
	// Output:
	// unknown true
	// apo: capture: the signed answer names JPY 900, not JPY 1000; inquire with Client.InquirePayment; it may be another order's
}

func ExampleClient_Refund() {
	client, stop := standIn(`{"refundId":"K2","refundRequestId":"F1","result":{"resultCode":"SUCCESS",
		"resultStatus":"S"}}`)
	defer stop()
	answer := client.Refund(context.Background(), apo.RefundRequest{
		RefundRequestID: "F1", PaymentID: "P1", Amount: apo.Amount{Currency: "JPY", Minor: 400}, Reason: "too large",
	})
	fmt.Println(answer.Class, answer.RefundID)
	// Output: accepted K2
}

func ExampleClient_InquirePayment() {
	client, stop := standIn(`{"result":{"resultCode":"SUCCESS","resultStatus":"S"},"paymentId":"P1",
		"paymentStatus":"SUCCESS",
		"paymentAmount":{"currency":"JPY","value":"1000"},"transactions":[
		{"transactionType":"REFUND","transactionStatus":"PROCESSING","transactionId":"K2",
			"transactionAmount":{"currency":"JPY","value":"400"}},
		{"transactionType":"CAPTURE","transactionStatus":"SUCCESS","transactionId":"K1",
			"transactionAmount":{"currency":"JPY","value":"1000"}}]}`)
	defer stop()
	picture := client.InquirePayment(context.Background(), apo.InquirePaymentRequest{PaymentID: "P1"})
	for _, fact := range picture.Facts {
		fmt.Println(fact)
	}
	// Output:
	// payment succeeded JPY 1000, payment P1
	// capture succeeded JPY 1000, payment P1, transfer K1
	// refund pending JPY 400, payment P1, transfer K2
}

func ExampleClient_InquireRefund() {
	client, stop := standIn(`{"result":{"resultCode":"REFUND_NOT_EXIST","resultStatus":"F"}}`)
	defer stop()
	picture := client.InquireRefund(context.Background(), apo.InquireRefundRequest{RefundRequestID: "F1"})
	fmt.Println(picture.Class)
	// Output: does not exist
}

func ExampleVerifier_VerifyNotification() {
	key := testkeys.APO()
	verifier, err := apo.NewVerifier("5X00000000000000", apo.Keys{Public: map[string]*rsa.PublicKey{"1": &key.PublicKey}},
		nil)
	must(err)
	body := `{"notifyType":"PAYMENT_RESULT","result":{"resultCode":"SUCCESS","resultStatus":"S"},
		"paymentId":"P1","paymentRequestId":"R1","paymentAmount":{"currency":"JPY","value":"1000"}}`
	header := headers("Request-Time", "/notify", body, key)

	fact, err := verifier.VerifyNotification("POST", "/notify", header, []byte(body))
	must(err)
	fmt.Println(fact)
	// Once it is durable: respond with 200 and apo.Acknowledgement.

	_, err = verifier.VerifyNotification("POST", "/notify", header, []byte(body+" "))
	fmt.Println(errors.Is(err, apo.ErrSignature))
	// Output:
	// payment succeeded JPY 1000, payment P1, payment request R1
	// true
}

func ExampleVerifier_VerifyAnswer() {
	key := testkeys.APO()
	verifier, err := apo.NewVerifier("5X00000000000000", apo.Keys{Public: map[string]*rsa.PublicKey{"1": &key.PublicKey}},
		nil)
	must(err)
	const path = "/ams/api/v1/payments/pay"
	body := `{"result":{"resultCode":"PAYMENT_IN_PROCESS","resultStatus":"U"},"paymentId":"P1","paymentRequestId":"R1"}`
	facts, err := verifier.VerifyAnswer(apo.OpPay, path, headers("Response-Time", path, body, key), []byte(body))
	must(err)
	fmt.Println(facts[0])
	fmt.Println(facts[0].Evidence().Verify(&key.PublicKey))
	// Output:
	// payment pending, payment P1, payment request R1
	// <nil>
}

func ExampleClassify() {
	fmt.Println(apo.Classify(apo.OpCancel, "F", "PROCESS_FAIL"))
	fmt.Println(apo.Classify(apo.OpCancel, "F", "NEVER_SEEN"))
	fmt.Println(apo.Classify(apo.OpRefund, "S", "SUCCESS"))
	// Output:
	// wrong picture
	// unknown failure
	// accepted
}

func ExampleMessage_Sign() {
	key := testkeys.APO()
	m := apo.Message{
		Method: "POST", Path: "/ams/api/v1/payments/cancel", ClientID: "5X00000000000000",
		Time: "1685599933871", Body: []byte(`{"paymentId":"P1"}`),
	}
	value, err := m.Sign(key)
	must(err)
	signature, err := apo.ParseSignature("signature=" + value + ", keyVersion=1, algorithm=RSA256")
	must(err)
	fmt.Println(m.Verify(&key.PublicKey, signature.Value))
	m.Time = "1685599933872"
	fmt.Println(m.Verify(&key.PublicKey, signature.Value))
	// Output:
	// <nil>
	// apo: signature: does not fit the message; check the key and the signed path
}

func ExampleParsePrivateKey() {
	der, err := x509.MarshalPKCS8PrivateKey(testkeys.Merchant())
	must(err)
	key, err := apo.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	must(err)
	fmt.Println(key.N.BitLen())
	_, err = apo.ParsePublicKey([]byte("not a key"))
	fmt.Println(err)
	// Output:
	// 2048
	// apo: public key: is neither PEM nor base64; give an RSA key in SPKI form, as PEM or bare base64
}

func ExampleClient_Pay() {
	client, stop := standIn(`{"paymentId":"P1","paymentRequestId":"R1","normalUrl":"https://pay.example/P1",
		"paymentAmount":{"currency":"JPY","value":"1000"},
		"result":{"resultCode":"PAYMENT_IN_PROCESS","resultStatus":"U"}}`)
	defer stop()
	answer := client.Pay(context.Background(), apo.PayRequest{
		PaymentRequestID: "R1", Amount: apo.Amount{Currency: "JPY", Minor: 1000}, Method: "CARD", Capture: apo.CaptureManual,
		OrderID: "o-1", NotifyURL: "https://shop.example/notify", RedirectURL: "https://shop.example/thanks",
		More: map[string]any{"env": map[string]any{"terminalType": "WEB"}},
	})
	fmt.Println(answer.Class, answer.Err)
	fmt.Println("send the buyer to", answer.NormalURL)
	fmt.Println("for Observe:", answer.Facts[0].Kind())
	// Output:
	// accepted <nil>
	// send the buyer to https://pay.example/P1
	// for Observe: payment pending
}

func ExampleClient_CreatePaymentSession() {
	client, stop := standIn(`{"paymentSessionId":"S1","paymentSessionData":"b2s=","normalUrl":"https://pay.example/S1",
		"result":{"resultCode":"SUCCESS","resultStatus":"S"}}`)
	defer stop()
	session := client.CreatePaymentSession(context.Background(), apo.PayRequest{
		PaymentRequestID: "R1", Amount: apo.Amount{Currency: "JPY", Minor: 1000},
	})
	fmt.Println(session.Class, session.ID, session.URL)
	// Output: succeeded S1 https://pay.example/S1
}

func ExampleClient_Call() {
	client, stop := standIn(`{"disputeId":"D1","result":{"resultCode":"SUCCESS","resultStatus":"S"}}`)
	defer stop()
	answer := client.Call(context.Background(), "/ams/api/v1/disputes/acceptDispute", []byte(`{"disputeId":"D1"}`))
	fmt.Println(answer.Class, string(answer.Body[:17]))
	// Output: succeeded {"disputeId":"D1"
}
