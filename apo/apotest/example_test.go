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
	server := must(apotest.NewServer(nil))
	defer server.Close()
	must(server.Register(apotest.Payment{
		PaymentRequestID: "pay-1", PaymentID: "20261123-1",
		Amount: apotest.Amount{Currency: "EUR", Minor: 1250}, Capture: apotest.Manual,
	}))
	check(server.Submit("pay-1"))

	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	answer := client.Cancel(context.Background(), apo.CancelRequest{PaymentID: "20261123-1"})

	fmt.Println(answer.Class, server.Status("pay-1"))
	fmt.Println("cancels on the wire:", server.Count(apotest.OpCancel))
	for _, entry := range server.Ledger() {
		fmt.Println(entry.Kind, entry.Amount)
	}
	// Output:
	// succeeded CANCELLED
	// cancels on the wire: 1
	// authorized EUR 12.50
	// voided EUR 12.50
}

func ExampleServer_Script() {
	server := must(apotest.NewServer(nil))
	defer server.Close()
	must(server.Register(apotest.Payment{
		PaymentRequestID: "pay-1", Amount: apotest.Amount{Currency: "EUR", Minor: 1250}, Method: "ALIPAY_CN",
	}))
	check(server.Submit("pay-1"))
	// The next cancel is carried out, and its answer lost.
	check(server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Cut, After: true}))

	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	for range 2 {
		answer := client.Cancel(context.Background(), apo.CancelRequest{PaymentRequestID: "pay-1"})
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
	server := must(apotest.NewUnstartedServer(&apotest.Config{Now: clock.Now}))
	must(server.Register(apotest.Payment{
		PaymentRequestID: "pay-1", Amount: apotest.Amount{Currency: "EUR", Minor: 1250}, Method: "ALIPAY_CN",
	}))
	check(server.Submit("pay-1"))
	must(server.DashboardRefund("pay-1", 250))

	verifier := must(apo.NewVerifier(server.ClientID(), server.Keys(), nil))
	for _, n := range server.TakeNotifications() {
		fact := must(verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body))
		fmt.Println(fact.Kind(), fact.Amount())
	}
	// Output:
	// payment succeeded EUR 12.50
	// refund succeeded EUR 2.50
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
