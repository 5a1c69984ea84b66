package apo

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// excerptMax bounds how much of an unsigned body an error quotes, in bytes.
	excerptMax = 200
	// causeMax bounds how much of a transport's error is quoted, in bytes.
	causeMax = 300
)

// Client calls APO for one client id. It is safe for concurrent use; all its
// calls share one pool of connections. It prints as a redacted line whatever
// the verb.
type Client struct {
	http       *http.Client
	pool       *http.Transport // nil where the caller brought an http.Client
	gateway    string          // scheme, host and prefix, without trailing slash
	base       string          // "/ams/…/payments/"
	keyVersion string
	// Functions, since fmt follows pointers and fields of a client that is itself
	// an unexported field, where it cannot call Format.
	private    func() *rsa.PrivateKey
	agentToken func() string
	trust      trust
	config     Config
}

// NewClient builds a client of the gateway at gatewayURL: scheme and host,
// perhaps with a path and a trailing slash. Plain http is for loopback alone. A
// client id that starts with "SANDBOX_" speaks to the sandbox's paths. cfg may be
// nil. Keys are checked here once, the private one by signing; nothing is sent.
//
// The error wraps [ErrConfig] or [ErrKey] and repeats neither URL nor secret.
func NewClient(gatewayURL, clientID string, keys Keys, cfg *Config) (*Client, error) {
	gateway, err := parseGateway(gatewayURL)
	if err != nil {
		return nil, err
	}
	trusted, err := newTrust(clientID, keys.Public)
	if err != nil {
		return nil, err
	}
	if keys.Private == nil {
		return nil, newError(ErrKey, privateKeyName, "is missing", "give it in Keys.Private")
	}
	// Tried out: a key whose private half is missing or another's would refuse every request, one by one.
	if _, err := (Message{}).Sign(keys.Private); err != nil {
		return nil, err
	}
	if keys.KeyVersion == "" {
		keys.KeyVersion = DefaultKeyVersion
	}
	if err := checkKeyVersion(keys.KeyVersion); err != nil {
		return nil, err
	}
	if cfg == nil {
		cfg = &Config{}
	}
	config, err := cfg.check()
	if err != nil {
		return nil, err
	}
	token := config.AgentToken
	config.AgentToken = ""
	c := &Client{
		gateway: gateway, base: productionBase, keyVersion: keys.KeyVersion,
		private:    func() *rsa.PrivateKey { return keys.Private },
		agentToken: func() string { return token },
		trust:      trusted, config: config, http: &http.Client{},
	}
	if strings.HasPrefix(clientID, sandboxPrefix) {
		c.base = sandboxBase
	}
	if config.HTTPClient != nil {
		*c.http = *config.HTTPClient
	} else {
		c.pool = NewTransport()
		c.http.Transport = c.pool
	}
	// A redirected POST would be sent somewhere else, perhaps as a GET, and its
	// answer signed for another path.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Close lets go of the idle connections of the client's own pool. Calls under
// way end as they would; a later call opens a connection again.
func (c *Client) Close() {
	if c.pool != nil {
		c.pool.CloseIdleConnections()
	}
}

// CallTimeout is how long a call may take at most; a lease must be longer.
func (c *Client) CallTimeout() time.Duration { return c.config.CallTimeout }

// Format prints where the client calls and for whom, and no secret.
func (c Client) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "apo.Client{Gateway: %s, ClientID: %s}", c.gateway, c.trust.clientID)
}

// request is one call, checked but not yet sent.
type request struct {
	op      Op
	path    string // empty: the operation's own
	payload any    // what is encoded; a json.RawMessage goes as it is
	asked   expectation
	refusal error // why it is not to be sent at all
}

// call sends a request and judges the answer. What was read of a message comes
// with it; it is zero where there is no verified, readable one.
func (c *Client) call(ctx context.Context, r request) (Answer, content) {
	if r.refusal != nil {
		return Answer{Class: NotSent, Err: r.refusal}, content{}
	}
	body, made := r.payload.(json.RawMessage)
	if !made {
		var err error
		if body, err = encode(r.payload); err != nil {
			return Answer{Class: NotSent, Err: refusalError(r.op, "cannot be encoded")}, content{}
		}
	}
	r.payload = body
	return c.observed(ctx, r)
}

