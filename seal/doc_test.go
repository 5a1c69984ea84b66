package seal_test

import (
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
