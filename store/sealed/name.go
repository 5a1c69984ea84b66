package sealed

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// DefaultOrigin begins the origin of a log that is made without a name or a signer. Such a log has no name yet: it
// takes the first that it is opened with.
const DefaultOrigin = "tilltape"

// Naming is what a log is opened with of names: both may be left out. An engine's configuration has it in fields named
// Origin, Signer and SignerKey, which the errors speak of.
type Naming struct {
	Origin string // begins the origin of a new log
	Signer *seal.Signer
}

// ReadKey makes the signer of its key's text, of which no error shows anything. An empty text is none. log is what
// errors call the log.
func (n Naming) ReadKey(log, text string) (Naming, error) {
	if text == "" {
		return n, nil
	}
	if n.Signer != nil {
		return n, fmt.Errorf("%w: %s: Config.Signer and Config.SignerKey are both given; give one", store.ErrInvalid, log)
	}
	signer, err := seal.NewSigner(text)
	if err != nil {
		return n, fmt.Errorf("%w: %s: Config.SignerKey: %w", store.ErrInvalid, log, err)
	}
	n.Signer = signer
	return n, nil
}

// NewOrigin makes up the name of a new log.
func (n Naming) NewOrigin() (string, error) {
	name := n.Origin
	if name == "" && n.Signer != nil {
		name = n.Signer.Verifier().Name()
	}
	if name == "" {
		name = DefaultOrigin
	}
	var id [seal.OriginIDSize]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	origin, err := seal.NewOrigin(name, id)
	if err != nil {
		return "", fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return origin, nil
}

// NameOf is an origin without its random part.
func NameOf(origin string) string { return origin[:strings.LastIndexByte(origin, '/')] }

// SpeaksFor tells whether the signer, if there is one, may sign for the origin.
func (n Naming) SpeaksFor(origin string) bool {
	return n.Signer == nil || strings.HasPrefix(origin+"/", n.Signer.Verifier().Name()+"/")
}

// Check refuses a name that no log can have, and one whose checkpoints the signer could never sign.
func (n Naming) Check(log string) error {
	if _, err := n.NewOrigin(); err != nil {
		return fmt.Errorf("%s: Origin: %w", log, err)
	}
	if n.Origin == "" || n.SpeaksFor(n.Origin) {
		return nil
	}
	return fmt.Errorf("%w: %s: Config.Origin is %q, and the key of Config.Signer speaks for %q and what is below it; "+
		"give the key of that name, or leave out Config.Origin", store.ErrInvalid, log, n.Origin, n.Signer.Verifier().Name())
}

// CheckOf refuses a second name for a log that has one.
func (n Naming) CheckOf(log, origin string) error {
	name := NameOf(origin)
	switch {
	case name == DefaultOrigin:
		return nil
	case n.Origin != "" && n.Origin != name:
		return fmt.Errorf("%w: %s has the name %q, which it keeps, and Config.Origin says %q; give its own, or leave that "+
			"out", store.ErrInvalid, log, name, n.Origin)
	case !n.SpeaksFor(origin):
		return fmt.Errorf("%w: %s has the name %q, which it keeps, and the key of Config.Signer speaks for %q; give the "+
			"key of its own name", store.ErrInvalid, log, name, n.Signer.Verifier().Name())
	}
	return nil
}

// Names tells whether a log of that origin has no name yet and gets one by this opening.
func (n Naming) Names(origin string) bool {
	if NameOf(origin) != DefaultOrigin || n.Origin == DefaultOrigin {
		return false
	}
	return n.Origin != "" || !n.SpeaksFor(origin)
}
