package outbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// SecretMin and SecretMax bound a secret in bytes, as Standard Webhooks has it.
	SecretMin, SecretMax = 24, 64

	secretPrefix = "whsec_"
	sendTimeout  = 30 * time.Second // for a request whose context has no deadline of its own
	answerMax    = 64 << 10         // of an answer's body is read, so that the connection can be used again
	waitMax      = 24 * time.Hour   // that a receiver can ask for; a consumer cuts it to its longest wait
)

// HTTPConfig says how messages are sent over HTTP.
type HTTPConfig struct {
	// Secrets sign every message by Standard Webhooks' scheme (HMAC-SHA256 over id, time and body); two, while the
	// receiver changes from one to the other. Each is base64 of 24 to 64 random bytes, with or without "whsec_" before it.
	// None: the messages are not signed, so anybody who reaches the receiver can send some.
	Secrets []string
	Binary  bool             // attributes as headers and the record as body, instead of one JSON document
	Client  *http.Client     // nil: one with the usual transport
	Now     func() time.Time // nil: time.Now
}

// HTTPSender sends each message in a POST request. It can be used by several consumers at once. What a receiver answers
// means:
//
//   - 200 to 299: it has the message.
//   - 408, 425, 429, 502, 503, 504, and no answer: it is down or busy. Retry-After is heeded, within the
//     consumer's longest wait.
//   - everything else, redirections too, which are not followed: it refuses the message ([ErrRefused]).
type HTTPSender struct {
	client  http.Client
	address string
	host    string
	secrets [][]byte
	binary  bool
	now     func() time.Time
}

// NewHTTPSender returns a sender to that address, of http or https. The error wraps [ErrConfig] and tells no secret.
func NewHTTPSender(address string, cfg *HTTPConfig) (*HTTPSender, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || (target.Scheme != "https" && target.Scheme != "http") {
		// Not quoted: addresses of this kind often hold a password.
		return nil, configError("the receiver's address is no \"https://host/path\"; pass a whole one")
	}
	s := &HTTPSender{address: address, host: target.Host, now: time.Now}
	if cfg == nil {
		cfg = &HTTPConfig{}
	}
	if cfg.Client != nil {
		s.client = *cfg.Client
	}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if cfg.Now != nil {
		s.now = cfg.Now
	}
	s.binary = cfg.Binary
	for i, text := range cfg.Secrets {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
		if err != nil || len(secret) < SecretMin || len(secret) > SecretMax {
			return nil, configError("secret %d is not base64 of %d to %d bytes; make one with: openssl rand -base64 32", i+1,
				SecretMin, SecretMax)
		}
		s.secrets = append(s.secrets, secret)
	}
	return s, nil
}

// Send delivers one message. The error is a *[SendError], or ctx's.
func (s *HTTPSender) Send(ctx context.Context, m Message) error {
	if _, has := ctx.Deadline(); !has {
		bounded, stop := context.WithTimeout(ctx, sendTimeout)
		defer stop()
		ctx = bounded
	}
	request, err := s.request(ctx, m)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return &SendError{Receiver: s.host, Problem: withoutAddress(err)}
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerMax))
	return s.meaning(answer)
}

func (s *HTTPSender) request(ctx context.Context, m Message) (*http.Request, error) {
	body, kind := m.Data, DataType
	if !s.binary {
		structured, err := m.Structured()
		if err != nil {
			return nil, err
		}
		body, kind = structured, StructuredType
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		return nil, &SendError{Receiver: s.host, Problem: withoutAddress(err)}
	}
	if s.binary {
		for name, value := range m.Binary("ce-") {
			request.Header.Set(name, value)
		}
	}
	request.Header.Set("Content-Type", kind)
	s.sign(request.Header, m.ID, body)
	return request, nil
}

// sign sets the three headers of Standard Webhooks 1.0: id, time in seconds, and a signature for each secret.
func (s *HTTPSender) sign(h http.Header, id string, body []byte) {
	if len(s.secrets) == 0 {
		return
	}
	at := strconv.FormatInt(s.now().Unix(), 10)
	var signatures []string
	for _, secret := range s.secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.", id, at)
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}

// meaning is what an answer's status says of the message.
func (s *HTTPSender) meaning(answer *http.Response) error {
	e := &SendError{Receiver: s.host, Problem: "it answered " + answer.Status}
	switch code := answer.StatusCode; {
	case code >= 200 && code <= 299:
		return nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests,
		code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		e.After = s.retryAfter(answer.Header.Get("Retry-After"))
	default:
		e.Refused = true
	}
	return e
}

// retryAfter reads seconds or a date.
func (s *HTTPSender) retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, waitMax)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(s.now()), 0), waitMax)
	}
	return 0
}

// withoutAddress is an error's text without the address, whose path or query may be secret.
func withoutAddress(err error) string {
	if e, is := err.(*url.Error); is {
		if e.Timeout() {
			return "no answer in time"
		}
		return e.Err.Error()
	}
	return err.Error()
}
