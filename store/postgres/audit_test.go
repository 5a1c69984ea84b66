package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/sealed"
)

// audited is a log of ten orders with a record each, and an auditor who kept its checkpoint.
func audited(t *testing.T, signer *seal.Signer, actor string) (kept, *audit.VerifyConfig) {
	t.Helper()
	log := newLog(t, postgres.Config{Signer: signer})
	sell(t, log, 0, 10, actor)
	return log, auditorOf(t, log, signer)
}

// auditorOf keeps the log's checkpoint.
func auditorOf(t *testing.T, log kept, signer *seal.Signer) *audit.VerifyConfig {
	t.Helper()
	signed, err := log.Checkpoint(context.Background())
	require.NoError(t, err)
	return &audit.VerifyConfig{Checkpoints: [][]byte{signed}, Verifiers: []*seal.Verifier{signer.Verifier()}}
}

// sell appends a record each of so many orders.
func sell(t *testing.T, log kept, from, orders int, actor string) {
	t.Helper()
	var all []sealed.Append
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	serial := from * 1000
	env := order.Env{Now: at, NewID: func() string { serial++; return fmt.Sprint("id-", serial) }}
	for i := from; i < from+orders; i++ {
		c := order.Create{OrderID: fmt.Sprint("o-", i), PaymentRequestID: fmt.Sprint("p-", i), Method: "CARD",
			CaptureMode: order.CaptureManual, Amount: events.Money{Minor: 100, Currency: "USD"}}
		facts, err := order.Decide(order.Order{}, c, env)
		require.NoError(t, err)
		records, _ := order.Records(order.Order{}, c, facts, env, actor)
		all = append(all, sealed.Append{Stream: events.OrderStream(c.OrderID), Records: records})
	}
	require.NoError(t, log.AppendAll(context.Background(), all))
}

