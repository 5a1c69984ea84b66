package seal_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tilltape/tilltape/seal"
)

// somebody is a witness as c2sp.org/tlog-witness describes one: it resists a log that does not go on from what it has
// seen. It rests on Go's own proofs and not on ours.
type somebody struct {
	name string
	key  ed25519.PrivateKey
	now  time.Time

	mu     sync.Mutex
	logs   map[string]bool // known origins
	seen   int64
	root   tlog.Hash
	asked  int
	answer func(w http.ResponseWriter) bool // true: it has answered otherwise
}

func newSomebody(name string, origins ...string) *somebody {
	seed := sha256.Sum256([]byte(name))
	s := &somebody{name: name, key: ed25519.NewKeyFromSeed(seed[:]), now: time.Unix(1_795_000_000, 0).UTC(),
		logs: map[string]bool{}}
	for _, origin := range origins {
		s.logs[origin] = true
	}
	return s
}

func (s *somebody) id() ([]byte, []byte) {
	public, _ := s.key.Public().(ed25519.PublicKey)
	raw := append([]byte{4}, public...)
	sum := sha256.Sum256(append([]byte(s.name+"\n"), raw...))
	return sum[:4], raw
}

func (s *somebody) publicKey() string {
	id, raw := s.id()
	return fmt.Sprintf("%s+%x+%s", s.name, id, base64.StdEncoding.EncodeToString(raw))
}

// line is its signature of a note's text.
func (s *somebody) line(text string, at time.Time) string {
	id, _ := s.id()
	sig := binary.BigEndian.AppendUint64(bytes.Clone(id), uint64(at.Unix()))
	sig = append(sig, ed25519.Sign(s.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), text))...)
	return "— " + s.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

func (s *somebody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	body, _ := io.ReadAll(r.Body)
	if s.answer != nil && s.answer(w) {
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/somewhere/add-checkpoint" {
		http.Error(w, "no", http.StatusNotFound)
		return
	}
	head, note, _ := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	old, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64)
	text, _, signed := strings.Cut(note, "\n\n")
	fields := strings.Split(text, "\n")
	if err != nil || !signed || len(fields) != 3 {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	if !s.logs[fields[0]] {
		http.Error(w, "unknown", http.StatusNotFound)
		return
	}
	if old != s.seen {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d\n", s.seen)
		return
	}
	size, _ := strconv.ParseInt(fields[1], 10, 64)
	root, _ := tlog.ParseHash(fields[2])
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		proof = append(proof, h)
	}
	if old > 0 && tlog.CheckTree(proof, size, root, old, s.root) != nil || old == 0 && len(proof) > 0 {
		http.Error(w, "it does not go on", http.StatusUnprocessableEntity)
		return
	}
	s.seen, s.root = size, root
	io.WriteString(w, "— somebody.else/else "+base64.StdEncoding.EncodeToString(make([]byte, 76))+"\n")
	io.WriteString(w, s.line(text+"\n", s.now))
}

// witnessOf lets somebody serve, and is the client for it.
func witnessOf(t *testing.T, s *somebody) *seal.Witness {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	key, err := seal.NewWitnessKey(s.publicKey())
	require.NoError(t, err)
	w, err := seal.NewWitness(nil, server.URL+"/somewhere", key)
	require.NoError(t, err)
	return w
}

func TestAWitnessCosignsALogThatGoesOn(t *testing.T) {
	ctx := context.Background()
	_, s := records(300)
	prove := func(_ context.Context, old, size uint64) ([]seal.Hash, error) {
		return seal.ProveConsistency(s.at(int(size)), old, size)
	}
	first, second := newSomebody("witness.example/1", logName), newSomebody("witness.example/2", logName)
	one, two := witnessOf(t, first), witnessOf(t, second)
	keys := []*seal.WitnessKey{}
	for _, s := range []*somebody{first, second} {
		key, err := seal.NewWitnessKey(s.publicKey())
		require.NoError(t, err)
		keys = append(keys, key)
	}
	for _, size := range []int{0, 1, 200, 200, 300} {
		signed, verifier := signedAt(t, s, size)
		cosigned, err := one.Cosign(ctx, signed, prove, verifier)
		require.NoError(t, err, "size %d", size)
		cosigned, err = two.Cosign(ctx, cosigned, prove, verifier)
		require.NoError(t, err)
		c, err := seal.Open(cosigned, verifier)
		require.NoError(t, err)
		assert.Equal(t, uint64(size), c.Size, "it is the owner's checkpoint as ever")
		got, err := seal.Cosigned(cosigned, keys...)
		require.NoError(t, err)
		assert.Equal(t, []seal.Cosignature{{Witness: "witness.example/1", At: first.now},
			{Witness: "witness.example/2", At: second.now}}, got)

		// Again, at another time: the newer word takes the place of the older.
		first.now = first.now.Add(time.Hour)
		again, err := one.Cosign(ctx, cosigned, prove, verifier)
		require.NoError(t, err)
		assert.Len(t, again, len(cosigned))
		got, err = seal.Cosigned(again, keys...)
		require.NoError(t, err)
		assert.Equal(t, []seal.Cosignature{{Witness: "witness.example/2", At: second.now},
			{Witness: "witness.example/1", At: first.now}}, got)
	}
}

