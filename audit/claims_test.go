package audit_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
)

// What a proof claims is read without a key, and is as much as one who made it up would have it.
func TestWhatAProofClaims(t *testing.T) {
	signer := shopKey(t)
	logs := sealedLogs(t, 60)
	p := prove(t, logs["memory"], "o-1", &audit.ProveConfig{Signer: signer})
	proven, err := audit.VerifyProof(p, signer.Verifier())
	require.NoError(t, err)
	require.True(t, proven.Complete)
	claimed, err := p.Claims()
	require.NoError(t, err)
	assert.Equal(t, proven.Order, claimed.Order)
	assert.Equal(t, proven.Records, claimed.Records)
	assert.Equal(t, proven.Log, claimed.Log)
	assert.False(t, claimed.Complete, "only a signature says where the order ends")

	forged := *p
	forged.Checkpoint = bytes.Replace(p.Checkpoint, []byte(proven.Log.Root.String()), []byte(seal.Hash{1}.String()), 1)
	_, err = forged.Claims()
	require.ErrorIs(t, err, seal.ErrProof, "the records do not lead to what it says")
	other := *p
	other.Frames = prove(t, logs["memory"], "o-2", &audit.ProveConfig{Signer: signer}).Frames
	_, err = other.Claims()
	require.ErrorIs(t, err, seal.ErrProof)
	unread := *p
	unread.Checkpoint = []byte("none")
	_, err = unread.Claims()
	require.ErrorIs(t, err, seal.ErrMalformed)
}
