package bolt

import (
	"crypto/rand"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// DefaultOrigin begins the origin of a log that is made without a name or a signer. Such a log has no name yet: it
// takes the first that it is opened with.
const DefaultOrigin = "tilltape"

// readSigner makes the signer of its key's text, of which no error shows anything.
func (c *Config) readSigner(path string) error {
	if c.SignerKey == "" {
		return nil
	}
	if c.Signer != nil {
		return fmt.Errorf("%w: log %s: Config.Signer and Config.SignerKey are both given; give one", store.ErrInvalid, path)
	}
	signer, err := seal.NewSigner(c.SignerKey)
	if err != nil {
		return fmt.Errorf("%w: log %s: Config.SignerKey: %w", store.ErrInvalid, path, err)
	}
	c.Signer, c.SignerKey = signer, ""
	return nil
}

// newOrigin makes up the name of a new log.
func (c Config) newOrigin() (string, error) {
	name := c.Origin
	if name == "" && c.Signer != nil {
		name = c.Signer.Verifier().Name()
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

// nameOf is an origin without its random part.
func nameOf(origin string) string { return origin[:strings.LastIndexByte(origin, '/')] }

// speaksFor tells whether the signer, if there is one, may sign for the origin.
func (c Config) speaksFor(origin string) bool {
	return c.Signer == nil || strings.HasPrefix(origin+"/", c.Signer.Verifier().Name()+"/")
}

// checkNames refuses a name whose checkpoints the signer could never sign.
func (c Config) checkNames(path string) error {
	if c.Origin == "" || c.speaksFor(c.Origin) {
		return nil
	}
	return fmt.Errorf("%w: log %s: Config.Origin is %q, and the key of Config.Signer speaks for %q and what is below it; "+
		"give the key of that name, or leave out Config.Origin", store.ErrInvalid, path, c.Origin, c.Signer.Verifier().Name())
}

// checkName refuses a second name for a log that has one. Whoever only reads may give any: nothing comes of it.
func (l *Log) checkName(c Config) error {
	id := l.identity
	if id.unsealed || id.copied || c.ReadOnly || c.asIs {
		return nil
	}
	name := nameOf(id.origin)
	switch {
	case name == DefaultOrigin:
		return nil
	case c.Origin != "" && c.Origin != name:
		return fmt.Errorf("%w: log %s has the name %q, which it keeps, and Config.Origin says %q; give its own, or leave "+
			"that out", store.ErrInvalid, l.path, name, c.Origin)
	case !c.speaksFor(id.origin):
		return fmt.Errorf("%w: log %s has the name %q, which it keeps, and the key of Config.Signer speaks for %q; give "+
			"the key of its own name", store.ErrInvalid, l.path, name, c.Signer.Verifier().Name())
	}
	return nil
}

// renamed is the configuration by which the log gets a new origin at this opening, if it gets one: a copy that goes on
// does, and a log without a name that is given one.
func (l *Log) renamed(c Config) (Config, bool) {
	id := l.identity
	switch {
	case c.asIs:
		return c, false
	case id.copied:
		if !id.unsealed && c.Origin == "" && c.Signer == nil {
			c.Origin = nameOf(id.origin)
		}
		return c, true
	case id.unsealed || nameOf(id.origin) != DefaultOrigin || c.Origin == DefaultOrigin:
		return c, false
	}
	return c, c.Origin != "" || !c.speaksFor(id.origin)
}

// beOneself gives a log the origin that it is to have from now on. A log that is a copy gets one of its own before it
// goes on: the log it was copied from may go on too, and two logs of one origin that differ would look like a forgery.
// A log without a name gets one with the name it is given. What it held under the origin before is on record in its
// ancestry, in the same commit.
func (l *Log) beOneself(c Config) error {
	c, renamed := l.renamed(c)
	if !renamed {
		return nil
	}
	now := l.header()
	now.copied = false
	if !now.unsealed {
		was := l.sealOf(l.lazy.tree).Checkpoint()
		var err error
		if now.origin, err = c.newOrigin(); err != nil {
			return err
		}
		now.ancestry += sealed.FormatAncestor(was)
	}
	if err := l.db.Update(func(tx *bbolt.Tx) error {
		return now.put(tx, metaCopied, metaOrigin, metaAncestry)
	}); err != nil {
		return err
	}
	l.identity = now.identity
	return nil
}
