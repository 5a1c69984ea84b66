package apo

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// DefaultCallTimeout is how long a call may take where Config does not say.
	// A caller that holds a lease on an attempt makes it longer than this.
	DefaultCallTimeout = 15 * time.Second
	// sandboxPrefix begins the client ids that APO's sandbox serves.
	sandboxPrefix  = "SANDBOX_"
	productionBase = "/ams/api/v1/payments/"
	sandboxBase    = "/ams/sandbox/api/v1/payments/"

	// agentTokenMax bounds the agent token, in bytes.
	agentTokenMax = 1 << 10
	// gatewayMax bounds the gateway URL, in bytes.
	gatewayMax = 2 << 10
)

// The limits of a client's own connection pool.
const (
	dialTimeout         = 5 * time.Second
	tlsTimeout          = 5 * time.Second
	idleTimeout         = 90 * time.Second
	idlePerHostMax      = 64
	connsPerHostMax     = 256
	responseHeaderBytes = 64 << 10
)

// Config holds what a [Client] need not be given; its zero value is safe. It
// prints as a redacted line whatever the verb.
type Config struct {
	// HTTPClient carries the calls. Its transport, cookie jar and timeout are used; its
	// redirect policy is not, since a redirect is never followed. Nil: a pool of
	// the client's own, as [NewTransport] makes it.
	HTTPClient *http.Client `json:"-"`
	// AgentToken, where APO issued one, is sent with each call, unsigned.
	AgentToken string `json:"-"`
	// SignedPathPrefix stands before "/ams/…" in the path that is signed, for a
	// proxy that rewrites the path on its way to APO. It is independent of a path in
	// the gateway URL, which only says where to POST. Empty: "/ams/…" is signed.
	SignedPathPrefix string
	// CallTimeout ends a call, body included; zero is [DefaultCallTimeout]. An
	// earlier deadline of the caller's context holds.
	CallTimeout time.Duration
	// Now is the clock for Request-Time; nil is time.Now.
	Now func() time.Time `json:"-"`
	// Observer, unless nil, is told of every call.
	Observer *Observer `json:"-"`
}

// Format prints the settings without the agent token.
func (c Config) Format(state fmt.State, _ rune) {
	token := "none"
	if c.AgentToken != "" {
		token = "redacted"
	}
	_, _ = fmt.Fprintf(state, "apo.Config{AgentToken: %s, SignedPathPrefix: %q, CallTimeout: %s}",
		token, c.SignedPathPrefix, c.CallTimeout)
}

// check fills in defaults and refuses what no call could be made with.
func (c Config) check() (Config, error) {
	if c.CallTimeout < 0 {
		return c, newError(ErrConfig, "call timeout", "is negative", "leave it zero for the default")
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = DefaultCallTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.AgentToken) > agentTokenMax || !isHeaderText(c.AgentToken) {
		return c, newError(ErrConfig, "agent token", "is too long or has a character that no header may hold",
			"give it as APO issued it")
	}
	c.SignedPathPrefix = strings.TrimRight(c.SignedPathPrefix, "/")
	if c.SignedPathPrefix != "" {
		return c, checkPath("signed path prefix", c.SignedPathPrefix)
	}
	return c, nil
}

func isHeaderText(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// checkPath refuses a path that could not stand in a request line.
func checkPath(name, path string) error {
	if len(path) > pathMax || !strings.HasPrefix(path, "/") || !isHeaderText(path) || strings.Contains(path, " ") {
		return newError(ErrConfig, name, "is not a path", "begin it with / and escape what is not ASCII")
	}
	return nil
}

// parseGateway checks the gateway's URL and gives it without trailing slash. Its
// errors do not repeat the URL, which may hold a password.
func parseGateway(text string) (string, error) {
	refuse := func(reason, remedy string) (string, error) {
		return "", newError(ErrConfig, "gateway URL", reason, remedy)
	}
	const whole = "give scheme and host, such as https://open-sea-global.alipay.com"
	if text == "" || len(text) > gatewayMax || !utf8.ValidString(text) {
		return refuse("is empty or too long", whole)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return refuse("is not a URL with a host", whole)
	case u.User != nil:
		return refuse("holds a user or password", "leave them out: APO knows us by our signature")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return refuse("has a query or fragment", whole)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return refuse("is http to another machine", "use https; http is for loopback only")
	default:
		return refuse("is neither https nor http", whole)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// NewTransport makes the pool of connections that a client has where it is given no [Config].HTTPClient: with limits,
// TLS 1.2 or later and the environment's proxy. Put it behind a transport of your own that adds a header, for instance.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           idlePerHostMax,
		MaxIdleConnsPerHost:    idlePerHostMax,
		MaxConnsPerHost:        connsPerHostMax,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: responseHeaderBytes,
	}
}
