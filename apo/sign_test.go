package apo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// vector is a signature made by the official SDK; the private keys are gone.
type vector struct {
	Name, Method, Path, ClientID, RequestTime, Body, Signature, SignatureHeader string
}

type vectors struct {
	GatewayPublicKeyPKIXBase64, MerchantPublicKeyPKIXBase64 string
	RequestVectors, WebhookVectors                          []vector
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/apo-signing.json")
	require.NoError(t, err)
	var all vectors
	require.NoError(t, json.Unmarshal(text, &all))
	require.Len(t, all.RequestVectors, 3)
	require.Len(t, all.WebhookVectors, 2)
	return all
}

func TestSignaturesOfTheOfficialSDKVerifyAndNoByteMayChange(t *testing.T) {
	all := readVectors(t)
	check := func(keyText string, v vector) {
		t.Run(v.Name, func(t *testing.T) {
			key, err := ParsePublicKey([]byte(keyText))
			require.NoError(t, err)
			signature, err := ParseSignature(v.SignatureHeader)
			require.NoError(t, err)
			m := Message{Method: v.Method, Path: v.Path, ClientID: v.ClientID, Time: v.RequestTime, Body: []byte(v.Body)}
			require.NoError(t, m.Verify(key, signature.Value))
			bare, err := url.PathUnescape(signature.Value)
			require.NoError(t, err)
			require.NoError(t, m.Verify(key, bare), "the signature may come unescaped")

			parts := map[string]func(*Message, *string) *string{
				"path":      func(m *Message, _ *string) *string { return &m.Path },
				"client":    func(m *Message, _ *string) *string { return &m.ClientID },
				"time":      func(m *Message, _ *string) *string { return &m.Time },
				"signature": func(_ *Message, s *string) *string { return s },
			}
			for name, part := range parts {
				whole := *part(&m, &signature.Value)
				for i := range len(whole) {
					for _, flip := range []byte{0x01, 0x20} {
						changed, value := m, signature.Value
						text := []byte(whole)
						text[i] ^= flip
						*part(&changed, &value) = string(text)
						require.ErrorIs(t, changed.Verify(key, value), ErrSignature, "%s byte %d", name, i)
					}
				}
			}
			for i := range m.Body {
				changed := m
				changed.Body = bytes.Clone(m.Body)
				changed.Body[i] ^= 0x01
				require.ErrorIs(t, changed.Verify(key, signature.Value), ErrSignature, "body byte %d", i)
			}
		})
	}
	for _, v := range all.RequestVectors {
		check(all.MerchantPublicKeyPKIXBase64, v)
	}
	for _, v := range all.WebhookVectors {
		check(all.GatewayPublicKeyPKIXBase64, v)
	}
}

func TestSignedMessagesVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Message{
			Method: "POST", Path: "/" + rapid.String().Draw(t, "path"), ClientID: rapid.String().Draw(t, "client"),
			Time: rapid.String().Draw(t, "time"), Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		}
		value, err := m.Sign(merchantKey())
		require.NoError(t, err)
		require.NoError(t, m.Verify(&merchantKey().PublicKey, value))
		require.ErrorIs(t, m.Verify(&gatewayKey().PublicKey, value), ErrSignature)

		back, err := ParseSignature(Signature{Value: value}.Header())
		require.NoError(t, err)
		require.Equal(t, Signature{Algorithm: Algorithm, KeyVersion: DefaultKeyVersion, Value: value}, back)
	})
}

func TestSigningWithoutAKeyIsAnErrorNotAPanic(t *testing.T) {
	_, err := Message{}.Sign(nil)
	require.ErrorIs(t, err, ErrKey)
	require.ErrorIs(t, Message{}.Verify(nil, "AAAA"), ErrKey)
}

func TestOneSignatureHasOneSpelling(t *testing.T) {
	m := Message{Method: "POST", Path: "/p", ClientID: "c", Time: "1", Body: []byte("{}")}
	value, err := m.Sign(merchantKey())
	require.NoError(t, err)
	bare, err := url.PathUnescape(value)
	require.NoError(t, err)
	spare := bare[:len(bare)-3] + string(bare[len(bare)-3]+1) + "=="
	_, err = base64.StdEncoding.DecodeString(spare)
	require.NoError(t, err, "the spare bits decode where nobody looks")
	for name, text := range map[string]string{
		"empty": "", "spare bits": spare, "line break": bare[:9] + "\n" + bare[9:], "escaped line break": bare[:9] + "%0A" +
			bare[9:],
		"lower-case escapes": strings.ToLower("%3D"), "no base64": "*", "half an escape": "AAA%3",
		"twice escaped": url.QueryEscape(value), "too long": strings.Repeat("A", signatureTextMax+4),
	} {
		require.ErrorIs(t, m.Verify(&merchantKey().PublicKey, text), ErrSignature, name)
	}
	lower := strings.ReplaceAll(value, "%3D", "%3d")
	require.NotEqual(t, value, lower)
	require.ErrorIs(t, m.Verify(&merchantKey().PublicKey, lower), ErrSignature)
}

func TestParseSignatureTakesItemsInAnyOrder(t *testing.T) {
	want := Signature{Algorithm: "RSA256", KeyVersion: "2", Value: "a+b/=="}
	for _, header := range []string{
		"algorithm=RSA256,keyVersion=2,signature=a+b/==",
		"signature=a+b/==, keyVersion=2, algorithm=RSA256",
		" keyVersion=2 ,\talgorithm=RSA256 , signature=a+b/== , extra=1",
	} {
		got, err := ParseSignature(header)
		require.NoError(t, err, header)
		assert.Equal(t, want, got, header)
	}
	got, err := ParseSignature("algorithm=RSA256,signature=x")
	require.NoError(t, err)
	assert.Empty(t, got.KeyVersion)
}

func TestParseSignatureRefuses(t *testing.T) {
	for name, header := range map[string]string{
		"empty": "", "no signature": "algorithm=RSA256,keyVersion=1", "no algorithm": "signature=x",
		"other algorithm": "algorithm=RSA1,signature=x", "twice": "algorithm=RSA256,signature=x,signature=y",
		"empty item": "algorithm=RSA256,signature=", "no value": "algorithm=RSA256,keyVersion,signature=x",
		"too long": "algorithm=RSA256,signature=" + strings.Repeat("x", signatureTextMax),
	} {
		_, err := ParseSignature(header)
		assert.ErrorIs(t, err, ErrSignature, name)
	}
}

func FuzzParseSignature(f *testing.F) {
	f.Add("algorithm=RSA256,keyVersion=1,signature=a%2Fb")
	f.Add("signature=,,=,algorithm")
	f.Fuzz(func(t *testing.T, header string) {
		s, err := ParseSignature(header)
		if err != nil {
			require.ErrorIs(t, err, ErrSignature)
			return
		}
		back, err := ParseSignature(s.Header())
		require.NoError(t, err)
		if s.KeyVersion == "" {
			s.KeyVersion = DefaultKeyVersion
		}
		require.Equal(t, s, back)
	})
}
