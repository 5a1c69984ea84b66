package audit_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

var _ audit.Prover = (*bolt.Log)(nil)

// shopFile makes a log file of so many orders, three records each: the order is placed, its cancel is asked for with a
// reason by a person, and gets no answer.
func shopFile(t *testing.T, config *bolt.Config, orders int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.tilltape")
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	w := newWriter(func(int) int { return 0 })
	w.log = log
	for i := range orders {
		id := fmt.Sprintf("o-%03d", i)
		w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: usd(amount), Method: "CARD",
			CaptureMode: order.CaptureManual, Actor: "clerk-" + id})
		w.give(id, order.Cancel{CommandID: w.id(), Reason: "reason-" + id, Actor: "actor-" + id})
	}
	require.NoError(t, log.Close())
	return path
}

// rewrite puts one text in the place of another of the same length, wherever a file has it, and renews the checksum of
// a frame that holds it: what is left to tell is the seal.
func rewrite(t *testing.T, path, was, is string) {
	t.Helper()
	require.Len(t, is, len(was))
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	all, err := os.ReadFile(path)
	require.NoError(t, err)
	places := logfile.Places(all, []byte(was))
	require.NotEmpty(t, places, "%q is nowhere in the file", was)
	for _, at := range places {
		begin, size, sum := logfile.FrameAround(all, at)
		copy(all[at:], is)
		_, err := file.WriteAt([]byte(is), int64(at))
		require.NoError(t, err)
		if size > 0 {
			binary.BigEndian.PutUint32(all[sum:], logfile.FrameSum(all[begin:begin+size]))
			_, err = file.WriteAt(all[sum:sum+4], int64(sum))
			require.NoError(t, err)
		}
	}
}

// duplicate copies a file, so that a test can have many to alter.
func duplicate(t *testing.T, path string) string {
	t.Helper()
	all, err := os.ReadFile(path)
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), "orders.tilltape")
	require.NoError(t, logfile.Write(to, all))
	return to
}

// replayFile replays a file that is opened for reading, as an auditor does.
func replayFile(t *testing.T, path string) (*audit.Replayed, error) {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return &audit.Replayed{}, err
	}
	defer func() { require.NoError(t, log.Close()) }()
	return replay(log)
}

func TestReplay_TellsWhatTheSealProves(t *testing.T) {
	path := shopFile(t, &bolt.Config{Origin: "shop.example/orders"}, 100)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	want, err := log.Tree(context.Background())
	require.NoError(t, err)
	p, err := replay(log)
	require.NoError(t, err)
	assert.Equal(t, want, p.Seal)
	assert.Equal(t, uint64(300), p.Seal.Size)
	require.NoError(t, log.Close())
	p, err = replayFile(t, path)
	require.NoError(t, err)
	assert.Equal(t, want, p.Seal, "of a file that is only read")

	p, err = replayFile(t, shopFile(t, &bolt.Config{Unsealed: true}, 3))
	require.NoError(t, err)
	assert.Zero(t, p.Seal, "there is none")
	w := newWriter(func(int) int { return 0 })
	w.write(0)
	p, err = replay(w.log)
	require.NoError(t, err)
	assert.Zero(t, p.Seal, "memory has none")
}

// What the fold cannot see: a reason, a person. The log is read as an auditor does, and by the service that has it
// open.
func TestReplay_WhatTheSealDisprovesIsNotLegal(t *testing.T) {
	whole := shopFile(t, nil, 100)
	for name, tt := range map[string]struct{ was, is, place, opened string }{
		"a reason within a full tile":        {"reason-o-007", "reason-o-008", "position 23:", "position 23:"},
		"a person within a full tile":        {"actor-o-000", "actor-o-009", "position 2:", "position 2:"},
		"a reason after the last full tile":  {"reason-o-086", "reason-o-068", "position 260:", "positions 257 to 288,"},
		"a person in the log's newest group": {"actor-o-099", "actor-o-098", "position 299:", "positions 297 to 300,"},
	} {
		t.Run(name, func(t *testing.T) {
			onCores(t, func(t *testing.T, _ int) {
				path := duplicate(t, whole)
				live, err := bolt.Open(path, nil)
				require.NoError(t, err)
				rewrite(t, path, tt.was, tt.is)
				check := func(p *audit.Replayed, err error, place string) {
					require.ErrorIs(t, err, store.ErrDamaged)
					assert.NotErrorIs(t, err, audit.ErrIllegal)
					assert.Contains(t, err.Error(), place)
					assert.Zero(t, p.Seal, "what is disproved is not told")
				}
				p, err := replay(live)
				check(p, err, tt.place)
				require.NoError(t, live.Close())
				p, err = replayFile(t, path)
				check(p, err, tt.opened)
			})
		})
	}
}

// A record that the rules cannot have written and that the seal disproves is the seal's to name: it names the first.
func TestReplay_ASealIsAskedBeforeTheRules(t *testing.T) {
	path := shopFile(t, nil, 100)
	live, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, live.Close()) }()
	rewrite(t, path, "clerk-o-000", "clerk-o-001")
	rewrite(t, path, "\x09requested", "\x09requesteD") // the phase in the heads of intents
	_, err = replay(live)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.Contains(t, err.Error(), "position 1:")
}
