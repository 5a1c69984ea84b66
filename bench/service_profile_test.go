package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	rpprof "runtime/pprof"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What this process does is to sign; the profile says so.
func TestAProfileTellsSigning(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	require.NoError(t, err)
	hash := sha256.Sum256([]byte("x"))
	var profile bytes.Buffer
	require.NoError(t, rpprof.StartCPUProfile(&profile))
	for begun := time.Now(); time.Since(begun) < time.Second; {
		_, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
		require.NoError(t, err)
	}
	rpprof.StopCPUProfile()
	s, err := readShares(profile.Bytes())
	require.NoError(t, err)
	sum := 0.0
	for _, share := range s {
		sum += share
	}
	assert.InDelta(t, 1, sum, 1e-9)
	assert.Greater(t, s[partSigning], 0.5)

	for cut := range 3 {
		_, err = readShares(profile.Bytes()[:profile.Len()*cut/3])
		require.ErrorIs(t, err, errProfile)
	}
}

func TestPartsOfWork(t *testing.T) {
	for function, want := range map[string]int{
		"crypto/internal/fips140/bigmod.addMulVVW2048":            partSigning,
		"golang.org/x/sys/unix.Fdatasync":                         partSync,
		"go.etcd.io/bbolt.(*DB).Update":                           partLog,
		"github.com/tilltape/tilltape/store/bolt.(*Log).Append":   partLog,
		"github.com/tilltape/tilltape/order.Decide":               partOurs,
		"github.com/tilltape/tilltape.(*Orders).Cancel":           partOurs,
		"main.(*shop).cancel":                                     partOurs,
		"encoding/json.Unmarshal":                                 partHTTP,
		"net/http.(*conn).serve":                                  partHTTP,
		"runtime.gcBgMarkWorker.func2":                            partGarbage,
		"runtime.futex":                                           partOther,
		"github.com/prometheus/client_golang/prometheus.Register": partOther,
	} {
		got, known := partOf(function)
		assert.Equal(t, want, got, function)
		assert.Equal(t, want != partOther, known, function)
	}
}

func TestAProfileIsFetched(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(pprof.Profile))
	defer server.Close()
	_, err := sharesAt(server.URL + "?seconds=1")
	require.NoError(t, err)
	server.Config.Handler = http.NotFoundHandler()
	_, err = sharesAt(server.URL)
	require.ErrorContains(t, err, "404")
}
