package apotest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tilltape/tilltape/apo"
)

// idMax bounds an id, in bytes.
const idMax = 64

// keyPair are the keys of all servers whose configuration brings none. They are made once: that takes longer than most
// of what a test does with its server.
var keyPair = sync.OnceValues(func() (pair [2]*rsa.PrivateKey, err error) {
	for i, whose := range [...]string{"APO's", "the merchant's"} {
		if pair[i], err = rsa.GenerateKey(rand.Reader, apo.KeyBitsMin); err != nil {
			return pair, fmt.Errorf("%w: making %s key: %w", ErrConfig, whose, err)
		}
	}
	return pair, nil
})

// fillKeys makes the keys that the configuration does not bring.
func fillKeys(c *Config) error {
	if c.APO == nil {
		pair, err := keyPair()
		if err != nil {
			return err
		}
		c.APO = pair[0]
	}
	if c.APO.N.BitLen() < apo.KeyBitsMin {
		return fmt.Errorf("%w: APO's key has %d bits: give one of %d or more", ErrConfig, c.APO.N.BitLen(), apo.KeyBitsMin)
	}
	if c.MerchantPublic != nil {
		if c.Merchant != nil && !c.Merchant.PublicKey.Equal(c.MerchantPublic) {
			return fmt.Errorf("%w: Merchant and MerchantPublic are no pair: give one of them", ErrConfig)
		}
		return nil
	}
	if c.Merchant == nil {
		pair, err := keyPair()
		if err != nil {
			return err
		}
		c.Merchant = pair[1]
	}
	c.MerchantPublic = &c.Merchant.PublicKey
	return nil
}

// PublicKey is APO's public key, with which answers and notifications are
// verified. Its version is "1".
func (s *Server) PublicKey() *rsa.PublicKey { return &s.apoKey.PublicKey }

// Keys are what a client of the configured merchant needs. Private is nil where
// only the merchant's public key was given.
func (s *Server) Keys() apo.Keys { return clientKeys(s.cfg.Merchant, s.PublicKey()) }

func clientKeys(private *rsa.PrivateKey, public *rsa.PublicKey) apo.Keys {
	return apo.Keys{
		Private: private, KeyVersion: apo.DefaultKeyVersion,
		Public: map[string]*rsa.PublicKey{apo.DefaultKeyVersion: public},
	}
}

// AddMerchant registers a merchant's public key under a version, "" being "1".
// A second call with the same version replaces the key. The error wraps
// [ErrConfig].
func (s *Server) AddMerchant(clientID, keyVersion string, key *rsa.PublicKey) error {
	if keyVersion == "" {
		keyVersion = apo.DefaultKeyVersion
	}
	if reason := badID(clientID); reason != "" {
		return fmt.Errorf("%w: client id %s", ErrConfig, reason)
	}
	if key == nil || key.N == nil || key.N.BitLen() < apo.KeyBitsMin {
		return fmt.Errorf("%w: client %s has no RSA key of %d bits or more: give its public key", ErrConfig, clientID,
			apo.KeyBitsMin)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.merchants[clientID] == nil {
		s.merchants[clientID] = map[string]*rsa.PublicKey{}
	}
	s.merchants[clientID][keyVersion] = key
	return nil
}

// badID says what is wrong with an id, "" if nothing is.
func badID(id string) string {
	switch {
	case id == "":
		return "is empty"
	case len(id) > idMax:
		return fmt.Sprintf("has %d bytes, above %d", len(id), idMax)
	case !utf8.ValidString(id):
		return "is not UTF-8"
	}
	if at := strings.IndexFunc(id, unicode.IsControl); at >= 0 {
		c, _ := utf8.DecodeRuneInString(id[at:])
		return fmt.Sprintf("has the control character %U at byte %d", c, at+1)
	}
	return ""
}

// checkRequest verifies a request's signature and gives the code of what is
// wrong with it, "" if nothing is.
func (s *Server) checkRequest(r *http.Request, body []byte) string {
	clientID := r.Header.Get("Client-Id")
	s.mu.Lock()
	keys := s.merchants[clientID]
	s.mu.Unlock()
	if keys == nil {
		return "INVALID_CLIENT"
	}
	signature, err := apo.ParseSignature(r.Header.Get("Signature"))
	if err != nil || r.Header.Get("Request-Time") == "" {
		return "INVALID_SIGNATURE"
	}
	if signature.KeyVersion == "" {
		signature.KeyVersion = apo.DefaultKeyVersion
	}
	key := keys[signature.KeyVersion]
	if key == nil {
		return "KEY_NOT_FOUND"
	}
	message := apo.Message{
		Method: r.Method, Path: r.URL.RequestURI(), ClientID: clientID, Time: r.Header.Get("Request-Time"), Body: body,
	}
	if message.Verify(key, signature.Value) != nil {
		return "INVALID_SIGNATURE"
	}
	return ""
}

// signHeader adds what makes a message APO's: the client id, the time under
// timeName, and the signature.
func (s *Server) signHeader(header http.Header, timeName, path, clientID string, body []byte) {
	stamp := s.stamp(s.now())
	message := apo.Message{Method: http.MethodPost, Path: path, ClientID: clientID, Time: stamp, Body: body}
	value, err := s.signatures.of(message, s.apoKey)
	if err != nil {
		// The key was checked when the server was built; an unsigned message is what
		// a client must not believe, so nothing false leaves.
		return
	}
	header.Set("Client-Id", clientID)
	header.Set(timeName, stamp)
	header.Set("Signature", apo.Signature{Algorithm: apo.Algorithm, KeyVersion: apo.DefaultKeyVersion,
		Value: value}.Header())
}

// signaturesMax bounds how many signatures a server remembers.
const signaturesMax = 1024

// signatures remembers what was signed: a signature costs a millisecond of processor time, and under a clock that
// stands, a test that lists the notifications after each step would have the same ones made again and again.
type signatures struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]string
}

// nameOf is one name for each message: its parts, each with its length before it.
func nameOf(m *apo.Message) [sha256.Size]byte {
	var text []byte
	for _, part := range []string{m.Method, m.Path, m.ClientID, m.Time} {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	return sha256.Sum256(append(text, m.Body...))
}

// of is the message's signature under the key, which is the same one each time.
func (s *signatures) of(m apo.Message, key *rsa.PrivateKey) (string, error) {
	name := nameOf(&m)
	s.mu.Lock()
	value, ok := s.known[name]
	s.mu.Unlock()
	if ok {
		return value, nil
	}
	value, err := m.Sign(key) // without the lock: other goroutines sign meanwhile
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= signaturesMax {
		s.known = map[[sha256.Size]byte]string{}
	}
	s.known[name] = value
	return value, nil
}

// stamp writes a header's time.
func (s *Server) stamp(t time.Time) string {
	if s.cfg.Behaviour.ISOTimes {
		return isoTime(t)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// zone is the offset in which APO writes times.
func zone() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

func isoTime(t time.Time) string { return t.In(zone()).Format("2006-01-02T15:04:05Z07:00") }
