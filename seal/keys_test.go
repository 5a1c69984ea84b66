package seal_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// fixedKeys returns a key pair that is the same in every run, made from the words of the form and not by the code under
// test.
func fixedKeys(name string, seed byte) (signerKey, verifierKey string) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), ed25519.SeedSize)))
	public := append([]byte{1}, private.Public().(ed25519.PublicKey)...)
	id := keyID(name, public)
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, id, encode(append([]byte{1}, private.Seed()...))),
		fmt.Sprintf("%s+%s+%s", name, id, encode(public))
}

func fixedSigner(t testing.TB, name string, seed byte) *seal.Signer {
	t.Helper()
	key, _ := fixedKeys(name, seed)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

func TestGeneratedKeysWorkTogether(t *testing.T) {
	signerKey, verifierKey, err := seal.GenerateKey(rand.Reader, "shop.example/orders")
	require.NoError(t, err)
	signer, err := seal.NewSigner(signerKey)
	require.NoError(t, err)
	verifier, err := seal.NewVerifier(verifierKey)
	require.NoError(t, err)
	assert.Equal(t, verifierKey, verifier.String())
	assert.Equal(t, verifierKey, signer.Verifier().String(), "the signer knows its public half")
	assert.Equal(t, "shop.example/orders", verifier.Name())

	c := seal.Checkpoint{Origin: "shop.example/orders", Size: 7, Root: seal.LeafHash(nil)}
	signed, err := signer.Sign(c)
	require.NoError(t, err)
	got, err := seal.Open(signed, verifier)
	require.NoError(t, err)
	assert.Equal(t, c, got)

	_, _, err = seal.GenerateKey(strings.NewReader("too short"), "shop.example/orders")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	again, _, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	assert.NotEqual(t, signerKey, again)
}

func TestFixedKeysAreReadAsTheFormSays(t *testing.T) {
	_, verifierKey := fixedKeys("shop.example/orders", 0)
	assert.Equal(t, verifierKey, fixedSigner(t, "shop.example/orders", 0).Verifier().String())
}

func TestKeysReadFromFiles(t *testing.T) {
	signerKey, verifierKey := fixedKeys("log", 0)
	signer, err := seal.NewSigner(signerKey + "\n")
	require.NoError(t, err)
	assert.Equal(t, verifierKey, signer.String())
	id := strings.Split(verifierKey, "+")[1]
	for _, spelled := range []string{" " + verifierKey + "\r\n", verifierKey[:30] + "\n" + verifierKey[30:],
		strings.Replace(verifierKey, id, strings.ToUpper(id), 1)} {
		verifier, err := seal.NewVerifier(spelled)
		require.NoError(t, err)
		assert.Equal(t, verifierKey, verifier.String())
	}
}

// A plus is a digit of base64 as well as a separator; among forty keys many have one.
func TestKeysWithAPlusInThem(t *testing.T) {
	withPlus := 0
	for range 40 {
		signerKey, verifierKey, err := seal.GenerateKey(nil, "log")
		require.NoError(t, err)
		signer, err := seal.NewSigner(signerKey)
		require.NoError(t, err)
		assert.Equal(t, verifierKey, signer.Verifier().String())
		if strings.Count(signerKey, "+") > 4 {
			withPlus++
		}
	}
	assert.Positive(t, withPlus)
}

func TestMalformedKeysAreNotShown(t *testing.T) {
	signerKey, verifierKey := fixedKeys("log", 0)
	secret := signerKey[strings.LastIndex(signerKey, "+")+1:]
	for _, key := range []string{
		"", "log", signerKey[:len(signerKey)-4], signerKey + "A", strings.Replace(signerKey, "+log+", "+lag+", 1),
		verifierKey, "PRIVATE+KEY+log+00000000+" + secret,
	} {
		_, err := seal.NewSigner(key)
		require.ErrorIs(t, err, seal.ErrInvalid, key)
		assert.NotContains(t, err.Error(), secret[:8])
	}
	for _, key := range []string{"", "log", signerKey, verifierKey[:len(verifierKey)-4], "log+00000000+" +
		verifierKey[13:]} {
		_, err := seal.NewVerifier(key)
		require.ErrorIs(t, err, seal.ErrInvalid, key)
		assert.NotContains(t, err.Error(), secret[:8])
	}
	named, _ := fixedKeys("caf\u00e9", 0)
	_, err := seal.NewSigner(named)
	require.ErrorIs(t, err, seal.ErrInvalid, "a name that our origins cannot have")
}

func TestNothingPrintsThePrivateKey(t *testing.T) {
	signerKey, verifierKey := fixedKeys("log", 0)
	signer := fixedSigner(t, "log", 0)
	private := signerKey[strings.LastIndex(signerKey, "+")+1:]
	raw, err := base64.StdEncoding.DecodeString(private)
	require.NoError(t, err)
	//lint:ignore SA9005 that it shows nothing is the point
	asJSON, err := json.Marshal(signer)
	require.NoError(t, err)
	shown := string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb, signer) + fmt.Sprintf(verb, *signer) + fmt.Sprintf(verb, struct{ S *seal.Signer }{signer})
	}
	assert.Equal(t, verifierKey, fmt.Sprintf("%v", signer))
	assert.Equal(t, verifierKey, fmt.Sprintf("%#v", signer))
	for _, secret := range []string{private, private[2:40], string(raw[1:]), fmt.Sprintf("%x", raw[1:]),
		fmt.Sprint(raw[1:9])[1:20]} {
		assert.NotContains(t, shown, secret)
	}
}

func TestOriginsAreNamesWithARandomPart(t *testing.T) {
	id := [seal.OriginIDSize]byte{0: 0x3f, 15: 0xa1}
	origin, err := seal.NewOrigin("shop.example/orders", id)
	require.NoError(t, err)
	assert.Equal(t, "shop.example/orders/3f0000000000000000000000000000a1", origin)
	_, err = fixedSigner(t, "shop.example/orders", 0).Sign(seal.Checkpoint{Origin: origin})
	require.NoError(t, err, "the key of the name speaks for the origin")

	longest := strings.Repeat("n", seal.MaxName-1-2*seal.OriginIDSize)
	origin, err = seal.NewOrigin(longest, id)
	require.NoError(t, err)
	assert.Len(t, origin, seal.MaxName)

	_, err = seal.NewOrigin("log", [seal.OriginIDSize]byte{})
	require.ErrorIs(t, err, seal.ErrInvalid)
	assert.ErrorContains(t, err, "crypto/rand")
	for _, name := range []string{"", " ", "a b", "a+b", "a\nb", "a\tb", "a\x00b", "a\x7fb", "caf\u00e9", "a\u00a0b",
		"a\xffb", longest + "n"} {
		_, err := seal.NewOrigin(name, id)
		require.ErrorIs(t, err, seal.ErrInvalid, "%q", name)
	}
	for _, name := range []string{"", "a b", "a+b", strings.Repeat("n", seal.MaxName+1)} {
		_, _, err := seal.GenerateKey(nil, name)
		require.ErrorIs(t, err, seal.ErrInvalid, "%q", name)
	}
}
