package apotest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
)

// must keeps the examples short; a test would use require.NoError.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) { must(0, err) }

func ExampleNewServer() {
	ctx := context.Background()
	server := must(apotest.NewServer(nil))
	defer server.Close()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	paid := client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-1", Method: "CARD",
		Amount: apo.Amount{Currency: "EUR", Minor: 1250}, Capture: apo.CaptureManual})
	fmt.Println("pay:", paid.Class)
	check(server.Submit("pay-1")) // the buyer pays

	cancelled := client.Cancel(ctx, apo.CancelRequest{PaymentID: paid.PaymentID})
	fmt.Println("cancel:", cancelled.Class, server.Status("pay-1"))
	fmt.Println("cancels on the wire:", server.Count(apotest.OpCancel))
	for _, entry := range server.Ledger() {
		fmt.Println(entry.Kind, entry.Amount)
	}
	// Output:
	// pay: accepted
	// cancel: succeeded CANCELLED
	// cancels on the wire: 1
	// authorized EUR 12.50
	// voided EUR 12.50
}

func ExampleServer_Script() {
	ctx := context.Background()
	server := must(apotest.NewServer(nil))
	defer server.Close()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-1", Method: "ALIPAY_CN",
		Amount: apo.Amount{Currency: "EUR", Minor: 1250}})
	check(server.Submit("pay-1"))
	// The next cancel is carried out, and its answer lost.
	check(server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Cut, After: true}))

	for range 2 {
		answer := client.Cancel(ctx, apo.CancelRequest{PaymentRequestID: "pay-1"})
		fmt.Println(answer.Class)
	}
	fmt.Println("kept:", server.Totals("pay-1").Kept())
	// Output:
	// unknown
	// succeeded
	// kept: 0
}

func ExampleServer_TakeNotifications() {
	clock := apotest.NewClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	server := must(apotest.NewServer(&apotest.Config{Now: clock.Now}))
	defer server.Close()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	client.Pay(context.Background(), apo.PayRequest{PaymentRequestID: "pay-1", Method: "ALIPAY_CN",
		Amount: apo.Amount{Currency: "EUR", Minor: 1250}})
	check(server.Submit("pay-1"))
	must(server.DashboardRefund("pay-1", 250))

	verifier := must(client.Verifier(nil))
	for _, n := range server.TakeNotifications() {
		fact := must(verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body))
		fmt.Println(fact.Kind(), fact.Amount())
	}
	// Output:
	// payment succeeded EUR 12.50
	// refund succeeded EUR 2.50
}

// A test that is not about the pay call has the payment with what it needs.
func ExampleServer_Register() {
	server := must(apotest.NewServer(nil))
	defer server.Close()
	must(server.Register(apotest.Payment{PaymentRequestID: "pay-1", PaymentID: "20261123-1", Method: "ALIPAY_CN",
		Amount: apotest.Amount{Currency: "EUR", Minor: 1250}, Window: apotest.WindowUntilPaid}))
	check(server.Submit("pay-1"))

	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	answer := client.Cancel(context.Background(), apo.CancelRequest{PaymentID: "20261123-1"})
	fmt.Println(answer.Class, answer.Code)
	// Output: wrong picture CANCEL_WINDOW_EXCEED
}

func ExampleParseScript() {
	faults := must(apotest.ParseScript([]byte(`
cancel  1    unknown                 # U, and nothing was done
refund  2-3  timeout after for pay-1 # done, but nobody hears of it
`)))
	for _, fault := range faults {
		fmt.Println(fault)
	}
	// Output:
	// cancel 1 unknown
	// refund 2-3 timeout after for pay-1
}
