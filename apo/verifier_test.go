package apo

import (
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeysAreChosenByVersion(t *testing.T) {
	old, current := &merchantKey().PublicKey, &gatewayKey().PublicKey
	header, body := notified(with("S", "SUCCESS", `"notifyType":"PAYMENT_RESULT","paymentId":"P1"`))
	text := header.Get(headerSignature)
	for name, row := range map[string]struct {
		keys    map[string]*rsa.PublicKey
		version string
		ok      bool
	}{
		"named":                       {map[string]*rsa.PublicKey{"1": old, "2": current}, "2", true},
		"named, the other":            {map[string]*rsa.PublicKey{"1": old, "2": current}, "1", false},
		"named, not there":            {map[string]*rsa.PublicKey{"2": current}, "1", false},
		"unnamed, a single key":       {map[string]*rsa.PublicKey{"2": current}, "", true},
		"unnamed, of several: 1":      {map[string]*rsa.PublicKey{"1": current, "2": old}, "", true},
		"unnamed, of several: not 2":  {map[string]*rsa.PublicKey{"1": old, "2": current}, "", false},
		"unnamed, of several, no one": {map[string]*rsa.PublicKey{"3": old, "2": current}, "", false},
	} {
		v, err := NewVerifier(testClientID, Keys{Public: row.keys}, nil)
		require.NoError(t, err)
		item := ""
		if row.version != "" {
			item = "keyVersion=" + row.version + ","
		}
		header.Set(headerSignature, strings.Replace(text, "keyVersion=1,", item, 1))
		fact, err := v.VerifyNotification(http.MethodPost, notifyPath, header, body)
		if !row.ok {
			require.ErrorIs(t, err, ErrSignature, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, row.version, fact.Evidence().KeyVersion)
	}
}

func TestFreshnessIsOptIn(t *testing.T) {
	body := with("S", "SUCCESS", `"notifyType":"PAYMENT_RESULT","paymentId":"P1"`)
	for name, row := range map[string]struct {
		at    string
		fresh time.Duration
		ok    bool
	}{
		"any age by default": {"1", 0, true},
		"opaque by default":  {"once upon a time", 0, true},
		"in milliseconds":    {"1685599933871", time.Hour, true},
		"as ISO 8601":        {"2023-06-01T14:12:13+08:00", time.Hour, true},
		"too old":            {"1685596333870", time.Hour, false},
		"too new":            {"1685603533872", time.Hour, false},
		"at the edge":        {"1685596333871", time.Hour, true},
		"not a time":         {"once upon a time", time.Hour, false},
		"a vast number":      {"9223372036854775807", time.Hour, false},
	} {
		header := http.Header{}
		signed(header, notifyPath, headerRequestTime, row.at, body)
		v := verifierOf(t, &VerifierConfig{FreshFor: row.fresh, Now: testNow})
		_, err := v.VerifyNotification(http.MethodPost, notifyPath, header, []byte(body))
		if row.ok {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorIs(t, err, ErrStale, name)
		}
	}
}

func TestVerifierConfigurationsThatAreRefused(t *testing.T) {
	_, err := NewVerifier("", testKeys(), nil)
	require.ErrorIs(t, err, ErrConfig)
	_, err = NewVerifier(testClientID, Keys{}, nil)
	require.ErrorIs(t, err, ErrKey)
	_, err = NewVerifier(testClientID, testKeys(), &VerifierConfig{FreshFor: -1})
	require.ErrorIs(t, err, ErrConfig)
	_, err = NewVerifier(testClientID, testKeys(), &VerifierConfig{SignedPath: "payNotify"})
	require.ErrorIs(t, err, ErrConfig)
}

func TestAClientsVerifierBelievesWhomTheClientBelieves(t *testing.T) {
	client := clientOf(t, "http://127.0.0.1:1", nil)
	v, err := client.Verifier(nil)
	require.NoError(t, err)
	header, body := notified(with("S", "SUCCESS", `"notifyType":"PAYMENT_RESULT","paymentId":"P1"`))
	fact, err := v.VerifyNotification(http.MethodPost, notifyPath, header, body)
	require.NoError(t, err)
	assert.Equal(t, "P1", fact.PaymentID())
	body[len(body)-2] ^= 1
	_, err = v.VerifyNotification(http.MethodPost, notifyPath, header, body)
	assert.ErrorIs(t, err, ErrSignature)
	_, err = client.Verifier(&VerifierConfig{FreshFor: -1})
	assert.ErrorIs(t, err, ErrConfig)
}
