package apo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/testkeys"
)

func merchantKey() *rsa.PrivateKey { return testkeys.Merchant() }

func gatewayKey() *rsa.PrivateKey { return testkeys.APO() }

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return der
}

func spki(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return der
}

func pemText(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func base64Text(der []byte) []byte {
	return []byte(base64.StdEncoding.EncodeToString(der))
}

func TestParsePrivateKeyTakesPEMAndBareBase64(t *testing.T) {
	der := pkcs8(t, merchantKey())
	bare := base64Text(der)
	broken := append(append([]byte("  "), bare[:64]...), append([]byte("\r\n"), bare[64:]...)...)
	for name, text := range map[string][]byte{
		"PEM": pemText("PRIVATE KEY", der), "bare": bare, "bare over two lines": append(broken, '\n'),
	} {
		key, err := ParsePrivateKey(text)
		require.NoError(t, err, name)
		assert.True(t, key.Equal(merchantKey()), name)
	}
}

func TestParsePublicKeyTakesPEMAndBareBase64(t *testing.T) {
	der := spki(t, &merchantKey().PublicKey)
	for name, text := range map[string][]byte{"PEM": pemText("PUBLIC KEY", der), "bare": base64Text(der)} {
		key, err := ParsePublicKey(text)
		require.NoError(t, err, name)
		assert.True(t, key.Equal(&merchantKey().PublicKey), name)
	}
}

func TestUnusableKeysAreRefusedWithAReason(t *testing.T) {
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	private, public := pkcs8(t, merchantKey()), spki(t, &merchantKey().PublicKey)
	parsePrivate := func(text []byte) error { _, err := ParsePrivateKey(text); return err }
	parsePublic := func(text []byte) error { _, err := ParsePublicKey(text); return err }
	rows := []struct {
		name   string
		parse  func([]byte) error
		text   []byte
		reason string
	}{
		{"empty private", parsePrivate, nil, "is empty"},
		{"blank private", parsePrivate, []byte(" \n"), "is empty"},
		{"garbage private", parsePrivate, []byte("correct horse battery"), "neither PEM nor base64"},
		{"base64 of garbage", parsePrivate, []byte("aGVsbG8="), "not a PKCS#8 key"},
		{"endless private", parsePrivate, make([]byte, keyTextMax+2), "longer than"},
		{"elliptic private", parsePrivate, base64Text(pkcs8(t, elliptical)), "not an RSA key"},
		{"short private", parsePrivate, base64Text(pkcs8(t, short)), "1024 bits"},
		{"PKCS#1 private", parsePrivate, pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(merchantKey())), "PKCS#1"},
		{"PKCS#1 bare", parsePrivate, base64Text(x509.MarshalPKCS1PrivateKey(merchantKey())), "PKCS#1"},
		{"public as private", parsePrivate, pemText("PUBLIC KEY", public), "another kind"},
		{"two private", parsePrivate, append(pemText("PRIVATE KEY", private), pemText("PRIVATE KEY", private)...),
			"more text"},
		{"empty public", parsePublic, nil, "is empty"},
		{"garbage public", parsePublic, []byte("%%%"), "neither PEM nor base64"},
		{"base64 of garbage public", parsePublic, []byte("aGVsbG8="), "not an SPKI key"},
		{"elliptic public", parsePublic, base64Text(spki(t, &elliptical.PublicKey)), "not an RSA key"},
		{"short public", parsePublic, base64Text(spki(t, &short.PublicKey)), "1024 bits"},
		{"private as public", parsePublic, pemText("PRIVATE KEY", private), "another kind"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			err := row.parse(row.text)
			require.ErrorIs(t, err, ErrKey)
			assert.ErrorContains(t, err, row.reason)
			var detail *Error
			require.ErrorAs(t, err, &detail)
			assert.NotEmpty(t, detail.Remedy)
			if text := strings.TrimSpace(string(row.text)); len(text) > 16 {
				assert.NotContains(t, err.Error(), text[:16])
			}
		})
	}
}
