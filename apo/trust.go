package apo

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"time"
)

const (
	headerClientID     = "Client-Id"
	headerRequestTime  = "Request-Time"
	headerResponseTime = "Response-Time"
	headerSignature    = "Signature"
	headerAgentToken   = "Agent-Token"

	// timeTextMax bounds a time header, in bytes.
	timeTextMax = 64
	// pathMax bounds a signed path, in bytes.
	pathMax = 2 << 10
	// keyVersionMax bounds the name of a key version, in bytes.
	keyVersionMax = 16
	// publicKeysMax bounds how many of APO's keys are trusted at once.
	publicKeysMax = 16
)

// Keys are the keys of one client: ours to sign with, APO's to verify with.
// They print as a redacted line whatever the verb.
type Keys struct {
	// Private signs requests. A [Verifier] needs none.
	Private *rsa.PrivateKey `json:"-"`
	// KeyVersion names Private's version in the signature header; "" is "1".
	KeyVersion string
	// Public holds APO's keys by version. A header that names no version means
	// the only key or, of several, version "1".
	Public map[string]*rsa.PublicKey
}

// Format prints how many keys there are and never what they are.
func (k Keys) Format(state fmt.State, _ rune) {
	private := "none"
	if k.Private != nil {
		private = "redacted"
	}
	_, _ = fmt.Fprintf(state, "apo.Keys{Private: %s, Public: %d}", private, len(k.Public))
}

// Evidence is a message as APO signed it, kept whole, so that its signature can
// be checked again years later. It holds everything the signature covers.
type Evidence struct {
	// Method and Path are what APO signed: for an answer, those of the request.
	Method, Path string
	// ClientID and Time are the headers as received.
	ClientID, Time string
	// KeyVersion names APO's key; empty where the header named none.
	KeyVersion string
	// Signature is APO's, as received.
	Signature string
	// Body is the raw body.
	Body []byte
}

// Verify checks the evidence against the key of APO that was valid then. The
// error wraps [ErrSignature] or [ErrKey].
func (e Evidence) Verify(key *rsa.PublicKey) error {
	return Message{Method: e.Method, Path: e.Path, ClientID: e.ClientID, Time: e.Time, Body: e.Body}.
		Verify(key, e.Signature)
}

// SignedAt is when APO signed the message, by its own word, which the signature covers, in UTC; false where the header
// holds no time.
func (e Evidence) SignedAt() (at time.Time, ok bool) { return headerTime(e.Time) }

func (e Evidence) clone() Evidence {
	e.Body = bytes.Clone(e.Body)
	return e
}

// trust is whom we believe: APO's keys, speaking to our client id.
type trust struct {
	clientID string
	keys     map[string]*rsa.PublicKey
}

func newTrust(clientID string, keys map[string]*rsa.PublicKey) (trust, error) {
	if err := checkID(clientID); err != nil {
		return trust{}, newError(ErrConfig, "client id", err.Error(), "give the client id that APO assigned")
	}
	for i := range len(clientID) {
		if clientID[i] <= ' ' || clientID[i] > '~' || clientID[i] == '.' {
			return trust{}, newError(ErrConfig, "client id", "has a character that no client id has",
				"give the client id that APO assigned")
		}
	}
	if len(keys) == 0 {
		return trust{}, newError(ErrKey, "APO's public key", "is missing", "give it in Keys.Public, by version")
	}
	if len(keys) > publicKeysMax {
		return trust{}, newError(ErrConfig, "APO's public keys", fmt.Sprintf("are more than %d", publicKeysMax),
			"drop those no longer valid")
	}
	for version, key := range keys {
		if err := checkKeyVersion(version); err != nil {
			return trust{}, err
		}
		if err := checkKey(key, "APO's public key"); err != nil {
			return trust{}, err
		}
	}
	return trust{clientID: clientID, keys: maps.Clone(keys)}, nil
}

func checkKeyVersion(version string) error {
	if version == "" || len(version) > keyVersionMax {
		return newError(ErrConfig, "key version", fmt.Sprintf("is not 1 to %d bytes long", keyVersionMax),
			`use the number APO shows, such as "1"`)
	}
	for i := range len(version) {
		if version[i] <= ' ' || version[i] > '~' || version[i] == ',' {
			return newError(ErrConfig, "key version", "has a character that no header may hold",
				`use the number APO shows, such as "1"`)
		}
	}
	return nil
}

func (t trust) key(version string) *rsa.PublicKey {
	if version != "" {
		return t.keys[version]
	}
	if len(t.keys) == 1 {
		for _, key := range t.keys {
			return key
		}
	}
	return t.keys[DefaultKeyVersion]
}

// check verifies a message by its headers; timeName names its time header. The
// cheap bounds come first, the one RSA operation last. The evidence shares body.
func (t trust) check(method, path, timeName string, header http.Header, body []byte) (Evidence, error) {
	if len(body) > BodyMax {
		return Evidence{}, newError(ErrTooLarge, "message", fmt.Sprintf("has a body above %d bytes", BodyMax), "")
	}
	evidence, err := t.claimed(method, path, timeName, header)
	if err != nil {
		return Evidence{}, err
	}
	evidence.Body = body
	return evidence, evidence.Verify(t.key(evidence.KeyVersion))
}

// claimed is what the headers say that a message is, as far as it could be one
// to us, signed with a key that is trusted here. The body is not there yet.
func (t trust) claimed(method, path, timeName string, header http.Header) (Evidence, error) {
	text, err := single(header, headerSignature)
	if err != nil {
		return Evidence{}, err
	}
	signature, err := ParseSignature(text)
	if err != nil {
		return Evidence{}, err
	}
	client, err := single(header, headerClientID)
	if err != nil {
		return Evidence{}, err
	}
	if client != t.clientID {
		return Evidence{}, signatureError("is for another client id", "check which client the keys belong to")
	}
	at, err := single(header, timeName)
	if err != nil {
		return Evidence{}, err
	}
	if !isTimeText(at) || len(path) > pathMax || len(method) > timeTextMax {
		return Evidence{}, signatureError("covers a time or path that no message has", "")
	}
	if t.key(signature.KeyVersion) == nil {
		return Evidence{}, signatureError("is of a key version not known here", "add that version to Keys.Public")
	}
	return Evidence{
		Method: method, Path: path, ClientID: client, Time: at,
		KeyVersion: signature.KeyVersion, Signature: signature.Value,
	}, nil
}

// isTimeText bounds what may stand as a time. The string to sign does not say
// where the time ends and the body begins, so a time must not be able to hold
// the beginning of one.
func isTimeText(text string) bool {
	if text == "" || len(text) > timeTextMax {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '{' {
			return false
		}
	}
	return true
}

// single takes a header that must be there exactly once.
func single(header http.Header, name string) (string, error) {
	switch values := header.Values(name); len(values) {
	case 0:
		return "", newError(ErrUnsigned, "message", "has no "+name+" header", "")
	case 1:
		return values[0], nil
	}
	return "", signatureError("or its headers come more than once", "")
}
