package seal

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// GenerateKey returns a new Ed25519 key pair as text: the private key, which signs and is kept secret, and the public
// one, which is given to whoever is to verify. The name follows the rules of [NewOrigin]; the keys speak for the origin
// of that name and for those that start with it and a slash. A nil random is crypto/rand.
func GenerateKey(random io.Reader, name string) (signerKey, verifierKey string, err error) {
	if err := checkName("key name", name); err != nil {
		return "", "", err
	}
	signerKey, verifierKey, err = note.GenerateKey(random, name)
	if err != nil {
		return "", "", fmt.Errorf("seal: key for %s: %w", name, err)
	}
	return signerKey, verifierKey, nil
}

// Signer signs checkpoints. It can be used by several goroutines at once and prints as its public key.
type Signer struct {
	key      note.Signer
	verifier *Verifier
}

// signerParts are PRIVATE, KEY, name, hash and key; only the last, in base64, can have a plus of its own.
const signerParts = 5

// NewSigner reads a private key as [GenerateKey] made it; white space around it, such as a file's last newline, is
// ignored. Its error is an [*InvalidError] that does not show the text.
func NewSigner(key string) (*Signer, error) {
	key = strings.TrimSpace(key)
	malformed := &InvalidError{
		What: "signer key",
		Problem: "is not a private key of GenerateKey's; pass the whole text PRIVATE+KEY+name+hash+key, as " +
			"`tilltape keygen` writes it",
	}
	signer, err := note.NewSigner(key)
	if err != nil || checkName("key name", signer.Name()) != nil {
		return nil, malformed
	}
	// note shows nothing of a signer's key, so what it found well-formed is read once more, for the public half.
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(key, "+", signerParts)[signerParts-1])
	if err != nil {
		return nil, malformed
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey) // raw[0] says Ed25519
	if !ok {
		return nil, malformed
	}
	verifierKey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, malformed
	}
	verifier, err := NewVerifier(verifierKey)
	if err != nil {
		return nil, err
	}
	return &Signer{key: signer, verifier: verifier}, nil
}

// Verifier returns the public half.
func (s *Signer) Verifier() *Verifier { return s.verifier }

// String returns the public key, never the private one.
func (s *Signer) String() string { return s.verifier.String() }

// GoString returns what String returns, so that %#v shows no more.
func (s *Signer) GoString() string { return s.String() }

// Sign returns the checkpoint as a signed note. Sign only what is durable: a signed checkpoint that the log later does
// not continue proves a forgery that was none. The error is an [*InvalidError] where the origin or size can be in no
// checkpoint, or the key does not speak for the origin.
func (s *Signer) Sign(c Checkpoint) ([]byte, error) { return s.signNote(c, c.String()) }

// Verifier checks signatures of one key. It can be used by several goroutines at once.
type Verifier struct {
	key  note.Verifier
	text string
}

// verifierParts are name, hash and key.
const verifierParts = 3

// NewVerifier reads a public key as [GenerateKey] made it; white space around it is ignored. Its error is an
// [*InvalidError].
func NewVerifier(key string) (*Verifier, error) {
	key = strings.TrimSpace(key)
	// Not quoted: a private key passed by mistake would end in a log file.
	malformed := &InvalidError{
		What:    "verifier key",
		Problem: "is not a public key of GenerateKey's; pass the whole text name+hash+key, as `tilltape keygen` prints it",
	}
	verifier, err := note.NewVerifier(key)
	if err != nil || checkName("key name", verifier.Name()) != nil {
		return nil, malformed
	}
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(key, "+", verifierParts)[verifierParts-1])
	if err != nil {
		return nil, malformed
	}
	// One key has one text here, though note takes several: with line breaks in it, or the hash in capitals.
	text := keyName(verifier.Name(), verifier.KeyHash()) + "+" + base64.StdEncoding.EncodeToString(raw)
	return &Verifier{key: verifier, text: text}, nil
}

// Name returns the key's name, which is the origin, or the start of the origins, that it speaks for.
func (v *Verifier) Name() string { return v.key.Name() }

// String returns the public key as text, for [NewVerifier].
func (v *Verifier) String() string { return v.text }
