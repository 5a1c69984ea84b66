package behaviour_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// An outcome is good to know, and nobody has to do anything: it is told at Info, whatever it is.
func TestLogger_TellsOutcomesAtInfo(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	var text bytes.Buffer
	x.Config.Logger = slog.New(slog.NewTextHandler(&text, nil))
	x.Open(x.Bank)
	x.Place(order.CaptureManual)
	x.Paid()
	_, err := x.Cancel()
	require.NoError(t, err)
	assert.Contains(t, text.String(),
		`level=INFO msg="outcome known" order=`+tilltest.TheOrder+` fact=cancel.succeeded.v1`)
	assert.NotContains(t, text.String(), "level=WARN")
}

// A dispute that nobody defends in time is lost: it is a warning until someone has.
func TestLogger_WarnsWhileADisputeWaitsForItsDefence(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	var text bytes.Buffer
	x.Config.Logger = slog.New(slog.NewTextHandler(&text, nil))
	x.Open(x.Bank)
	x.Captured(tilltest.TheAmount)
	for _, row := range []struct{ kind, want string }{
		{"DISPUTE_CREATED", `level=WARN msg="a dispute waits for its defence`},
		{"DEFENSE_SUPPLIED", `level=INFO msg="APO's word on a dispute" order=` + tilltest.TheOrder +
			` fact=dispute.defended.v1`},
	} {
		text.Reset()
		_, err := x.Orders.Observe(x.Ctx, tilltest.DisputeNotice(row.kind, tilltest.Notice{
			PaymentRequest: tilltest.TheRequest, Payment: tilltest.ThePayment, Transfer: "D1",
			Minor: tilltest.ThePart}, map[string]any{"disputeReasonMsg": "Kanarienvogel"}))
		require.NoError(t, err)
		assert.Contains(t, text.String(), row.want)
		assert.NotContains(t, text.String(), "Kanarienvogel")
	}
}

// The status alone would say of a part that it is the whole.
func TestLogger_TellsOutcomesInTheOrdersWords(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	var text bytes.Buffer
	x.Config.Logger = slog.New(slog.NewTextHandler(&text, nil))
	x.Open(x.Bank)
	x.Captured(tilltest.TheAmount)
	x.Refunded(tilltest.ThePart)
	assert.Contains(t, text.String(), `status=captured now=captured`)
	assert.Contains(t, text.String(), `status=refunded now="partly refunded"`)
}

// What a proxy or somebody else answers in APO's place is kept for the support case, and no log is a place for it.
func TestLogger_QuotesNoAnswer(t *testing.T) {
	const canary = "Kanarienvogel"
	for name, answer := range map[string]string{
		"a body":   `{"buyer":"` + canary + ` 4111 1111 1111 1111"}`,
		"a quote":  `"` + canary + `" said \" and "` + canary,
		"one long": `"` + canary + string(bytes.Repeat([]byte(`\" `+canary), 100)),
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_,
					_ = w.Write([]byte(answer))
			}))
			defer web.Close()
			key := tilltest.TheOffice().Key
			client, err := apo.NewClient(web.URL, tilltest.TestClient,
				apo.Keys{Private: key, Public: map[string]*rsa.PublicKey{"1": &key.PublicKey}}, nil)
			require.NoError(t, err)
			defer client.Close()
			x := tilltest.NewTill(t, memory.New())
			x.Place(order.CaptureManual)
			x.Paid()
			var text bytes.Buffer
			var told string
			x.Config.Logger = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
			x.Config.Observer = &tilltape.Observer{Called: func(_ context.Context, c tilltape.CallMade) { told = c.Problem }}
			x.Open(client)
			_, err = x.Cancel()
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			assert.Contains(t, text.String(), "HTTP 200: the")
			assert.NotContains(t, text.String(), canary)
			assert.Contains(t, told, canary, "the observer decides for itself")
			var file bytes.Buffer
			bundle, err := evidence.Of(x.Ctx, x.Orders.Reader, tilltest.TheOrder)
			require.NoError(t, err)
			_, err = bundle.WriteTo(&file)
			require.NoError(t, err)
			assert.Contains(t, file.String(), canary, "APO's support may want to see it")
		})
	}
}
