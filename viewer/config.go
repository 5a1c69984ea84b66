package viewer

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/outbox"
)

// Bounds of what a viewer answers.
const (
	PageMax     = 200 // orders on a page of a list; [PageDefault] unasked
	PageDefault = 50
	TimelineMax = 500 // of an order's newest entries that its page shows
	// LiveMax is how many browsers may follow the log at once. The next one is told to come again later, and its pages are
	// as they were when it asked for them.
	LiveMax = 64
	// LiveFor is how long one follows before it has to ask again, so that who may no longer see it soon does not.
	LiveFor = 15 * time.Minute
	// CountMax is how far the overview counts what is due, and while it still counts what stands open; beyond it says
	// "500 or more".
	CountMax = 500
	// PageTimeout ends the reading for one page, and SearchTimeout for a search.
	PageTimeout   = 10 * time.Second
	SearchTimeout = 2 * time.Second
	// VerifyTimeout ends a verification.
	VerifyTimeout = time.Hour
	// QueryMax is the length of the longest query of an address, in bytes.
	QueryMax = 2 << 10

	writeTimeout = 30 * time.Second // for one piece of an answer: a reader that takes none of it is let go
	titleMax     = 64               // bytes
)

// Config is what may differ between two viewers. Its zero value, or nil, answers this machine alone.
type Config struct {
	// Orders has the policy by which an order's page says what may be done now, and the clock: give it what the service
	// has. Only these two are looked at.
	Orders tilltape.Config
	// Prefix is the path under which the viewer is mounted, "/tilltape" for instance: it takes requests with it, and every
	// link begins with it. Empty: the root.
	Prefix string
	// Title says whose log it is, at the top of every page; default "Tilltape".
	Title string
	// Authorize says whether whoever sent the request may see the log; all of it. It is asked before anything else, and
	// may be asked from many goroutines. The default is [Loopback].
	Authorize func(*http.Request) bool
	// Keys are APO's public keys, by which an order's page tells whether APO signed the messages that it shows, and a
	// verification whether it signed all of them. Without any, nobody looks at signatures.
	Keys []audit.Key
	// Consumers are those of the log that the overview tells of: how far each is behind, and which orders it has parked.
	// Give the ones that this process runs. Of one that another process runs it tells what that one has kept.
	Consumers []*outbox.Consumer
	// BackupFolder is where a backup is made before it is handed out; one takes at most the room that the log does. Empty:
	// the system's folder for what is temporary, which is often small, or memory.
	BackupFolder string
}

func (c *Config) withDefaults() (Config, error) {
	out := Config{}
	if c != nil {
		out = *c
	}
	if p := out.Prefix; p != "" && (!strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.Contains(p, "//") ||
		strings.ContainsAny(p, "?#%\\ \t\r\n\"<>")) {
		return out, fmt.Errorf("viewer: %w: Prefix %q is no path to mount at; give one such as \"/tilltape\", or nothing",
			tilltape.ErrConfig, p)
	}
	if len(out.Title) > titleMax {
		return out, fmt.Errorf("viewer: %w: Title has %d bytes; give at most %d", tilltape.ErrConfig, len(out.Title),
			titleMax)
	}
	if slices.Contains(out.Consumers, nil) {
		return out, fmt.Errorf("viewer: %w: one of Consumers is nil; give what outbox.New returned", tilltape.ErrConfig)
	}
	if out.Title == "" {
		out.Title = "Tilltape"
	}
	if out.Authorize == nil {
		out.Authorize = Loopback
	}
	return out, nil
}

// forwards are the headers by which a proxy says that it asks for somebody else.
var forwards = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via",
	"Cf-Connecting-Ip", "True-Client-Ip"}

// Loopback answers requests that come from this machine and are meant for it: the connection is from a loopback
// address, the request names a loopback host (so that a page of somebody else's whose name was pointed at this machine
// reads nothing), and no header says that a proxy passes it on.
//
// A proxy on the same machine that adds no such header makes everybody's requests look like this machine's own: behind
// one, always set [Config.Authorize].
func Loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !loopback(host) {
		return false
	}
	for _, name := range forwards {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	named := r.Host
	if h, _, err := net.SplitHostPort(named); err == nil {
		named = h
	}
	named = strings.TrimSuffix(strings.TrimPrefix(named, "["), "]")
	return strings.EqualFold(named, "localhost") || loopback(named)
}

// loopback tells whether a host is an address of this machine's own network.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Bearer answers requests that carry one of the tokens, as the command line sends it: "Authorization: Bearer TOKEN". A
// token is a secret of some 20 random characters or more; an empty one is none. Serve it over TLS alone, or on
// loopback.
func Bearer(tokens ...string) func(*http.Request) bool {
	var sums [][sha256.Size]byte
	for _, token := range tokens {
		if token != "" {
			sums = append(sums, sha256.Sum256([]byte(token)))
		}
	}
	return func(r *http.Request) bool {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return false
		}
		given, same := sha256.Sum256([]byte(token)), 0
		for _, sum := range sums { // all of them, so that the time does not tell which
			same |= subtle.ConstantTimeCompare(sum[:], given[:])
		}
		return same == 1
	}
}
