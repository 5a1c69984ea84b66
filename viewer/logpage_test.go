package viewer

import (
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// verified waits until the verification has ended, and returns its part of the log's document.
func (w *world) verified() map[string]any {
	w.t.Helper()
	var doc map[string]any
	require.Eventually(w.t, func() bool {
		doc, _ = w.read("/log")["verify"].(map[string]any)
		return doc["ended"] != nil
	}, 20*time.Second, time.Millisecond)
	return doc
}

func TestTheLogsPageTellsWhatItHolds(t *testing.T) {
	private, _, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "orders")
	log, err := bolt.Open(path, &bolt.Config{SignerKey: private})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	is, err := log.Tree(t.Context())
	require.NoError(t, err)
	page := html.UnescapeString(w.get("/log"))
	for _, want := range []string{is.Root.String(), "shop.example/orders", "Signed checkpoint",
		"nothing had to be read again", "Verify the stored bytes"} {
		assert.Contains(t, page, want)
	}
	doc := w.read("/log")
	assert.Equal(t, map[string]any{"origin": is.Origin, "size": "4", "root": is.Root.String()}, doc["log"])
	assert.Contains(t, doc["checkpoint"], is.Origin+"\n4\n")
	file, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, strconv.FormatInt(file.Size(), 10), doc["bytes"])
	assert.Contains(t, page, "<dd>"+grouped(uint64(file.Size()))+" bytes</dd>")
	assert.NotContains(t, newWorld(t, nil).get("/log"), "<dt>Size", "an empty one in memory takes nothing")
	assert.NotContains(t, page, path, "nobody needs to know where the file is")
}

func TestALogWithoutASealSaysSo(t *testing.T) {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders"), &bolt.Config{Unsealed: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	assert.Contains(t, w.get("/log"), "none: the log cannot say what it held")
	assert.NotContains(t, w.read("/log"), "log")
	w.do(local(http.MethodGet, "/log/verify?run=bytes"))
	w.verified()
}

func TestAVerificationRunsInTheBackgroundAndTellsWhatItFound(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, keyed)
		w.Captured(tilltest.TheAmount)
		rec := w.do(local(http.MethodGet, "/log/verify?run=all"))
		assert.Equal(t, http.StatusSeeOther, rec.Code)
		assert.Equal(t, "/log", rec.Header().Get("Location"))
		doc := w.verified()
		assert.Equal(t, "all", doc["levels"])
		assert.Equal(t, "clean", doc["report"].(map[string]any)["outcome"])
		page := w.get("/log")
		assert.Contains(t, page, `class="verdict good"`)
		assert.Contains(t, page, "evidence")
		assert.NotContains(t, page, "data-polls")
		w.do(local(http.MethodGet, "/log/verify?run=bytes"))
		assert.Equal(t, "bytes", w.verified()["levels"])
		assert.Contains(t, w.get("/log"), "not checked")
	})
}

func TestOneVerificationRunsAtATime(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	begun := verifying{Levels: verifyAll, Started: w.v.now(), Of: 10, Records: 4}
	require.True(t, w.v.verifier.begin(begun))
	assert.False(t, w.v.verifier.begin(verifying{Levels: verifyBytes}))
	w.do(local(http.MethodGet, "/log/verify?run=bytes"))
	page := w.get("/log")
	assert.Contains(t, page, "Everything is being verified", "the one that runs goes on")
	assert.Contains(t, page, "4 of 10 records")
	assert.Contains(t, page, `value="40"`)
	assert.Contains(t, page, "data-polls")
	assert.Contains(t, page, `value="bytes" disabled`)
	w.v.verifier.change(func(s *verifying) { s.Ended, s.Problem = w.v.now(), "the <log> was closed" })
	assert.Contains(t, w.get("/log"), "was ended: the &lt;log&gt; was closed")
	assert.True(t, w.v.verifier.begin(begun))
}

func TestAnotherSitesPageStartsNothing(t *testing.T) {
	w := newWorld(t, nil)
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 303, "none": 303, "": 303} {
		r := local(http.MethodGet, "/log/verify?run=bytes")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		assert.Equal(t, want, w.do(r).Code, site)
		if want == 303 {
			w.verified()
		} else {
			assert.NotContains(t, w.read("/log"), "verify", site)
		}
		w.v.verifier.now = nil
	}
	w.do(local(http.MethodHead, "/log/verify?run=bytes"))
	assert.NotContains(t, w.read("/log"), "verify", "a HEAD starts nothing")
}

func TestALogWithoutStoredBytesIsNotVerified(t *testing.T) {
	w := worldOn(t, struct{ store.Log }{memory.New()}, nil)
	assert.Equal(t, http.StatusNotFound, w.do(local(http.MethodGet, "/log/verify?run=all")).Code)
	page := w.get("/log")
	assert.Contains(t, page, "nothing to verify by")
	assert.NotContains(t, page, "Recovery")
}

// What our rules cannot have written is found, and told with what to do.
func TestAnIllegalLogIsFound(t *testing.T) {
	w := newWorld(t, nil)
	w.Place(order.CaptureManual)
	appendFacts(t, w.Log, "o-1", w.Clock.Now(), events.CaptureSucceeded{CaptureID: "<c>", Amount: tilltest.USD(5),
		At: w.Clock.Now(), Proof: events.Proof{Via: events.ViaNotification}})
	w.do(local(http.MethodGet, "/log/verify?run=all"))
	report := w.verified()["report"].(map[string]any)
	assert.Equal(t, "altered", report["outcome"])
	page := w.get("/log")
	assert.Contains(t, page, `class="verdict bad"`)
	assert.Contains(t, page, "at position 2")
}
