package audit_test

import (
	"context"
	"crypto/rsa"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// aposKey is APO's in these tests, and another one.
var aposKey, anothersKey = testkeys.APO, testkeys.Stranger

// aposKeys are what an auditor is given.
func aposKeys() []audit.Key { return []audit.Key{{Version: "1", Public: &aposKey().PublicKey}} }

// signAll has APO sign the messages in the records.
func signAll(t testing.TB, key *rsa.PrivateKey, all []events.Record) {
	t.Helper()
	for _, r := range all {
		e := events.PartsOf(r.Event).Proof.Evidence
		if e == nil {
			continue
		}
		e.KeyVersion, e.Time = "1", r.Recorded.UTC().Format(time.RFC3339)
		var err error
		e.Signature, err = apo.Message{Method: e.Method, Path: e.Path, ClientID: e.ClientID, Time: e.Time,
			Body: e.Body}.Sign(key)
		require.NoError(t, err)
	}
}

// shopOf makes the records of the orders from one to before another, each captured, with messages that APO signed.
// Those of an order stand apart by two of others.
func shopOf(t testing.TB, from, to int) []events.Record {
	t.Helper()
	lives := make([][]events.Record, to-from)
	for i := range lives {
		lives[i] = lifeOf(t, from+i)
	}
	return mixed(lives)
}

// lives keeps orders whose messages are signed, since a signature takes milliseconds.
var lives sync.Map

func lifeOf(t testing.TB, i int) []events.Record {
	t.Helper()
	if all, known := lives.Load(i); known {
		return slices.Clone(all.([]events.Record))
	}
	all := history(i, true)
	signAll(t, aposKey(), all)
	lives.Store(i, all)
	return slices.Clone(all)
}

// mixed is the records of orders side by side.
func mixed(lives [][]events.Record) (all []events.Record) {
	const spread = 2
	orders := len(lives)
	for turn := range orders + spread*(eventsPerOrder-1) {
		for step := range eventsPerOrder {
			if i := turn - step*spread; i >= 0 && i < orders {
				all = append(all, lives[i][step])
			}
		}
	}
	return all
}

// fillWith appends records one by one.
func fillWith(t testing.TB, log store.Log, all []events.Record) {
	t.Helper()
	for _, r := range all {
		_, err := log.Append(context.Background(), r.Stream, r.Version-1, r)
		require.NoError(t, err)
	}
}

// signer is who signs the checkpoints of these tests' logs.
var signer = sync.OnceValue(func() *seal.Signer {
	key, _, err := seal.GenerateKey(nil, "shop.example/orders")
	if err != nil {
		panic(err)
	}
	s, err := seal.NewSigner(key)
	if err != nil {
		panic(err)
	}
	return s
})

// shopInMemory is a sealed log in memory of so many orders.
func shopInMemory(t testing.TB, orders int) *memory.Log {
	t.Helper()
	log, err := memory.NewSealed(memory.Config{Signer: signer()})
	require.NoError(t, err)
	fillWith(t, log, shopOf(t, 0, orders))
	return log
}

// checkpointOf is the log's, signed.
func checkpointOf(t testing.TB, log store.Checkpointer) []byte {
	t.Helper()
	signed, err := log.Checkpoint(context.Background())
	require.NoError(t, err)
	return signed
}

// withCheckpoints is an auditor who kept them.
func withCheckpoints(all ...[]byte) *audit.VerifyConfig {
	return &audit.VerifyConfig{Checkpoints: all, Verifiers: []*seal.Verifier{signer().Verifier()}, Keys: aposKeys()}
}

func verify(t testing.TB, log store.Reader, cfg *audit.VerifyConfig) *audit.Report {
	t.Helper()
	report, err := audit.Verify(context.Background(), log, cfg)
	require.NoError(t, err)
	return report
}

func states(r *audit.Report) (all []string) {
	for _, l := range audit.Levels() {
		all = append(all, l.String()+" "+r.Level(l).State.String())
	}
	return all
}

func shortKey(t testing.TB) *rsa.PublicKey {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), apo.KeyBitsMin-2)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}
