package apo

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

const (
	// Algorithm is the name, in a signature header, of the one algorithm APO uses:
	// RSA PKCS#1 v1.5 over SHA-256.
	Algorithm = "RSA256"
	// DefaultKeyVersion is the key version meant where none is named.
	DefaultKeyVersion = "1"
	// signatureTextMax bounds a signature header, in bytes; the signature of an
	// 8192-bit key, fully escaped, stays under half of it.
	signatureTextMax = 4 << 10
)

// Message is what one signature covers: a request, an answer or a notification.
// An answer is signed with the path of the request it answers.
type Message struct {
	// Method is POST in all of APO's messages.
	Method string
	// Path is the signed path: without host, with the query if there is one.
	Path string
	// ClientID is the merchant's client id.
	ClientID string
	// Time is the time header exactly as sent; it is opaque here.
	Time string
	// Body is the raw body, byte for byte.
	Body []byte
}

// digest hashes "<method> <path>\n<client id>.<time>.<body>".
func (m Message) digest() [sha256.Size]byte {
	text := make([]byte, 0, len(m.Method)+len(m.Path)+len(m.ClientID)+len(m.Time)+len(m.Body)+len(" \n.."))
	text = fmt.Appendf(text, "%s %s\n%s.%s.", m.Method, m.Path, m.ClientID, m.Time)
	return sha256.Sum256(append(text, m.Body...))
}

// Sign signs the message: SHA-256 with RSA PKCS#1 v1.5, in standard base64, URL
// escaped. It costs about a millisecond with a 2048-bit key. A nil or short key
// gives an error wrapping [ErrKey].
func (m Message) Sign(key *rsa.PrivateKey) (string, error) {
	if key == nil {
		return "", newError(ErrKey, privateKeyName, "is missing", "parse it once and pass it on")
	}
	if err := checkKey(&key.PublicKey, privateKeyName); err != nil {
		return "", err
	}
	sum := m.digest()
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", newError(ErrKey, privateKeyName, "does not sign", "its numbers do not fit together: make a new pair")
	}
	return url.QueryEscape(base64.StdEncoding.EncodeToString(raw)), nil
}

// Verify checks a signature, escaped or not, against the message. It costs some
// 40 µs with a 2048-bit key and holds for exactly one spelling of the base64.
//
// The error wraps [ErrSignature], or [ErrKey] for an unusable key.
func (m Message) Verify(key *rsa.PublicKey, signature string) error {
	if err := checkKey(key, publicKeyName); err != nil {
		return err
	}
	raw, err := decodeSignature(signature)
	if err != nil {
		return err
	}
	sum := m.digest()
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) != nil {
		return signatureError("does not fit the message", "check the key and the signed path")
	}
	return nil
}

// decodeSignature takes the bytes out of escaped or bare base64. It accepts one
// spelling only, so that a changed byte is always a changed signature: Go's
// base64 skips line breaks, spare bits may differ, and %2f equals %2F.
func decodeSignature(signature string) ([]byte, error) {
	if signature == "" {
		return nil, signatureError("is missing", "the sender must sign")
	}
	if len(signature) > signatureTextMax {
		return nil, signatureError("is too long", "the sender must sign")
	}
	// PathUnescape, since QueryUnescape would turn the + of bare base64 into a space.
	text, err := url.PathUnescape(signature)
	if err != nil || strings.ContainsAny(text, "\r\n") || lowerEscape(signature) {
		return nil, signatureError("is not URL-escaped base64", "the sender must sign")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, signatureError("is not base64", "the sender must sign")
	}
	return raw, nil
}

// lowerEscape reports an escape written with lower-case hex digits.
func lowerEscape(text string) bool {
	for i := range len(text) {
		if text[i] == '%' && strings.ContainsAny(text[i:min(i+3, len(text))], "abcdef") {
			return true
		}
	}
	return false
}

// Signature is the content of a signature header.
type Signature struct {
	// Algorithm is [Algorithm] in everything APO sends.
	Algorithm string
	// KeyVersion names the key pair; empty where the header names none.
	KeyVersion string
	// Value is the signature as received, escaped or not.
	Value string
}

// ParseSignature reads a signature header, "algorithm=RSA256,keyVersion=1,
// signature=…". Items come in any order, with or without spaces around them;
// items of other names are passed over, since APO may add some. An item given
// twice, a missing signature, a missing or other algorithm and a header above
// the bound give an error wrapping [ErrSignature].
func ParseSignature(header string) (Signature, error) {
	if len(header) > signatureTextMax {
		return Signature{}, signatureError("is too long", "the sender must sign")
	}
	var s Signature
	targets := map[string]*string{"algorithm": &s.Algorithm, "keyVersion": &s.KeyVersion, "signature": &s.Value}
	for item := range strings.SplitSeq(header, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(item), "=")
		target := targets[name]
		if target == nil {
			continue
		}
		if !found || value == "" || *target != "" {
			return Signature{}, signatureError("header has an item empty or twice", "each item once, name=value")
		}
		*target = value
	}
	if s.Value == "" {
		return Signature{}, signatureError("is missing", "the sender must sign")
	}
	if s.Algorithm != Algorithm {
		return Signature{}, signatureError("is of another algorithm", "only "+Algorithm+" is in use")
	}
	return s, nil
}

// Header writes the signature as a header's value, in the order APO uses.
// An empty algorithm or key version is written as its default.
func (s Signature) Header() string {
	algorithm, version := s.Algorithm, s.KeyVersion
	if algorithm == "" {
		algorithm = Algorithm
	}
	if version == "" {
		version = DefaultKeyVersion
	}
	return "algorithm=" + algorithm + ",keyVersion=" + version + ",signature=" + s.Value
}

func signatureError(reason, remedy string) error {
	return newError(ErrSignature, "signature", reason, remedy)
}
