package seal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

func TestWhatACheckpointTellsUnasked(t *testing.T) {
	private, public, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	signer, err := seal.NewSigner(private)
	require.NoError(t, err)
	said := seal.Checkpoint{Origin: "shop.example/orders", Size: 7, Root: seal.LeafHash([]byte("x"))}
	signed, err := signer.Sign(said)
	require.NoError(t, err)
	told, err := seal.Told(signed)
	require.NoError(t, err)
	assert.Equal(t, said, told)

	// Another one's text under the signature is told as well, and opened by nobody.
	forged := bytes.Replace(signed, []byte("\n7\n"), []byte("\n8\n"), 1)
	told, err = seal.Told(forged)
	require.NoError(t, err)
	assert.Equal(t, uint64(8), told.Size)
	key, err := seal.NewVerifier(public)
	require.NoError(t, err)
	_, err = seal.Open(forged, key)
	require.ErrorIs(t, err, seal.ErrSignature)

	for _, bad := range []string{"", "no note", "shop.example\n07\n" + said.Root.String() + "\n\n— x y\n",
		string(signed) + strings.Repeat("x", seal.MaxCheckpoint)} {
		_, err := seal.Told([]byte(bad))
		require.ErrorIs(t, err, seal.ErrMalformed, bad)
	}
}

func ExampleTold() {
	private, _, _ := seal.GenerateKey(nil, "shop.example/orders")
	signer, _ := seal.NewSigner(private)
	signed, _ := signer.Sign(seal.Checkpoint{Origin: "shop.example/orders", Size: 12})
	said, err := seal.Told(signed) // for showing: who signed it, nobody has looked at
	fmt.Println(said.Origin, said.Size, err)
	// Output: shop.example/orders 12 <nil>
}
