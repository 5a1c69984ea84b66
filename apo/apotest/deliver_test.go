package apotest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// delivering has a server deliver by itself, to a handler that gets each payment's id and what is told of it.
func delivering(t *testing.T, hear func(payment, kind string)) *apotest.Server {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fields struct{ PaymentRequestID, NotifyType string }
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&fields))
		hear(fields.PaymentRequestID, fields.NotifyType)
		_, _ = w.Write([]byte(acknowledgement))
	}))
	t.Cleanup(receiver.Close)
	pair := keyPair()
	server, err := apotest.NewServer(&apotest.Config{Merchant: pair[0], APO: pair[1], NotifyURL: receiver.URL + "/notify"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

// place registers a payment.
func place(t *testing.T, server *apotest.Server, n int) (id string) {
	t.Helper()
	id = fmt.Sprint("p-", n)
	_, err := server.Register(apotest.Payment{PaymentRequestID: id, PaymentID: "P-" + id,
		Amount: apotest.Amount{Currency: "EUR", Minor: 1000}})
	require.NoError(t, err)
	return id
}

// A receiver that is busy takes long for each notification, and gets those of other payments meanwhile, as from APO.
func TestAServerDeliversToSeveralPaymentsAtOnce(t *testing.T) {
	const payments, busy, patience = 8, 10 * time.Second, time.Minute // one after another takes payments times busy
	var mu sync.Mutex
	here, all := map[string]bool{}, make(chan struct{})
	server := delivering(t, func(payment, _ string) {
		mu.Lock()
		if !here[payment] && len(here) == payments-1 {
			close(all)
		}
		here[payment] = true
		mu.Unlock()
		select {
		case <-all:
		case <-time.After(busy):
		}
	})
	for i := range payments {
		id := place(t, server, i)
		require.NoError(t, server.Submit(id))
	}
	select {
	case <-all:
	case <-time.After(patience):
		require.Fail(t, "a payment's notification waits for that of another")
	}
}

// What is told of one payment comes in its order all the same.
func TestAPaymentsNotificationsComeInTheirOrder(t *testing.T) {
	const payments = 20
	var mu sync.Mutex
	came := map[string][]string{}
	var left sync.WaitGroup
	left.Add(2 * payments)
	server := delivering(t, func(payment, kind string) {
		mu.Lock()
		defer mu.Unlock()
		came[payment] = append(came[payment], kind)
		left.Done()
	})
	for i := range payments {
		id := place(t, server, i)
		require.NoError(t, server.Pend(id))
		require.NoError(t, server.Submit(id))
	}
	left.Wait()
	mu.Lock()
	defer mu.Unlock()
	for i := range payments {
		assert.Equal(t, []string{"PAYMENT_PENDING", "PAYMENT_RESULT"}, came[fmt.Sprint("p-", i)])
	}
}
