package audit_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
)

// A shop with a million records, six an order, writes 60 000 a day. An order's records come in bursts: a call and its
// answer are a few records apart, and so are what an inquiry tells.
func TestTheProofOfAnOrderInAMillionRecordsFitsInFourKilobytes(t *testing.T) {
	const million, day, hour, orders = 1_000_000, 60_000, 2_500, 170_000
	signer := shopKey(t)
	origin := "shop.example/orders/" + strings.Repeat("0123456789abcdef", 2)
	checkpoint, err := signer.Sign(seal.Checkpoint{Origin: origin, Size: million})
	require.NoError(t, err)
	roll, err := signer.SignRoll(seal.SignedRoll{Log: seal.Checkpoint{Origin: origin, Size: million}})
	require.NoError(t, err)
	_, signature, _ := strings.Cut(string(roll), "\n\n")
	ends := make([]seal.RollEntry, orders)
	for i := range ends {
		ends[i].Stream = seal.StreamKey("order", fmt.Sprint(i))
	}
	streams, err := seal.NewRoll(ends)
	require.NoError(t, err)
	var path []seal.Hash
	for i := range 3 {
		_, other, ok := streams.Prove(ends[i*orders/3].Stream)
		require.True(t, ok)
		if len(other) > len(path) {
			path = other
		}
	}

	chance := rand.New(rand.NewPCG(5, 6))
	for name, gaps := range map[string][]int{ // the most records between each and the one before
		"paid and cancelled at once":                 {0, 100, 5, 5},
		"paid, captured the next day":                {0, 100, day, 5},
		"paid, captured, refunded, told hours later": {0, 100, day, 5, 6 * day, 5, 6 * hour},
	} {
		most := 0
		for range long.Rounds(1000, 100) {
			places := []uint64{uint64(chance.IntN(million - 8*day))}
			for _, gap := range gaps[1:] {
				places = append(places, places[len(places)-1]+1+uint64(chance.IntN(gap)))
			}
			p := &audit.Proof{Hashes: make([]seal.Hash, hashesOf(places, 0, million)), Checkpoint: checkpoint,
				Roll: []byte(signature), Path: path}
			most = max(most, beside(t, p))
		}
		t.Logf("%s: up to %d bytes", name, most)
		assert.LessOrEqual(t, most, 4096, name)
	}
}

func TestAProofHasAsManyHashesAsItsRecordsNeed(t *testing.T) {
	signer := shopKey(t)
	log := sealedLogs(t, 200)["memory"]
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		p := prove(t, log, id, &audit.ProveConfig{Signer: signer})
		proven, err := audit.VerifyProof(p, signer.Verifier())
		require.NoError(t, err)
		var places []uint64
		for _, r := range proven.Records {
			places = append(places, r.Position-1)
		}
		assert.Len(t, p.Hashes, hashesOf(places, 0, proven.Log.Size))
	}
}
