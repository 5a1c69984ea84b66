package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

func someCheckpoint(t testing.TB) []byte {
	t.Helper()
	_, s := records(3)
	signed, _ := signedAt(t, s, 3)
	return signed
}

func TestFileAnchorAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints")
	signed := someCheckpoint(t)
	for range 3 {
		require.NoError(t, seal.FileAnchor(path)(t.Context(), signed))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat(string(signed)+"\n", 3), string(kept))
}

func TestFileAnchorKeepsClearOfWhatACrashLeft(t *testing.T) {
	signed := someCheckpoint(t)
	for left, gap := range map[string]string{"": "", "half a li": "\n\n", "a line\n": "\n", "an end\n\n": "", "\n": "\n"} {
		path := filepath.Join(t.TempDir(), "checkpoints")
		require.NoError(t, os.WriteFile(path, []byte(left), 0o600))
		require.NoError(t, seal.FileAnchor(path)(t.Context(), signed))
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, left+gap+string(signed)+"\n", string(kept))
	}
}

func TestFileAnchorTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints")
	signed := someCheckpoint(t)
	anchor := seal.FileAnchor(path)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { assert.NoError(t, anchor(context.Background(), signed)) })
	}
	all.Wait()
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat(string(signed)+"\n", 8), string(kept))
}

func TestFileAnchorFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no such folder", "checkpoints")
	err := seal.FileAnchor(path)(t.Context(), someCheckpoint(t))
	require.ErrorIs(t, err, seal.ErrAnchor)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, path)

	path = filepath.Join(t.TempDir(), "checkpoints")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = seal.FileAnchor(path)(ended, someCheckpoint(t))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, seal.ErrAnchor)
	assert.NoFileExists(t, path)

	if runtime.GOOS == "linux" {
		require.ErrorIs(t, seal.FileAnchor("/dev/full")(t.Context(), someCheckpoint(t)), seal.ErrAnchor)
	}
}

// receiver answers with the status and returns what it got.
func receiver(t *testing.T, status int, answer string) (address string, got *[]string) {
	got = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		*got = append(*got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+"\n"+string(body))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer) // the client need not read all
	}))
	t.Cleanup(server.Close)
	return server.URL + "/keep", got
}

func TestHTTPAnchorPosts(t *testing.T) {
	signed := someCheckpoint(t)
	for _, client := range []*http.Client{nil, {Timeout: time.Minute}} {
		for _, answer := range []string{"", "thank you", strings.Repeat("chatter", 100_000)} {
			address, got := receiver(t, http.StatusCreated, answer)
			anchor, err := seal.HTTPAnchor(client, address)
			require.NoError(t, err)
			require.NoError(t, anchor(t.Context(), signed))
			assert.Equal(t, []string{"POST /keep text/plain; charset=utf-8\n" + string(signed)}, *got)
		}
	}
}

func TestHTTPAnchorNamesTheStatusAndNoSecret(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusForbidden, http.StatusBadGateway} {
		address, got := receiver(t, status, "secret of theirs")
		address = strings.Replace(address, "http://", "http://user:hunter2@", 1) + "?token=t0ken"
		anchor, err := seal.HTTPAnchor(nil, address)
		require.NoError(t, err)
		err = anchor(t.Context(), someCheckpoint(t))
		require.ErrorIs(t, err, seal.ErrAnchor)
		assert.ErrorContains(t, err, "127.0.0.1:")
		assert.ErrorContains(t, err, fmt.Sprint("status ", status))
		for _, secret := range []string{"hunter2", "t0ken", "keep", "secret"} {
			assert.NotContains(t, err.Error(), secret)
		}
		assert.Len(t, *got, 1, "redirections are not followed")
	}
}

func TestHTTPAnchorObeysTheContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	anchor, err := seal.HTTPAnchor(nil, server.URL+"/?token=t0ken")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = anchor(ctx, someCheckpoint(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, seal.ErrAnchor)
	assert.NotContains(t, err.Error(), "t0ken")
}

