package notify_test

import (
	"bytes"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// BenchmarkNotification: what noise, a forgery and a redelivery cost, without the network.
func BenchmarkNotification(b *testing.B) {
	x := tilltest.NewTill(b, memory.New())
	x.Place(order.CaptureManual)
	key := tilltest.ServerKeys()[1]
	v, err := apo.NewVerifier(tilltest.TestClient,
		apo.Keys{Public: map[string]*rsa.PublicKey{"1": &key.PublicKey}}, nil)
	require.NoError(b, err)
	h, err := notify.NewHandler(x.Orders, v, nil)
	require.NoError(b, err)
	text := []byte(`{"notifyType":"PAYMENT_RESULT","paymentRequestId":"` + tilltest.TheRequest + `","paymentId":"P1",` +
		`"paymentAmount":{"currency":"USD","value":"1000"},` + resultS + `}`)
	value, err := apo.Message{Method: http.MethodPost, Path: "/notify", ClientID: tilltest.TestClient, Time: "1",
		Body: text}.Sign(key)
	require.NoError(b, err)
	genuine := http.Header{"Content-Type": {"application/json"}, "Client-Id": {tilltest.TestClient}, "Request-Time": {"1"},
		"Signature": {apo.Signature{Value: value}.Header()}}
	noise, forged := genuine.Clone(), genuine.Clone()
	noise.Del("Signature")
	forged.Set("Request-Time", "2")
	for name, tt := range map[string]struct {
		header http.Header
		status int
	}{
		"noise": {noise, http.StatusUnauthorized}, "forged": {forged, http.StatusUnauthorized},
		"redelivered": {genuine, http.StatusOK},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/notify", bytes.NewReader(text))
				r.Header = tt.header
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				require.Equal(b, tt.status, w.Code)
			}
		})
	}
}
