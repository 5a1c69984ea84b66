package rooms_test

import (
	"crypto/rsa"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
)

func TestEachKeySignsForItselfAlone(t *testing.T) {
	keys := []*rsa.PrivateKey{testkeys.Merchant(), testkeys.APO(), testkeys.Office(), testkeys.Stranger()}
	m := apo.Message{Method: "POST", Path: "/notify", ClientID: "SANDBOX", Time: "1795424400000", Body: []byte("{}")}
	for i, signer := range keys {
		require.NoError(t, signer.Validate())
		assert.Equal(t, apo.KeyBitsMin, signer.N.BitLen())
		signature, err := m.Sign(signer)
		require.NoError(t, err)
		for j, reader := range keys {
			if err := m.Verify(&reader.PublicKey, signature); i == j {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, apo.ErrSignature)
			}
		}
	}
}
