package seal_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/tilltape/tilltape/seal"
)

const logName = "shop.example/orders"

// keyID is the hash that a key goes by in a note.
func keyID(name string, public []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	return fmt.Sprintf("%x", sum[:4])
}

// signText signs any text whatever, as a faulty or hostile holder of the key could.
func signText(t testing.TB, text string, name string, seed byte) []byte {
	t.Helper()
	key, _ := fixedKeys(name, seed)
	signer, err := note.NewSigner(key)
	require.NoError(t, err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	require.NoError(t, err)
	return signed
}

func TestCheckpointTextIsTheC2SPForm(t *testing.T) {
	root := mth(nil)
	c := seal.Checkpoint{Origin: logName, Size: 20_852_163, Root: root}
	assert.Equal(t, "shop.example/orders\n20852163\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", c.String())
	signed, err := fixedSigner(t, logName, 0).Sign(c)
	require.NoError(t, err)
	text, signature, found := strings.Cut(string(signed), "\n\n")
	require.True(t, found)
	assert.Equal(t, c.String(), text+"\n")
	assert.True(t, strings.HasPrefix(signature, "— shop.example/orders "))
	assert.Equal(t, signText(t, c.String(), logName, 0), signed)
}

func TestNoByteOfACheckpointCanChange(t *testing.T) {
	signer := fixedSigner(t, logName, 0)
	signed, err := signer.Sign(seal.Checkpoint{Origin: logName, Size: 12, Root: mth(nil)})
	require.NoError(t, err)
	for i := range signed {
		for bit := range 8 {
			signed[i] ^= 1 << bit
			_, err := seal.Open(signed, signer.Verifier())
			require.Error(t, err, "byte %d, bit %d", i, bit)
			require.True(t, errors.Is(err, seal.ErrMalformed) || errors.Is(err, seal.ErrSignature), "byte %d, bit %d: %v", i,
				bit, err)
			signed[i] ^= 1 << bit
		}
	}
	for n := range signed {
		_, err := seal.Open(signed[:n], signer.Verifier())
		require.Error(t, err, "cut to %d bytes", n)
	}
	_, err = seal.Open(signed, signer.Verifier())
	require.NoError(t, err)
}

// A signature of 64 bytes leaves two bits of its last base64 digit unused.
func TestASignatureHasOneSpelling(t *testing.T) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	signer := fixedSigner(t, logName, 0)
	signed, err := signer.Sign(seal.Checkpoint{Origin: logName, Size: 12})
	require.NoError(t, err)
	last := len(signed) - len("x=\n")
	digit := strings.IndexByte(digits, signed[last])
	for unused := 1; unused < 4; unused++ {
		signed[last] = digits[digit+unused]
		_, err = seal.Open(signed, signer.Verifier())
		require.ErrorIs(t, err, seal.ErrMalformed)
		assert.ErrorContains(t, err, "one base64 spelling")
	}
}

func TestSignedTextsThatAreNoCheckpoints(t *testing.T) {
	root := mth(nil).String()
	_, verifierKey := fixedKeys(logName, 0)
	verifier, err := seal.NewVerifier(verifierKey)
	require.NoError(t, err)
	for text, line := range map[string]int{
		logName + "\n12\n":                                 0,
		logName + "\n":                                     0,
		"\n12\n" + root + "\n":                             1,
		logName + "\n\n" + root + "\n":                     2,
		logName + "\n12\n\n":                               3,
		logName + "\n12\n" + root + "\n\nmore\n":           4,
		"shop example\n12\n" + root + "\n":                 1,
		logName + "\n012\n" + root + "\n":                  2,
		logName + "\n+12\n" + root + "\n":                  2,
		logName + "\n-1\n" + root + "\n":                   2,
		logName + "\n0x12\n" + root + "\n":                 2,
		logName + "\n72057594037927936\n" + root + "\n":    2,
		logName + "\n18446744073709551616\n" + root + "\n": 2,
		logName + "\n12\n" + root[:40] + "\n":              3,
		logName + "\n12\n" + root + "AAAA\n":               3,
		logName + "\n12\n" + root[:42] + "V=\n":            3, // bits that do not count
		logName + "\n12\n" + root + "=\n":                  3,
	} {
		_, err := seal.Open(signText(t, text, logName, 0), verifier)
		malformed := &seal.TextError{}
		require.ErrorAs(t, err, &malformed, "%q", text)
		assert.Equal(t, line, malformed.Line, "%q: %v", text, err)
	}
	c, err := seal.Open(signText(t, logName+"\n12\n"+root+"\nan extension\nanother\n", logName, 0), verifier)
	require.NoError(t, err, "extension lines are signed and mean nothing here")
	assert.Equal(t, seal.Checkpoint{Origin: logName, Size: 12, Root: mth(nil)}, c)
	endless := signText(t, c.String()+strings.Repeat("a", seal.MaxCheckpoint)+"\n", logName, 0)
	_, err = seal.Open(endless, verifier)
	require.ErrorIs(t, err, seal.ErrMalformed, "well-formed, signed and too long")
}

