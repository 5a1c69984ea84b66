package apo

import (
	"fmt"
	"net/http"
	"time"
)

// The values of notifyType.
const (
	notifyPaymentResult  = "PAYMENT_RESULT"
	notifyPaymentPending = "PAYMENT_PENDING"
	notifyUpdateResult   = "UPDATE_AMOUNT_RESULT"
	notifyCaptureResult  = "CAPTURE_RESULT"
	notifyRefundResult   = "REFUND_RESULT"
)

// Acknowledgement is the body, of type application/json and with status 200,
// that ends the redelivery of a notification. Send it only once what the
// notification proves is durable, and never for an order that is not known.
const Acknowledgement = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}`

// VerifierConfig holds what a [Verifier] need not be given. Its zero value
// trusts the path as received and any age of a message.
type VerifierConfig struct {
	// SignedPath is the path that APO signed, query included, where a proxy
	// rewrites the one we receive. Empty: the path as received.
	SignedPath string
	// FreshFor refuses notifications whose request-time is further than this from
	// now, before or after. Zero: any age. APO redelivers for about a day and
	// documents no tolerance, so a short window can lose money; recording facts
	// once is what protects from replays.
	FreshFor time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Verifier turns signed messages into facts. It is safe for concurrent use and
// does no I/O.
type Verifier struct {
	trust  trust
	config VerifierConfig
}

// NewVerifier builds a verifier for messages to clientID; of the keys it uses
// Public alone. The error wraps [ErrConfig] or [ErrKey].
func NewVerifier(clientID string, keys Keys, cfg *VerifierConfig) (*Verifier, error) {
	trusted, err := newTrust(clientID, keys.Public)
	if err != nil {
		return nil, err
	}
	return trusted.verifier(cfg)
}

// Verifier builds a verifier for messages to the client's own id, with the keys that the client has, so that they are
// given once. cfg may be nil. The error wraps [ErrConfig].
func (c *Client) Verifier(cfg *VerifierConfig) (*Verifier, error) { return c.trust.verifier(cfg) }

func (t trust) verifier(cfg *VerifierConfig) (*Verifier, error) {
	v := &Verifier{trust: t}
	if cfg != nil {
		v.config = *cfg
	}
	if v.config.FreshFor < 0 {
		return nil, newError(ErrConfig, "freshness window", "is negative", "leave it zero or give a day or more")
	}
	if path := v.config.SignedPath; path != "" {
		if err := checkPath("signed path", path); err != nil {
			return nil, err
		}
	}
	if v.config.Now == nil {
		v.config.Now = time.Now
	}
	return v, nil
}

// Format prints whose messages are verified, and no key.
func (v Verifier) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "apo.Verifier{ClientID: %s}", v.trust.clientID)
}

// CheckNotificationHeader refuses what cannot be a notification to us whatever
// its body: a header that is missing or comes twice, another client id, a key
// version not known here, a signature that is not one. It does no cryptography,
// so a caller can turn away noise before it reads a body. nil proves nothing. The
// error is the one of [Verifier.VerifyNotification] and may be shown likewise.
func (v *Verifier) CheckNotificationHeader(method, path string, header http.Header) error {
	if v.config.SignedPath != "" {
		path = v.config.SignedPath
	}
	if _, err := v.trust.claimed(method, path, headerRequestTime, header); err != nil {
		return notVerifiedError()
	}
	return nil
}

// notVerifiedError is the same whatever is wrong, so that it teaches a forger nothing.
func notVerifiedError() error {
	return newError(ErrSignature, "notification", "is not verified",
		"check key, key version, client id and the signed path")
}

// VerifyNotification checks a notification and says what it proves. The path is
// the one APO called, with the query if there is one ([net/url.URL.RequestURI]);
// read at most [BodyMax] + 1 bytes of body before calling.
//
// Until the signature fits, nothing of the message is believed or decoded: the
// error then wraps [ErrSignature] or [ErrTooLarge], says the same for every
// cause, and may be shown to the sender. The work is bounded: one RSA
// verification at most. After that the error wraps [ErrStale], or
// [ErrMalformed] where the body is not one JSON object. What is one and cannot be
// understood is a fact of the kind [NotUnderstood], so that [Verified.Err] and not
// an error says what is wrong with it. The body is copied.
func (v *Verifier) VerifyNotification(method, path string, header http.Header, body []byte) (Verified, error) {
	if len(body) > BodyMax {
		return Verified{}, newError(ErrTooLarge, "notification", "is too large", "")
	}
	if v.config.SignedPath != "" {
		path = v.config.SignedPath
	}
	evidence, err := v.trust.check(method, path, headerRequestTime, header, body)
	if err != nil {
		return Verified{}, notVerifiedError()
	}
	if err := v.checkFresh(evidence.Time); err != nil {
		return Verified{}, err
	}
	whole, err := parseObject(body)
	if err != nil {
		return Verified{}, malformedError("notification", "the signed body "+err.Error())
	}
	evidence = evidence.clone()
	return understand(whole, &evidence), nil
}

// VerifyAnswer checks a signed answer to a call that somebody else made, such as
// the pay call of a checkout, and says what it proves, in the order in which the
// facts are to be applied. The path is that of the request, as signed.
//
// The error wraps [ErrUnsigned], [ErrSignature], [ErrTooLarge], [ErrMalformed]
// or [ErrNoFact] (U, an F that only says that our picture is wrong, an F that
// names no id). What an answer does not prove is unknown: inquire. The body is
// copied.
func (v *Verifier) VerifyAnswer(op Op, path string, header http.Header, body []byte) ([]Verified, error) {
	if !op.answers() {
		return nil, newError(ErrInvalidRequest, "answer",
			fmt.Sprintf("is to an operation not known: %q", clip(string(op), codeMax)), "use one of the Op constants of a call")
	}
	evidence, err := v.trust.check(http.MethodPost, path, headerResponseTime, header, body)
	if err != nil {
		return nil, err
	}
	read, err := readContent(op, body)
	if err != nil {
		return nil, err
	}
	evidence = evidence.clone()
	facts := prove(&read, &evidence)
	if len(facts) == 0 {
		return nil, noFactError(op, read.result)
	}
	return facts, nil
}

func noFactError(op Op, r result) error {
	return newError(ErrNoFact, string(op),
		fmt.Sprintf("%q with code %q proves nothing that could be recorded", r.status, r.code), inquireWith(op))
}

// checkFresh applies the opt-in window to a verified time, which comes in
// milliseconds or as ISO 8601.
func (v *Verifier) checkFresh(text string) error {
	if v.config.FreshFor == 0 {
		return nil
	}
	at, ok := headerTime(text)
	if age := v.config.Now().Sub(at); !ok || age > v.config.FreshFor || age < -v.config.FreshFor {
		return newError(ErrStale, "notification", "has a request-time outside the freshness window",
			"check the clock, or widen FreshFor")
	}
	return nil
}
