package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// The whole protocol is told by the tests of package seal, and by a real witness in tools/witnessed.
func TestAnchorHasWitnessesCosign(t *testing.T) {
	aDay(t)
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	raw := append([]byte{4}, public...)
	sum := sha256.Sum256(append([]byte("witness.example/w\n"), raw...))
	text := fmt.Sprintf("witness.example/w+%x+%s", sum[:4], base64.StdEncoding.EncodeToString(raw))
	refuse := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if refuse != http.StatusOK {
			w.WriteHeader(refuse)
			return
		}
		_, note, _ := strings.Cut(string(body), "\n\n")
		said, _, _ := strings.Cut(note, "\n\n")
		sig := binary.BigEndian.AppendUint64(append([]byte(nil), sum[:4]...), 1_795_000_000)
		sig = append(sig, ed25519.Sign(key, []byte("cosignature/v1\ntime 1795000000\n"+said+"\n"))...)
		fmt.Fprintf(w, "— witness.example/w %s\n", base64.StdEncoding.EncodeToString(sig))
	}))
	defer server.Close()

	args := []string{"anchor", dayLog, "--key-file", ownerKey, "--witness", text + "@" + server.URL, "--file", "kept"}
	code, out, errs := execute(t, args...)
	require.Equal(t, exitOK, code, errs)
	witness, err := seal.NewWitnessKey(text)
	require.NoError(t, err)
	who, err := seal.Cosigned([]byte(out), witness)
	require.NoError(t, err)
	require.Len(t, who, 1)
	kept, err := os.ReadFile("kept")
	require.NoError(t, err)
	assert.Equal(t, out+"\n", string(kept), "what is kept is cosigned")

	for status, want := range map[int]int{http.StatusUnprocessableEntity: exitAltered, http.StatusNotFound: exitFailure,
		http.StatusInternalServerError: exitFailure} {
		refuse = status
		code, out, errs := execute(t, args...)
		assert.Equal(t, want, code, errs)
		assert.Contains(t, out, "— "+demoOrigin+" ", "it is anchored elsewhere all the same")
		assert.NotContains(t, out, "— witness.example/w")
	}
}

func TestAnchorSends(t *testing.T) {
	aDay(t)
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
	}))
	defer server.Close()
	code, out, errs := execute(t, "anchor", dayLog, "--key-file", ownerKey, "--post", server.URL)
	require.Equal(t, exitOK, code, errs)
	assert.Equal(t, out, got)
}