func TestOnlyTheLogsOwnKeysCount(t *testing.T) {
	origin := logName + "/3f"
	c := seal.Checkpoint{Origin: origin, Size: 3, Root: mth(nil)}
	own, old, other := fixedSigner(t, logName, 0), fixedSigner(t, logName, 1), fixedSigner(t, "other.example", 2)
	signed, err := own.Sign(c)
	require.NoError(t, err)

	for name, verifiers := range map[string][]*seal.Verifier{
		"nobody's":      nil,
		"an older key":  {old.Verifier()},
		"another log's": {other.Verifier()},
		"both wrong":    {old.Verifier(), other.Verifier()},
	} {
		_, err := seal.Open(signed, verifiers...)
		require.ErrorIs(t, err, seal.ErrSignature, name)
	}
	for name, verifiers := range map[string][]*seal.Verifier{
		"its own":              {own.Verifier()},
		"its own, given twice": {own.Verifier(), fixedSigner(t, logName, 0).Verifier()},
		"one of several":       {old.Verifier(), other.Verifier(), own.Verifier()},
	} {
		got, err := seal.Open(signed, verifiers...)
		require.NoError(t, err, name)
		assert.Equal(t, c, got)
	}

	forged := signText(t, c.String(), "other.example", 2)
	_, err = seal.Open(forged, other.Verifier(), own.Verifier())
	require.ErrorIs(t, err, seal.ErrSignature)
	assert.ErrorContains(t, err, "does not speak for", "a key that we trust for another log")
	sibling := seal.Checkpoint{Origin: logName + "-copy", Size: 3}
	_, err = seal.Open(signText(t, sibling.String(), logName, 0), own.Verifier())
	require.ErrorIs(t, err, seal.ErrSignature, "a name is no prefix but a folder")
}

func TestWitnessesMaySignToo(t *testing.T) {
	own, witness := fixedSigner(t, logName, 0), fixedSigner(t, "witness.example", 3)
	c := seal.Checkpoint{Origin: logName, Size: 3, Root: mth(nil)}
	var keys []note.Signer
	for name, seed := range map[string]byte{logName: 0, "witness.example": 3, "unknown.example": 4} {
		key, _ := fixedKeys(name, seed)
		signer, err := note.NewSigner(key)
		require.NoError(t, err)
		keys = append(keys, signer)
	}
	signed, err := note.Sign(&note.Note{Text: c.String()}, keys...)
	require.NoError(t, err)
	for _, verifiers := range [][]*seal.Verifier{{own.Verifier()}, {own.Verifier(), witness.Verifier()}} {
		got, err := seal.Open(signed, verifiers...)
		require.NoError(t, err)
		assert.Equal(t, c, got)
	}
	_, err = seal.Open(signed, witness.Verifier())
	require.ErrorIs(t, err, seal.ErrSignature, "a witness alone does not speak for the log")
}

// The hash in a key's name has 32 bits, so two keys of one hash are found by looking at some ten thousand.
func TestTwoKeysOfOneNameAndHash(t *testing.T) {
	seen := map[string]*seal.Verifier{}
	for i := uint64(0); ; i++ {
		public := binary.BigEndian.AppendUint64([]byte{1, 32: 0}[:1+32-8], i)
		id := keyID(logName, public)
		verifier, err := seal.NewVerifier(logName + "+" + id + "+" + base64.StdEncoding.EncodeToString(public))
		require.NoError(t, err)
		if other := seen[id]; other != nil {
			_, err := seal.Open(nil, verifier, other)
			require.ErrorIs(t, err, seal.ErrInvalid)
			assert.ErrorContains(t, err, logName+"+"+id)
			return
		}
		seen[id] = verifier
	}
}

func TestWhatIsNotSigned(t *testing.T) {
	signer := fixedSigner(t, logName, 0)
	for name, c := range map[string]seal.Checkpoint{
		"no origin":            {},
		"an origin of two":     {Origin: logName + "\n7"},
		"another log's origin": {Origin: "other.example"},
		"a sibling's origin":   {Origin: logName + "x"},
		"its parent's origin":  {Origin: "shop.example"},
		"too many records":     {Origin: logName, Size: seal.MaxSize + 1},
	} {
		_, err := signer.Sign(c)
		require.ErrorIs(t, err, seal.ErrInvalid, name)
	}
}