// TestAudit: a log in a database is verified as one in a file is, by whoever brings a checkpoint.
func TestAudit(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example/orders")
	log, cfg := audited(t, signer, "shop")
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

// corpus is what somebody with the database's rights does to the log's tables, where and as what it is found. {schema}
// is the log's.
var corpus = map[string]struct {
	sql  string
	at   uint64 // 0: in no record
	want []audit.Problem
}{
	"one bit": {`update {schema}.records set frame = set_byte(frame, 20, get_byte(frame, 20) # 4) where position = 7`, 7,
		[]audit.Problem{audit.DamagedRecord, audit.AlteredRecord}},
	// a field that nobody knows at the payload's end: the record says the same in other bytes
	"re-encoded": {`update {schema}.records set frame = set_byte(frame, 1, get_byte(frame, 1) + 3) || '\xf87f00'
		where position = 7`, 7, []audit.Problem{audit.DamagedRecord, audit.AlteredRecord}},
	// the log's row still says how many there are, so that they are missing and not only the log's end
	"the tail cut": {`delete from {schema}.records where position > 6`, 7, []audit.Problem{audit.DamagedRecord}},
	"removed":      {`delete from {schema}.records where position = 7`, 7, []audit.Problem{audit.DamagedRecord}},
	"swapped": {`update {schema}.records r set frame = o.frame from {schema}.records o
		where r.position in (7, 8) and o.position = 15 - r.position`, 7,
		[]audit.Problem{audit.DamagedRecord, audit.AlteredRecord}},
	"doubled": {`update {schema}.records set frame = (select frame from {schema}.records where position = 7)
		where position = 8`, 8, []audit.Problem{audit.DamagedRecord, audit.AlteredRecord}},
	"a head edited, not its record": {`update {schema}.heads set status = 'refunded' where stream = 'o-4'`, 0,
		[]audit.Problem{audit.AlteredIndex}},
	"a lookup key removed": {`delete from {schema}.keys where stream = 'o-4'`, 0, []audit.Problem{audit.AlteredIndex}},
}

// TestAudit_Corpus: the damage that a file's corpus has, done to tables. The untouched log is clean by TestAudit.
func TestAudit_Corpus(t *testing.T) {
	t.Parallel()
	ctx, signer := context.Background(), newSigner(t, "shop.example/orders")
	for i, name := range slices.Sorted(maps.Keys(corpus)) {
		if !long.Each(i, 3) {
			continue
		}
		tt := corpus[name]
		log, cfg := audited(t, signer, "shop")
		for _, table := range []string{"records", "heads", "keys"} {
			_, err := log.pool.Exec(ctx, fmt.Sprintf("alter table %s.%s disable trigger all", log.config.Schema, table))
			require.NoError(t, err, name)
		}
		tag, err := log.pool.Exec(ctx, strings.ReplaceAll(tt.sql, "{schema}", log.config.Schema))
		require.NoError(t, err, name)
		require.Positive(t, tag.RowsAffected(), name)
		report, err := audit.Verify(ctx, log, cfg)
		require.NoError(t, err, name)
		f, found := report.First()
		require.True(t, found, name)
		assert.Contains(t, tt.want, f.Problem, "%s: %+v", name, report.Findings)
		if tt.at != 0 {
			assert.Equal(t, tt.at, f.Position, "%s: %+v", name, report.Findings)
		} else {
			assert.Equal(t, audit.StateProven, report.Held[0].State, "%s: the records are what they were", name)
		}
		assert.Equal(t, audit.Altered, report.Outcome(), name)
	}
}

// TestAudit_ATileReplaced: nobody needs a tile to read records, and it would prove a forged one.
func TestAudit_ATileReplaced(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example/orders")
	log := newLog(t, postgres.Config{Signer: signer})
	sell(t, log, 0, seal.TileWidth+4, "shop")
	cfg := auditorOf(t, log, signer)
	_, err := log.pool.Exec(ctx, strings.ReplaceAll("alter table {schema}.tiles disable trigger all; update "+
		"{schema}.tiles set hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)", "{schema}", log.config.Schema))
	require.NoError(t, err)
	report, err := audit.Verify(ctx, log, cfg)
	require.NoError(t, err)
	f, found := report.First()
	require.True(t, found)
	assert.Equal(t, audit.AlteredSeal, f.Problem, "%+v", report.Findings)
	assert.Contains(t, f.Detail, "its seal does not fit its records: tile 0/0")
	assert.Equal(t, audit.Altered, report.Outcome())
	assert.Equal(t, audit.StateProven, report.Held[0].State, "the records are what they were")
}

// TestAudit_AFork: a log that was restored from a copy of six records and went on says where it did.
func TestAudit_AFork(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example/orders")
	was := newLog(t, postgres.Config{Signer: signer})
	sell(t, was, 0, 6, "shop")
	restored := newLog(t, postgres.Config{Signer: signer})
	_, err := sealed.Copy(ctx, was, restored, nil)
	require.NoError(t, err)
	early := auditorOf(t, was, signer)
	sell(t, was, 6, 4, "shop")
	sell(t, restored, 10, 5, "shop")
	report, err := audit.Verify(ctx, restored, early)
	require.NoError(t, err)
	require.Empty(t, report.Findings, "what both have is one log's")
	report, err = audit.Verify(ctx, restored, auditorOf(t, was, signer))
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	f := report.Findings[0]
	assert.Equal(t, []any{audit.Forked, uint64(7), uint64(10)}, []any{f.Problem, f.Position, f.Until})
}

// TestAudit_ARewrittenHistory: consistent in itself and under the old name, it is told by the one checkpoint that was
// kept; under its own name it is another log.
func TestAudit_ARewrittenHistory(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example/orders")
	was, cfg := audited(t, signer, "shop")
	other, _ := audited(t, signer, "mallory")
	report, err := audit.Verify(ctx, other, cfg)
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	assert.Equal(t, audit.OtherLog, report.Findings[0].Problem)

	named, err := was.Tree(ctx)
	require.NoError(t, err)
	_, err = other.pool.Exec(ctx, fmt.Sprintf("update %s.log set origin = $1", other.config.Schema), named.Origin)
	require.NoError(t, err)
	forged := openLog(t, other.pool, postgres.Config{Schema: other.config.Schema, Signer: signer})
	defer func() { require.NoError(t, forged.Close()) }()
	report, err = audit.Verify(ctx, forged, nil)
	require.NoError(t, err)
	require.Empty(t, report.Findings, "without a checkpoint nothing shows")
	report, err = audit.Verify(ctx, forged, cfg)
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	f := report.Findings[0]
	assert.Equal(t, []any{audit.Rewritten, uint64(1), uint64(10)}, []any{f.Problem, f.Position, f.Until})
}
