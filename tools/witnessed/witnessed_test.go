package witnessed

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

const keyName = "shop.example/orders"

// aLog is a log's file with a key that signs for it.
func aLog(t *testing.T) (*bolt.Log, *seal.Verifier) {
	t.Helper()
	private, public, err := seal.GenerateKey(nil, keyName)
	require.NoError(t, err)
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log"), &bolt.Config{SignerKey: private})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	verifier, err := seal.NewVerifier(public)
	require.NoError(t, err)
	return log, verifier
}

// grow appends so many records, and signs for all.
func grow(t *testing.T, log *bolt.Log, n int) []byte {
	t.Helper()
	now, err := log.Tree(t.Context())
	require.NoError(t, err)
	for i := range n {
		id := fmt.Sprintf("o-%d", now.Size+uint64(i))
		_, err := log.Append(t.Context(), events.RefusalStream(id), 0, events.Record{ID: "r-" + id,
			Recorded: time.Unix(1_795_000_000, 0).UTC(), Event: events.CommandRefused{}})
		require.NoError(t, err)
	}
	signed, err := log.Checkpoint(t.Context())
	require.NoError(t, err)
	return signed
}

// programs builds litewitness, and what makes its database, once. They are built from a module of their own, which
// testdata has under names that are none: nothing that they need should have to be compiled into a test of ours.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "litewitness-"); err != nil {
		return "", err
	}
	for from, to := range map[string]string{"mod": "go.mod", "sum": "go.sum", "knows.go": "knows.go"} {
		b, err := os.ReadFile(filepath.Join("testdata", "litewitness", from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), ".",
		"filippo.io/torchwood/cmd/litewitness")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building litewitness: %w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// keyring is an ssh agent with one new key, and the key's fingerprint: litewitness asks an agent to sign.
func keyring(t *testing.T, socket string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	public, err := ssh.NewPublicKey(key.Public())
	require.NoError(t, err)
	ring := agent.NewKeyring()
	require.NoError(t, ring.Add(agent.AddedKey{PrivateKey: key}))
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, conn) }()
		}
	}()
	return ssh.FingerprintSHA256(public)
}

