package export_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// A verification of an export answers as one of its log does, held against the log's checkpoint and APO's key, on a
// machine that does not have the log.
func TestVerifyOfAnExportAnswersAsOnItsLog(t *testing.T) {
	signerKey, verifierKey, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	signer, err := seal.NewSigner(signerKey)
	require.NoError(t, err)
	verifier, err := seal.NewVerifier(verifierKey)
	require.NoError(t, err)
	original, err := memory.NewSealed(memory.Config{Signer: signer})
	require.NoError(t, err)
	sold(t, original, 5)
	signed, err := original.Checkpoint(t.Context())
	require.NoError(t, err)
	cfg := &audit.VerifyConfig{Checkpoints: [][]byte{signed}, Verifiers: []*seal.Verifier{verifier},
		Keys: []audit.Key{{Version: "1", Public: &tilltest.TheOffice().Key.PublicKey}}}
	verified := func(log store.Reader) (*audit.Report, string) {
		report, err := audit.Verify(t.Context(), log, cfg)
		require.NoError(t, err)
		text, err := json.Marshal(report)
		require.NoError(t, err)
		return report, string(text)
	}
	want, told := verified(original)
	require.True(t, want.Clean(), want.Verdict())
	_, text := exported(t, original, nil)
	got, toldOfExport := verified(opened(t, text))
	assert.True(t, got.Clean(), got.Verdict())
	assert.Equal(t, want.Verdict(), got.Verdict())
	assert.JSONEq(t, told, toldOfExport)

	// One that was rewritten, its root and its views with it, is held against the checkpoint that was kept.
	forged := inMemory(t)
	versions := map[events.Stream]uint64{}
	for _, r := range all(t, original, store.Start()) {
		if r.Position == 5 {
			r.Actor = "mallory"
		}
		_, err := forged.Append(t.Context(), r.Stream, versions[r.Stream], r)
		require.NoError(t, err)
		versions[r.Stream]++
	}
	_, forgedText := exported(t, forged, nil)
	got, _ = verified(opened(t, forgedText))
	assert.Equal(t, audit.StateWrong, got.Level(audit.LevelBytes).State, got.Verdict())
}

// Damage in an export is found by a verification where it stands.
func TestVerifyOfADamagedExport(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 3)
	_, text := exported(t, original, nil)
	of := lines(text)
	told := changed(of, 6, func(s string) string {
		r, frame, err := jsonform.DecodeStored([]byte(s))
		require.NoError(t, err)
		r.Actor = "mallory"
		doc, err := jsonform.AppendStored(nil, r, frame)
		require.NoError(t, err)
		return string(doc)
	})
	for what, c := range map[string]struct {
		text     []byte
		position uint64
	}{
		"the part that people read": {told, 5},
		"a line removed":            {joined(append(append([]string{}, of[:5]...), of[6:]...)...), 5},
		"cut off":                   {[]byte(strings.Join(of[:6], "\n")), 5},
	} {
		l, err := export.New("x.jsonl", strings.NewReader(string(c.text)), int64(len(c.text)))
		require.NoError(t, err)
		report, err := audit.Verify(t.Context(), l, nil)
		require.NoError(t, err, what)
		assert.False(t, report.Clean(), what)
		first, found := report.First()
		require.True(t, found, what)
		assert.Equal(t, c.position, first.Position, "%s: %+v", what, first)
	}
}