func TestAWitnessDoesNotCosignWhatDoesNotGoOn(t *testing.T) {
	ctx := context.Background()
	_, s := records(300)
	prove := func(_ context.Context, old, size uint64) ([]seal.Hash, error) {
		return seal.ProveConsistency(s.at(int(size)), old, size)
	}
	server := newSomebody("witness.example/1", logName)
	w := witnessOf(t, server)
	signed, verifier := signedAt(t, s, 200)
	_, err := w.Cosign(ctx, signed, prove, verifier)
	require.NoError(t, err)

	forged, err := fixedSigner(t, logName, 0).Sign(seal.Checkpoint{Origin: logName, Size: 250, Root: seal.LeafHash(nil)})
	require.NoError(t, err)
	_, err = w.Cosign(ctx, forged, prove, verifier)
	assert.ErrorIs(t, err, seal.ErrAnchor)
	assert.ErrorIs(t, err, seal.ErrProof, "the alarm: the log was rewritten")
	older, _ := signedAt(t, s, 100)
	_, err = w.Cosign(ctx, older, prove, verifier)
	assert.ErrorIs(t, err, seal.ErrAnchor)
	assert.ErrorContains(t, err, "has seen 200 records")
	stuck := errors.New("no proof today")
	newer, _ := signedAt(t, s, 300)
	broken := func(context.Context, uint64, uint64) ([]seal.Hash, error) { return nil, stuck }
	_, err = w.Cosign(ctx, newer, broken, verifier)
	assert.ErrorIs(t, err, stuck)
	_, err = w.Cosign(ctx, newer, prove, fixedSigner(t, logName, 1).Verifier())
	assert.ErrorIs(t, err, seal.ErrSignature, "nobody else's checkpoint is sent")

	_, err = witnessOf(t, newSomebody("witness.example/1")).Cosign(ctx, newer, prove, verifier)
	assert.ErrorContains(t, err, "does not know the log")
	assert.ErrorContains(t, err, logName)
}

func TestWhatAWitnessAnswersIsHeldAgainstItsKey(t *testing.T) {
	ctx := context.Background()
	_, s := records(10)
	prove := func(_ context.Context, old, size uint64) ([]seal.Hash, error) {
		return seal.ProveConsistency(s.at(int(size)), old, size)
	}
	signed, verifier := signedAt(t, s, 10)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	server := newSomebody("witness.example/1", logName)
	answers := map[string]struct {
		answer func(w http.ResponseWriter) bool
		says   string
	}{
		"another text": {func(w http.ResponseWriter) bool {
			io.WriteString(w, server.line(text+"\nmore\n", server.now))
			return true
		}, "did not sign"},
		"no time": {func(w http.ResponseWriter) bool {
			io.WriteString(w, server.line(text+"\n", time.Unix(0, 0)))
			return true
		}, "did not sign"},
		"another witness": {func(w http.ResponseWriter) bool {
			io.WriteString(w, newSomebody("witness.example/2").line(text+"\n", server.now))
			return true
		}, "without a signature of the key"},
		"no note":    {func(w http.ResponseWriter) bool { io.WriteString(w, "hello\n"); return true }, "no signed note"},
		"nothing":    {func(w http.ResponseWriter) bool { return true }, "no signed note"},
		"a redirect": {func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusFound); return true }, "status 302"},
		"an error":   {func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }, "status 502"},
		"no number":  {func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusConflict); return true }, "did not say"},
		"always other": {func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, "%d\n", server.asked)
			return true
		}, "one process alone"},
	}
	for name, c := range answers {
		server.answer, server.asked = c.answer, 0
		_, err := witnessOf(t, server).Cosign(ctx, signed, prove, verifier)
		require.ErrorIs(t, err, seal.ErrAnchor, name)
		assert.ErrorContains(t, err, c.says, name)
		assert.LessOrEqual(t, server.asked, 4, name)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := witnessOf(t, server).Cosign(ended, signed, prove, verifier)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAWitnessKeyIsOneTextAndOfItsKind(t *testing.T) {
	good := newSomebody("witness.example/1").publicKey()
	key, err := seal.NewWitnessKey(" " + good + "\n")
	require.NoError(t, err)
	assert.Equal(t, "witness.example/1", key.Name())
	assert.Equal(t, good, key.String())
	_, logKey := fixedKeys(logName, 0)
	for _, bad := range []string{"", "a+b", logKey, good[:len(good)-4], strings.ToUpper(good),
		strings.Replace(good, "+", "+0", 1), strings.Replace(good, "witness", "wit ness", 1), good + "A"} {
		_, err := seal.NewWitnessKey(bad)
		assert.ErrorIs(t, err, seal.ErrInvalid, bad)
	}
	for _, bad := range []string{"", "witness.example", "ftp://witness.example", "https://"} {
		_, err := seal.NewWitness(nil, bad, key)
		assert.ErrorIs(t, err, seal.ErrInvalid, bad)
	}
}

func TestCosignaturesAreOfTheKeysThatAreNamed(t *testing.T) {
	_, s := records(10)
	signed, _ := signedAt(t, s, 10)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	w := newSomebody("witness.example/1")
	key, err := seal.NewWitnessKey(w.publicKey())
	require.NoError(t, err)
	got, err := seal.Cosigned(signed, key)
	require.NoError(t, err)
	assert.Empty(t, got)
	cosigned := string(signed) + w.line(text+"\n", w.now)
	got, err = seal.Cosigned([]byte(cosigned))
	require.NoError(t, err)
	assert.Empty(t, got, "nobody is named")
	got, err = seal.Cosigned([]byte(cosigned), key, key)
	require.NoError(t, err)
	assert.Len(t, got, 1)
	for i := len(signed); i < len(cosigned)-1; i++ {
		changed := []byte(cosigned)
		changed[i] ^= 1
		got, err := seal.Cosigned(changed, key)
		assert.True(t, err != nil || len(got) == 0, "byte %d", i)
	}
	_, err = seal.Cosigned([]byte("hello\n"), key)
	assert.ErrorIs(t, err, seal.ErrMalformed)
	_, err = seal.Cosigned(make([]byte, seal.MaxCheckpoint+1), key)
	assert.ErrorIs(t, err, seal.ErrMalformed)
}
