package seal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// rolled is the root of a roll as its definition says it, over the keys that begin with these bits.
func rolled(entries map[seal.Hash][]byte, prefix string) seal.Hash {
	under := map[seal.Hash][]byte{}
	for key, rest := range entries {
		if strings.HasPrefix(bitsOf(key), prefix) {
			under[key] = rest
		}
	}
	switch len(under) {
	case 0:
		return seal.Hash{}
	case 1:
		for key, rest := range under {
			return sha256.Sum256(slices.Concat([]byte{2}, key[:], rest))
		}
	}
	left, right := rolled(under, prefix+"0"), rolled(under, prefix+"1")
	return sha256.Sum256(slices.Concat([]byte{3}, left[:], right[:]))
}

func bitsOf(key seal.Hash) string {
	var b strings.Builder
	for _, octet := range key {
		fmt.Fprintf(&b, "%08b", octet)
	}
	return b.String()
}

// streams returns n entries, and each as its definition has it.
func streams(n int) ([]seal.RollEntry, map[seal.Hash][]byte) {
	entries, plain := make([]seal.RollEntry, n), map[seal.Hash][]byte{}
	for i := range entries {
		e := seal.RollEntry{Stream: seal.StreamKey("order", fmt.Sprint("o-", i)), Version: uint64(i%5 + 1),
			Position: uint64(i + 7), Record: seal.LeafHash(fmt.Append(nil, i))}
		entries[i] = e
		rest := binary.BigEndian.AppendUint64(nil, e.Version)
		rest = binary.BigEndian.AppendUint64(rest, e.Position)
		plain[e.Stream] = append(rest, e.Record[:]...)
	}
	return entries, plain
}

func TestARollIsWhatItsDefinitionSays(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10, 300} {
		entries, plain := streams(n)
		roll, err := seal.NewRoll(slices.Clone(entries))
		require.NoError(t, err)
		assert.Equal(t, n, roll.Len())
		assert.Equal(t, rolled(plain, ""), roll.Root(), "%d streams", n)
		for _, e := range entries {
			got, path, ok := roll.Prove(e.Stream)
			require.True(t, ok)
			assert.Equal(t, e, got)
			require.NoError(t, seal.VerifyRoll(path, roll.Root(), got))
		}
		_, _, ok := roll.Prove(seal.StreamKey("order", "nobody"))
		assert.False(t, ok)
	}
}

func TestTheKeyOfAStreamIsItsCategoryAndID(t *testing.T) {
	want := sha256.Sum256([]byte("\x04\x05ordero-1"))
	assert.Equal(t, seal.Hash(want), seal.StreamKey("order", "o-1"))
	assert.NotEqual(t, seal.StreamKey("order", "o-1"), seal.StreamKey("ordero", "-1"), "the two cannot flow together")
}

func TestARollSaysOneThingOfAStream(t *testing.T) {
	entries, _ := streams(300)
	roll, err := seal.NewRoll(entries)
	require.NoError(t, err)
	e, path, ok := roll.Prove(seal.StreamKey("order", "o-17"))
	require.True(t, ok)
	root := roll.Root()
	for name, change := range map[string]func(*seal.RollEntry){
		"an earlier version":  func(e *seal.RollEntry) { e.Version-- },
		"an earlier position": func(e *seal.RollEntry) { e.Position-- },
		"another record":      func(e *seal.RollEntry) { e.Record[31] ^= 1 },
		"another stream":      func(e *seal.RollEntry) { e.Stream[31] ^= 1 },
	} {
		other := e
		change(&other)
		assert.ErrorIs(t, seal.VerifyRoll(path, root, other), seal.ErrProof, name)
	}
	for i := range path {
		changed := slices.Clone(path)
		changed[i][0] ^= 1
		assert.ErrorIs(t, seal.VerifyRoll(changed, root, e), seal.ErrProof)
		assert.ErrorIs(t, seal.VerifyRoll(path[:i], root, e), seal.ErrProof)
	}
	assert.ErrorIs(t, seal.VerifyRoll(make([]seal.Hash, seal.MaxRollPath+1), root, e), seal.ErrProof)

	_, err = seal.NewRoll(append(entries, e))
	assert.ErrorIs(t, err, seal.ErrInvalid, "named twice")
}