func TestHTTPAnchorBoundsARequestWithoutDeadline(t *testing.T) {
	var deadline time.Time
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		deadline, _ = r.Context().Deadline()
		return nil, errors.New("far enough")
	})}
	anchor, err := seal.HTTPAnchor(client, "https://anchor.example/")
	require.NoError(t, err)
	require.ErrorContains(t, anchor(context.Background(), someCheckpoint(t)), "anchor.example: far enough")
	assert.WithinDuration(t, time.Now().Add(30*time.Second), deadline, 20*time.Second)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHTTPAnchorDoubtsAnAnswerCutShort(t *testing.T) {
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.MultiReader(strings.NewReader("o"), cut{}))},
			nil
	})}
	anchor, err := seal.HTTPAnchor(client, "https://anchor.example/")
	require.NoError(t, err)
	err = anchor(t.Context(), someCheckpoint(t))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.ErrorContains(t, err, "status 200")
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHTTPAnchorNeedsAWholeAddress(t *testing.T) {
	for _, address := range []string{"", "anchor.example", "ftp://user:hunter2@anchor.example/", "https://",
		"http://a b:hunter2@%/", "file:///hunter2"} {
		_, err := seal.HTTPAnchor(nil, address)
		require.ErrorIs(t, err, seal.ErrInvalid, address)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestPageCanBeReadAndCompared(t *testing.T) {
	signed := someCheckpoint(t)
	var printed bytes.Buffer
	require.NoError(t, seal.PageAnchor(&printed)(t.Context(), signed))
	page := printed.String()
	_, s := records(3)
	root := mth(s.leaves)
	assert.Contains(t, page, "Log      "+logName+"\nRecords  3\n")
	assert.Contains(t, page, string(signed))
	read := ""
	for _, line := range strings.Split(page, "\n") {
		if _, digits, found := strings.Cut(line, ".  "); found && strings.HasPrefix(line, "    ") {
			read += strings.ReplaceAll(digits, " ", "")
		}
		assert.LessOrEqual(t, len([]rune(line)), 132, "what a page is wide")
	}
	assert.Equal(t, strings.ReplaceAll(root.Grouped(), " ", ""), read, "four lines of four groups")
	assert.Len(t, read, 64)
}

func TestGroupedIsHexInFours(t *testing.T) {
	h := seal.Hash{0x3f, 0x2a, 0x9c, 31: 0x01}
	assert.Equal(t, "3f2a 9c00"+strings.Repeat(" 0000", 13)+" 0001", h.Grouped())
}

func TestPageOfWhatIsNoCheckpoint(t *testing.T) {
	var printed bytes.Buffer
	anchor := seal.PageAnchor(&printed)
	for _, text := range [][]byte{nil, []byte("hello\n"), signText(t, "not\na\ncheckpoint\n", logName, 0),
		make([]byte, seal.MaxCheckpoint+1)} {
		require.ErrorIs(t, anchor(t.Context(), text), seal.ErrMalformed)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, anchor(ended, someCheckpoint(t)), context.Canceled)
	assert.Zero(t, printed.Len())
	reader, writer := io.Pipe()
	require.NoError(t, reader.Close())
	err := seal.PageAnchor(writer)(t.Context(), someCheckpoint(t))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorIs(t, err, seal.ErrAnchor)
}

func TestAnchorsRunsAllAndJoins(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	var ran []string
	note := func(name string, err error) seal.Anchor {
		return func(_ context.Context, checkpoint []byte) error {
			ran = append(ran, name+string(checkpoint))
			return err
		}
	}
	err := seal.Anchors(note("a", first), note("b", nil), note("c", second))(t.Context(), []byte("!"))
	assert.Equal(t, []string{"a!", "b!", "c!"}, ran)
	require.ErrorIs(t, err, first)
	require.ErrorIs(t, err, second)
	require.NoError(t, seal.Anchors(note("a", nil), note("b", nil))(t.Context(), nil))
	require.NoError(t, seal.Anchors()(t.Context(), nil))
}
