package bolt

import (
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/store/sealed"
)

// DefaultOrigin begins the origin of a log that is made without a name or a signer. Such a log has no name yet: it
// takes the first that it is opened with.
const DefaultOrigin = sealed.DefaultOrigin

// naming is what the configuration says of names.
func (c Config) naming() sealed.Naming { return sealed.Naming{Origin: c.Origin, Signer: c.Signer} }

// readSigner makes the signer of its key's text, and checks the names.
func (c *Config) readSigner(path string) error {
	named, err := c.naming().ReadKey("log "+path, c.SignerKey)
	if err != nil {
		return err
	}
	c.Signer, c.SignerKey = named.Signer, ""
	return nil
}

// nameOf is an origin without its random part.
func nameOf(origin string) string { return sealed.NameOf(origin) }

// checkName refuses a second name for a log that has one. Whoever only reads may give any: nothing comes of it.
func (l *Log) checkName(c Config) error {
	id := l.id()
	if id.unsealed || id.copied || c.ReadOnly || c.asIs {
		return nil
	}
	return c.naming().CheckOf(l.name, id.origin)
}

// renamed is the configuration by which the log gets a new origin at this opening, if it gets one: a copy that goes on
// does, and a log without a name that is given one.
func (l *Log) renamed(c Config) (Config, bool) {
	id := l.id()
	switch {
	case c.asIs, c.Follow != "" && !id.copied:
		return c, false
	case id.copied:
		if !id.unsealed && c.Origin == "" && c.Signer == nil {
			c.Origin = nameOf(id.origin)
		}
		return c, true
	}
	return c, !id.unsealed && c.naming().Names(id.origin)
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
	if c.Follow == "" {
		now.follows = "" // it leaves the order that it was a copy of
	}
	if !now.unsealed && c.Follow == "" {
		was := l.sealOf(l.lazy.tree).Checkpoint()
		var err error
		if now.origin, err = c.naming().NewOrigin(); err != nil {
			return err
		}
		now.ancestry += sealed.FormatAncestor(was)
	}
	if err := l.update(func(tx *bbolt.Tx) error {
		return now.put(tx, metaCopied, metaOrigin, metaAncestry, metaFollows)
	}); err != nil {
		return err
	}
	l.follow(now.follows)
	l.named.Store(&now.identity)
	return nil
}
