package apo

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGatewayURLsThatAreRefused(t *testing.T) {
	for text, reason := range map[string]string{
		"": "empty", "apo.example": "URL with a host", "https://": "URL with a host", "mailto:a@b": "URL with a host",
		"https://\x00": "URL with a host", "\xff": "too long", "ftp://apo.example": "neither https nor http",
		"http://apo.example": "another machine", "http://10.0.0.1": "another machine",
		"http://127.0.0.1.example":       "another machine",
		"https://me:hunter2@apo.example": "user or password", "https://apo.example/?a=1": "query",
		"https://apo.example/#x":                                 "query or fragment",
		"https://apo.example/" + strings.Repeat("x", gatewayMax): "too long",
	} {
		_, err := NewClient(text, testClientID, testKeys(), nil)
		require.ErrorIs(t, err, ErrConfig, text)
		assert.ErrorContains(t, err, reason, text)
		assert.NotContains(t, err.Error(), "hunter2")
	}
	for _, text := range []string{
		"https://open-sea-global.alipay.com", "http://localhost:8080/", "http://127.0.0.9", "http://[::1]:8080/apo/",
		"HTTPS://apo.example/a%20b",
	} {
		_, err := NewClient(text, testClientID, testKeys(), nil)
		assert.NoError(t, err, text)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	many := map[string]*rsa.PublicKey{}
	for i := range publicKeysMax + 1 {
		many[fmt.Sprint(i)] = &gatewayKey().PublicKey
	}
	public := testKeys().Public
	for name, row := range map[string]struct {
		client string
		keys   Keys
		cfg    Config
		err    error
	}{
		"no client id":       {"", testKeys(), Config{}, ErrConfig},
		"client id with dot": {"a.b", testKeys(), Config{}, ErrConfig},
		"client id in two":   {"a b", testKeys(), Config{}, ErrConfig},
		"long client id":     {strings.Repeat("x", IDMax+1), testKeys(), Config{}, ErrConfig},
		"no keys":            {"c", Keys{}, Config{}, ErrKey},
		"no private key":     {"c", Keys{Public: public}, Config{}, ErrKey},
		"no public key":      {"c", Keys{Private: merchantKey()}, Config{}, ErrKey},
		"nil public key": {"c", Keys{Private: merchantKey(), Public: map[string]*rsa.PublicKey{"1": nil}}, Config{},
			ErrKey},
		"short private key": {"c", Keys{Private: short, Public: public}, Config{}, ErrKey},
		"no private half": {"c", Keys{Private: &rsa.PrivateKey{PublicKey: merchantKey().PublicKey}, Public: public},
			Config{}, ErrKey},
		"halves of two pairs": {"c", Keys{Private: &rsa.PrivateKey{PublicKey: merchantKey().PublicKey, D: gatewayKey().D,
			Primes: gatewayKey().Primes}, Public: public}, Config{}, ErrKey},
		"short public key": {"c", Keys{Private: merchantKey(), Public: map[string]*rsa.PublicKey{"1": &short.PublicKey}},
			Config{}, ErrKey},
		"public key unnamed": {"c",
			Keys{Private: merchantKey(), Public: map[string]*rsa.PublicKey{"": &gatewayKey().PublicKey}}, Config{}, ErrConfig},
		"too many keys":      {"c", Keys{Private: merchantKey(), Public: many}, Config{}, ErrConfig},
		"version with comma": {"c", Keys{Private: merchantKey(), Public: public, KeyVersion: "1,2"}, Config{}, ErrConfig},
		"long version": {"c",
			Keys{Private: merchantKey(), Public: public, KeyVersion: strings.Repeat("1", keyVersionMax+1)}, Config{}, ErrConfig},
		"negative timeout":    {"c", testKeys(), Config{CallTimeout: -1}, ErrConfig},
		"token with newline":  {"c", testKeys(), Config{AgentToken: "hunter2\nX: y"}, ErrConfig},
		"endless token":       {"c", testKeys(), Config{AgentToken: strings.Repeat("x", agentTokenMax+1)}, ErrConfig},
		"prefix without root": {"c", testKeys(), Config{SignedPathPrefix: "far"}, ErrConfig},
		"prefix with newline": {"c", testKeys(), Config{SignedPathPrefix: "/a\nb"}, ErrConfig},
	} {
		_, err := NewClient("https://apo.example", row.client, row.keys, &row.cfg)
		require.ErrorIs(t, err, row.err, name)
		assert.NotContains(t, err.Error(), "hunter2", name)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	const token = "hunter2-token"
	cfg := Config{AgentToken: token, HTTPClient: &http.Client{Timeout: time.Second}}
	keys := testKeys()
	c := clientOf(t, "https://apo.example", &cfg)
	v, err := NewVerifier(testClientID, keys, nil)
	require.NoError(t, err)
	numbers := []string{merchantKey().D.String(), merchantKey().D.Text(16), merchantKey().Primes[0].String(), token}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		for _, value := range []any{
			cfg, &cfg, keys, &keys, c, *c, v, *v, []any{cfg, keys, c}, map[string]any{"c": c, "k": keys},
			struct {
				C Config
				K Keys
			}{cfg, keys},
			struct{ c *Client }{c},
			struct{ c Client }{*c},
		} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range numbers {
				assert.NotContains(t, text, secret, "%s of %T", verb, value)
			}
		}
	}
	assert.Equal(t, `apo.Config{AgentToken: redacted, SignedPathPrefix: "", CallTimeout: 0s}`, fmt.Sprint(cfg))
	assert.Equal(t, `apo.Keys{Private: redacted, Public: 1}`, fmt.Sprint(keys))
	assert.Equal(t, `apo.Keys{Private: none, Public: 0}`, fmt.Sprint(Keys{}))
	assert.Equal(t, `apo.Client{Gateway: https://apo.example, ClientID: 5X00000000000000}`, fmt.Sprint(c))
	for _, value := range []any{cfg, keys} {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		assert.NotContains(t, string(text), token)
		assert.NotContains(t, string(text), merchantKey().D.String())
	}
}
