package seal_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// The worked example in the package's documentation and the one for auditors are what the code makes of three records.
func TestTheWorkedExampleIsTrue(t *testing.T) {
	var store shelf
	tree := store.fill("one", "two", "three")
	signer := fixedSigner(t, logName, 0)
	origin, err := seal.NewOrigin(logName, [16]byte([]byte("a random origin.")))
	require.NoError(t, err)
	signed, err := signer.Sign(seal.Checkpoint{Origin: origin, Size: tree.Size(), Root: tree.Root()})
	require.NoError(t, err)
	proof, err := seal.Prove(&store, signed, 2, signer.Verifier())
	require.NoError(t, err)
	text, err := proof.AppendText(nil)
	require.NoError(t, err)

	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	plain := strings.ReplaceAll(strings.ReplaceAll(string(doc), "//\t", ""), "//\n", "\n")
	for what, shown := range map[string]string{
		"proof and checkpoint": string(text),
		"frontier's size":      "00 00 00 00 00 00 00 03  root over records 0 and 1  leaf of record 2",
	} {
		assert.Contains(t, plain, shown, what)
	}

	frontier := tree.AppendFrontier(nil)
	assert.Equal(t, "0000000000000003", hex.EncodeToString(frontier[:8]))
	assert.Len(t, frontier, 72)

	page, err := os.ReadFile("../docs/concepts/sealing.md")
	require.NoError(t, err)
	assert.Contains(t, string(page), string(text), "docs/concepts/sealing.md")
	assert.Contains(t, string(page), signer.Verifier().String(), "docs/concepts/sealing.md")
}

// TestTheSignatureIsPackedAsThePageSays takes the example apart with nothing but hashes, base64 and Ed25519.
func TestTheSignatureIsPackedAsThePageSays(t *testing.T) {
	page, err := os.ReadFile("../docs/concepts/sealing.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(page), "the public key\n\n    ")
	key, rest, _ := strings.Cut(rest, "\n")
	_, rest, _ = strings.Cut(rest, "tlog-proof@v1\n")
	_, rest, _ = strings.Cut(rest, "\n\n")
	text, rest, _ := strings.Cut(rest, "\n\n")
	line, _, _ := strings.Cut(rest, "\n")

	parts := strings.SplitN(key, "+", 3)
	require.Len(t, parts, 3)
	public, err := base64.StdEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	require.Len(t, public, 33)
	assert.EqualValues(t, 1, public[0])
	hash := sha256.Sum256([]byte(parts[0] + "\n" + string(public)))
	assert.Equal(t, parts[1], hex.EncodeToString(hash[:4]))

	packed, found := strings.CutPrefix(line, "— "+parts[0]+" ")
	require.True(t, found, line)
	signature, err := base64.StdEncoding.DecodeString(packed)
	require.NoError(t, err)
	require.Len(t, signature, 68)
	assert.Equal(t, hash[:4], signature[:4])
	assert.True(t, ed25519.Verify(public[1:], []byte(text+"\n"), signature[4:]))
	assert.False(t, ed25519.Verify(public[1:], []byte(text+"\n\n"), signature[4:]))
}