// exchanged signs a request whose payload is its bytes, sends it and judges the answer.
func (c *Client) exchanged(ctx context.Context, r request) (Answer, content) {
	body := r.payload.(json.RawMessage)
	ctx, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	path := r.path
	if path == "" {
		path = c.base + string(r.op)
	}
	signature, out, err := c.prepare(ctx, r.op, path, body)
	if err != nil {
		return Answer{Class: NotSent, Err: err}, content{}
	}
	status, header, reply, err := c.exchange(out)
	if err != nil {
		return Answer{HTTPStatus: status, Err: c.transportError(ctx, r.op, err)}, content{}
	}
	evidence, err := c.trust.check(http.MethodPost, c.config.SignedPathPrefix+path, headerResponseTime, header, reply)
	if err != nil {
		return Answer{HTTPStatus: status, Err: c.untrustedError(r.op, status, reply, signature, err)}, content{}
	}
	read, err := readContent(r.op, reply)
	if err != nil {
		return Answer{
			HTTPStatus: status, Err: err, Evidence: &evidence,
			Status: read.result.status, Code: read.result.code, Message: read.result.message,
		}, content{}
	}
	answer := judge(read, r.asked, &evidence)
	answer.HTTPStatus = status
	return answer, read
}

// encode writes compact JSON; & < > stay as they are, since no browser reads it.
func encode(payload any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(payload)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (c *Client) prepare(ctx context.Context, op Op, path string, body []byte) (string, *http.Request, error) {
	at := strconv.FormatInt(c.config.Now().UnixMilli(), 10)
	message := Message{Method: http.MethodPost, Path: c.config.SignedPathPrefix + path, ClientID: c.trust.clientID,
		Time: at, Body: body}
	signature, err := message.Sign(c.private())
	if err != nil {
		return "", nil, err
	}
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, c.gateway+path, bytes.NewReader(body))
	if err != nil {
		return "", nil, refusalError(op, "does not make a URL")
	}
	out.Header.Set("Content-Type", "application/json; charset=UTF-8")
	// The signature covers the bytes as sent: a transport that asked for gzip
	// itself would hand over others.
	out.Header.Set("Accept-Encoding", "identity")
	out.Header.Set(headerClientID, c.trust.clientID)
	out.Header.Set(headerRequestTime, at)
	out.Header.Set(headerSignature, Signature{KeyVersion: c.keyVersion, Value: signature}.Header())
	if token := c.agentToken(); token != "" {
		out.Header.Set(headerAgentToken, token)
	}
	return signature, out, nil
}

// exchange sends and reads to the end, so that the connection can be used
// again; above the bound it gives the connection up instead.
func (c *Client) exchange(out *http.Request) (int, http.Header, []byte, error) {
	response, err := c.http.Do(out)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, BodyMax+1))
	return response.StatusCode, response.Header, body, err
}

// transportError tells why no complete answer came, in words without the types
// of the HTTP library.
func (c *Client) transportError(ctx context.Context, op Op, err error) error {
	failure := newError(ErrTransport, string(op), "",
		"it may have been done: ask again with the same ids, or "+inquireWith(op))
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var slow net.Error
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled):
		failure.Reason, failure.cause = "the caller gave up", context.Canceled
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		failure.Reason, failure.cause = "no complete answer in time", context.DeadlineExceeded
	case errors.Is(err, io.ErrUnexpectedEOF):
		failure.Reason = "the answer was cut short"
	default:
		failure.Reason = "no answer: " + lineTrouble(err) + strconv.Quote(clip(c.redact(err.Error(), ""), causeMax))
	}
	return failure
}

// lineTrouble says in our words what is the matter with the line, for logs that leave out what an error quotes. It is
// empty for what nobody knows.
func lineTrouble(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name):
		return "the gateway's name is not resolved: "
	case errors.As(err, &certificate):
		return "the gateway's certificate is not accepted: "
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody takes connections there: "
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was cut: "
	}
	return ""
}

// untrustedError reports an answer whose signature is missing or wrong; gateways send
// such when they do not know the client or the key, or when a proxy answers.
func (c *Client) untrustedError(op Op, status int, body []byte, signature string, err error) error {
	var cause *Error
	if !errors.As(err, &cause) {
		return err
	}
	excerpt := clip(c.redact(string(body), signature), excerptMax)
	reason := fmt.Sprintf("HTTP %d: the %s %s: %q", status, cause.Thing, cause.Reason, excerpt)
	if status >= http.StatusMultipleChoices && status < http.StatusBadRequest {
		reason = fmt.Sprintf("HTTP %d redirects, which is never followed", status)
	}
	remedy := "it proves nothing: check gateway, keys and client id, then " + inquireWith(op)
	if cause.kind == ErrTooLarge {
		remedy = "it proves nothing, and to ask again makes it no shorter: have APO's support say what became of it"
	}
	return newError(cause.kind, string(op), reason, remedy)
}

// redact removes what an answer or error may echo of our headers.
func (c *Client) redact(text, signature string) string {
	bare, _ := url.PathUnescape(signature)
	for _, secret := range []string{c.agentToken(), signature, bare} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}