func TestKeysThatShareTheirFirstBitsArePartedDeepDown(t *testing.T) {
	a := seal.RollEntry{Stream: seal.Hash{0x55, 0x55, 0x01}, Version: 1, Position: 1}
	b := seal.RollEntry{Stream: seal.Hash{0x55, 0x55, 0x02}, Version: 1, Position: 2}
	roll, err := seal.NewRoll([]seal.RollEntry{b, a})
	require.NoError(t, err)
	_, path, ok := roll.Prove(a.Stream)
	require.True(t, ok)
	assert.Len(t, path, 23, "the first 22 bits are theirs together")
	for _, h := range path[:22] {
		assert.Equal(t, seal.Hash{}, h, "an empty subtree")
	}
	require.NoError(t, seal.VerifyRoll(path, roll.Root(), a))
	plain := map[seal.Hash][]byte{}
	for _, e := range []seal.RollEntry{a, b} {
		plain[e.Stream] = append(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, e.Version), e.Position),
			e.Record[:]...)
	}
	assert.Equal(t, rolled(plain, ""), roll.Root())
}

func TestARollIsSignedAsWhatItIs(t *testing.T) {
	signer := fixedSigner(t, logName, 0)
	said := seal.SignedRoll{Log: seal.Checkpoint{Origin: logName + "/1", Size: 300, Root: seal.LeafHash(nil)},
		Root: seal.LeafHash([]byte("roll"))}
	signed, err := signer.SignRoll(said)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(signed), logName+"/1\nroll 300\n"+said.Log.Root.String()+"\n"+
		said.Root.String()+"\n\n— "+logName+" "), "%s", signed)
	got, err := seal.OpenRoll(signed, signer.Verifier())
	require.NoError(t, err)
	assert.Equal(t, said, got)

	_, err = seal.Open(signed, signer.Verifier())
	assert.ErrorIs(t, err, seal.ErrMalformed, "a roll is no checkpoint")
	checkpoint, err := signer.Sign(said.Log)
	require.NoError(t, err)
	_, err = seal.OpenRoll(checkpoint, signer.Verifier())
	assert.ErrorIs(t, err, seal.ErrMalformed, "and no checkpoint is a roll")
	_, err = seal.OpenRoll(signed, fixedSigner(t, "other.example/log", 1).Verifier())
	assert.ErrorIs(t, err, seal.ErrSignature)
	for i := range signed {
		changed := bytes.Clone(signed)
		changed[i] ^= 1
		_, err := seal.OpenRoll(changed, signer.Verifier())
		require.Error(t, err, "byte %d", i)
	}
	said.Log.Origin = "other.example/log"
	_, err = signer.SignRoll(said)
	assert.ErrorIs(t, err, seal.ErrInvalid, "the key does not speak for it")
	said.Log = seal.Checkpoint{Origin: logName, Size: seal.MaxSize + 1}
	_, err = signer.SignRoll(said)
	assert.ErrorIs(t, err, seal.ErrInvalid)
}

func TestATextThatIsNoRollIsRefused(t *testing.T) {
	signer, root := fixedSigner(t, logName, 0), seal.LeafHash(nil).String()
	for text, line := range map[string]string{
		logName + "\nroll 3\n" + root + "\n":                                    "",
		logName + "\nroll 3\n" + root + "\n" + root + "\n" + root + "\n":        "",
		logName + "\nroll 03\n" + root + "\n" + root + "\n":                     "line 2",
		logName + "\nrolls 3\n" + root + "\n" + root + "\n":                     "line 2",
		logName + "\nroll 3\n" + root[1:] + "\n" + root + "\n":                  "line 3",
		logName + "\nroll 3\n" + root + "\n" + root[:43] + "A\n":                "line 4",
		"two words\nroll 3\n" + root + "\n" + root + "\n":                       "line 1",
		logName + "\nroll " + "72057594037927936\n" + root + "\n" + root + "\n": "line 2",
	} {
		_, err := seal.OpenRoll(signText(t, text, logName, 0), signer.Verifier())
		require.ErrorIs(t, err, seal.ErrMalformed, "%s", text)
		assert.ErrorContains(t, err, "roll")
		assert.ErrorContains(t, err, line)
	}
}
