package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/postgres"
)

// TestAudit: a log in a database is verified as one in a file is, by whoever brings a checkpoint.
func TestAudit(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example/orders")
	log := newLog(t, postgres.Config{Signer: signer})
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	serial := 0
	env := order.Env{Now: at, NewID: func() string { serial++; return fmt.Sprint("id-", serial) }}
	for i := range 10 {
		c := order.Create{OrderID: fmt.Sprint("o-", i), PaymentRequestID: fmt.Sprint("p-", i), Method: "CARD",
			CaptureMode: order.CaptureManual, Amount: events.Money{Minor: 100, Currency: "USD"}}
		facts, err := order.Decide(order.Order{}, c, env)
		require.NoError(t, err)
		records, _ := order.Records(order.Order{}, c, facts, env, "shop")
		_, err = log.Append(ctx, events.OrderStream(c.OrderID), 0, records...)
		require.NoError(t, err)
	}
	signed, err := log.Checkpoint(ctx)
	require.NoError(t, err)
	cfg := &audit.VerifyConfig{Checkpoints: [][]byte{signed}, Verifiers: []*seal.Verifier{signer.Verifier()}}
	report, err := audit.Verify(ctx, log, cfg)
	require.NoError(t, err)
	assert.Empty(t, report.Findings)
	assert.Equal(t, audit.StateProven, report.Level(audit.LevelBytes).State, report.Verdict())
	assert.Equal(t, audit.StateProven, report.Level(audit.LevelLegality).State)
	assert.Equal(t, audit.StateProven, report.Held[0].State)

	const position = 7
	tamperRecord(t, log, position)
	report, err = audit.Verify(ctx, log, cfg)
	require.NoError(t, err)
	f, found := report.First()
	require.True(t, found)
	assert.EqualValues(t, position, f.Position, "%+v", report.Findings)
	assert.Equal(t, audit.Altered, report.Outcome())
}