// liteWitness runs a litewitness that knows a log, and returns its address.
func liteWitness(t *testing.T, origin, key string) (address string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "w") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	db, socket := filepath.Join(dir, "db"), filepath.Join(dir, "s")
	bin, err := programs()
	require.NoError(t, err)
	out, err := exec.Command(filepath.Join(bin, "knows"), db, origin, key).CombinedOutput()
	require.NoError(t, err, "%s", out)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := free.Addr().String()
	require.NoError(t, free.Close())
	fingerprint := keyring(t, socket)
	witness := exec.Command(filepath.Join(bin, "litewitness"), "-name", "witness.example/w", "-db", db, "-ssh-agent",
		socket, "-key", fingerprint, "-listen", listen)
	var log strings.Builder
	witness.Stdout, witness.Stderr = &log, &log
	require.NoError(t, witness.Start())
	t.Cleanup(func() {
		_ = witness.Process.Signal(os.Interrupt)
		_ = witness.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	address = "http://" + listen
	require.Eventually(t, func() bool {
		response, err := http.Get(address)
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
	return address
}

// witnessKey reads what litewitness tells of its key.
func witnessKey(t *testing.T, address string) *seal.WitnessKey {
	t.Helper()
	response, err := http.Get(address)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	page := make([]byte, 4096)
	n, _ := response.Body.Read(page)
	for word := range strings.FieldsSeq(strings.ReplaceAll(string(page[:n]), "&#43;", "+")) {
		if key, err := seal.NewWitnessKey(word); err == nil {
			return key
		}
	}
	t.Fatalf("no key in %s", page[:n])
	return nil
}

// The key's name is not the log's origin, which a witness can warn of (witnessctl does): see decision 51.
func TestARealWitnessCosigns(t *testing.T) {
	log, verifier := aLog(t)
	signed := grow(t, log, 3)
	c, err := seal.Open(signed, verifier)
	require.NoError(t, err)
	address := liteWitness(t, c.Origin, verifier.String())
	key := witnessKey(t, address)
	w, err := seal.NewWitness(nil, address, key)
	require.NoError(t, err)

	for _, more := range []int{0, 0, 1, 300, 700} {
		signed := grow(t, log, more)
		cosigned, err := w.Cosign(context.Background(), signed, log.ProveConsistency, verifier)
		require.NoError(t, err)
		who, err := seal.Cosigned(cosigned, key)
		require.NoError(t, err)
		require.Len(t, who, 1)
		assert.Equal(t, "witness.example/w", who[0].Witness)
		assert.WithinDuration(t, time.Now(), who[0].At, time.Minute)
	}

	// A log with the same origin and another history is refused, and so is an older checkpoint.
	private, public, err := seal.GenerateKey(nil, keyName)
	require.NoError(t, err)
	signer, err := seal.NewSigner(private)
	require.NoError(t, err)
	other, err := seal.NewVerifier(public)
	require.NoError(t, err)
	forged, err := signer.Sign(seal.Checkpoint{Origin: c.Origin, Size: 2000})
	require.NoError(t, err)
	_, err = w.Cosign(context.Background(), forged, log.ProveConsistency, other)
	assert.ErrorContains(t, err, "does not know the log", "another's key")
	_, err = w.Cosign(context.Background(), signed, log.ProveConsistency, verifier)
	assert.ErrorContains(t, err, "has seen 1004 records")
}

func TestAWitnessRefusesALogThatWasRewritten(t *testing.T) {
	private, public, err := seal.GenerateKey(nil, keyName)
	require.NoError(t, err)
	signer, err := seal.NewSigner(private)
	require.NoError(t, err)
	verifier, err := seal.NewVerifier(public)
	require.NoError(t, err)
	address := liteWitness(t, keyName, public)
	w, err := seal.NewWitness(nil, address, witnessKey(t, address))
	require.NoError(t, err)
	cosign := func(c seal.Checkpoint, proof ...seal.Hash) error {
		signed, err := signer.Sign(c)
		require.NoError(t, err)
		_, err = w.Cosign(context.Background(), signed, func(context.Context, uint64, uint64) ([]seal.Hash, error) {
			return proof, nil
		}, verifier)
		return err
	}
	one := seal.LeafHash([]byte("one"))
	require.NoError(t, cosign(seal.Checkpoint{Origin: keyName, Size: 1, Root: one}))
	err = cosign(seal.Checkpoint{Origin: keyName, Size: 1, Root: seal.LeafHash([]byte("another"))})
	assert.ErrorIs(t, err, seal.ErrProof)
	err = cosign(seal.Checkpoint{Origin: keyName, Size: 2, Root: seal.LeafHash([]byte("another"))}, one)
	assert.ErrorIs(t, err, seal.ErrProof)
}

func TestTorchwoodsClientReadsTheTiles(t *testing.T) {
	log, verifier := aLog(t)
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	fetcher, err := torchwood.NewTileFetcher(server.URL)
	require.NoError(t, err)
	client, err := torchwood.NewClient(fetcher)
	require.NoError(t, err)
	for _, more := range []int{3, 252, 1, 1, 400} {
		_, err := audit.ExportTiles(t.Context(), log, dir, grow(t, log, more), verifier)
		require.NoError(t, err)
		signed, err := fetcher.ReadEndpoint(t.Context(), "checkpoint")
		require.NoError(t, err)
		ours, err := note.NewVerifier(verifier.String())
		require.NoError(t, err)
		opened, err := note.Open(signed, note.VerifierList(ours))
		require.NoError(t, err)
		checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
		require.NoError(t, err)
		read := int64(0)
		for read < checkpoint.N { // it leaves the unfull end to a second call
			before := read
			for i, entry := range client.Entries(t.Context(), checkpoint.Tree, read) {
				require.Equal(t, read, i)
				record, err := events.DecodeFrame(entry)
				require.NoError(t, err)
				require.Equal(t, uint64(i)+1, record.Position)
				read++
			}
			require.NoError(t, client.Err())
			require.Greater(t, read, before)
		}
		require.Equal(t, checkpoint.N, read)
		_, proof, err := client.Entry(t.Context(), checkpoint.Tree, checkpoint.N-1)
		require.NoError(t, err)
		hashes := make([]seal.Hash, len(proof))
		for i := range proof {
			hashes[i] = seal.Hash(proof[i])
		}
		last := lastFrame(t, log)
		require.NoError(t, seal.VerifyInclusion(hashes, uint64(checkpoint.N), seal.Hash(checkpoint.Hash),
			uint64(checkpoint.N)-1, seal.LeafHash(last)))
	}
}

func lastFrame(t *testing.T, log *bolt.Log) (last []byte) {
	t.Helper()
	for f, err := range log.Frames(t.Context(), store.Start()) {
		require.NoError(t, err)
		last = append(last[:0], f.Bytes...)
	}
	return last
}
