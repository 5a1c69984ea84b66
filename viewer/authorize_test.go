package viewer

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/store/memory"
)

func TestOnlyThisMachineIsAnsweredUnlessTheTeamSaysOtherwise(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range map[string]struct {
		remote, host, header string
		want                 int
	}{
		"this machine":              {"127.0.0.1:5", "127.0.0.1:8080", "", http.StatusOK},
		"by its name":               {"127.0.0.1:5", "LocalHost:8080", "", http.StatusOK},
		"by its name without port":  {"127.0.0.1:5", "localhost", "", http.StatusOK},
		"over IPv6":                 {"[::1]:5", "[::1]:8080", "", http.StatusOK},
		"IPv6 without port":         {"[::1]:5", "[::1]", "", http.StatusOK},
		"another machine":           {"192.0.2.7:5", "127.0.0.1:8080", "", http.StatusForbidden},
		"another name for it":       {"127.0.0.1:5", "evil.example:8080", "", http.StatusForbidden},
		"a name like it":            {"127.0.0.1:5", "127.0.0.1.evil.example", "", http.StatusForbidden},
		"no name":                   {"127.0.0.1:5", "", "", http.StatusForbidden},
		"for somebody else":         {"127.0.0.1:5", "127.0.0.1:8080", "X-Forwarded-For", http.StatusForbidden},
		"by RFC 7239":               {"127.0.0.1:5", "127.0.0.1:8080", "Forwarded", http.StatusForbidden},
		"by another proxy":          {"127.0.0.1:5", "127.0.0.1:8080", "X-Real-IP", http.StatusForbidden},
		"a socket":                  {"@", "127.0.0.1:8080", "", http.StatusForbidden},
		"an address without a port": {"127.0.0.1", "127.0.0.1:8080", "", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r := local(http.MethodGet, "/orders")
			r.RemoteAddr, r.Host = c.remote, c.host
			if c.header != "" {
				r.Header.Set(c.header, "127.0.0.1")
			}
			rec := w.do(r)
			assert.Equal(t, c.want, rec.Code)
			if c.want == http.StatusForbidden {
				assert.NotContains(t, rec.Body.String(), "<nav", "nothing is shown to whoever may see nothing")
			}
		})
	}
}

func TestTheTeamSaysWhoMaySee(t *testing.T) {
	var asked *http.Request
	w := newWorld(t, func(c *Config) {
		c.Authorize = func(r *http.Request) bool { asked = r; return r.Header.Get("Authorization") == "Bearer right" }
	})
	r := local(http.MethodGet, "/assets/style.css")
	assert.Equal(t, http.StatusForbidden, w.do(r).Code, "it is asked for everything, assets too")
	assert.Same(t, r, asked)
	r.RemoteAddr = "192.0.2.7:5"
	r.Header.Set("Authorization", "Bearer right")
	assert.Equal(t, http.StatusOK, w.do(r).Code)
	r = local(http.MethodPost, "/orders")
	assert.Equal(t, http.StatusForbidden, w.do(r).Code, "it is asked before anything else")
}

func TestWhatNoViewerCanBeMadeOf(t *testing.T) {
	_, err := New(nil, nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
	for _, prefix := range []string{"tilltape", "/tilltape/", "/", "//x", "/a b", "/a?b", "/a\"b", "/<b>"} {
		_, err := New(memory.New(), &Config{Prefix: prefix})
		require.ErrorIs(t, err, tilltape.ErrConfig, prefix)
		assert.Contains(t, err.Error(), "give one such as", prefix)
	}
	_, err = New(memory.New(), &Config{Title: string(make([]byte, titleMax+1))})
	require.ErrorIs(t, err, tilltape.ErrConfig)
}
