package audit

import (
	"crypto/rsa"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
)

// Key is one of APO's public keys, and when APO signed with it.
type Key struct {
	// Version is as APO names it in the header of its signatures. Empty: the key is for messages that name none.
	Version string
	Public  *rsa.PublicKey
	From    time.Time // zero: since ever
	Until   time.Time // and not at it or later; zero: for ever
}

func (k *Key) validAt(t time.Time) bool {
	return !t.Before(k.From) && (k.Until.IsZero() || t.Before(k.Until))
}

// defaultVersion is what a message means that names no version where there are several, as package apo takes it.
const defaultVersion = "1"

// keyring is the keys by version.
type keyring struct {
	keys    map[string][]Key
	good    uint64 // messages whose signature holds
	unknown uint64 // messages that name a version of which there is no key
}

func newKeyring(keys []Key) (*keyring, error) {
	k := &keyring{keys: map[string][]Key{}}
	for i, key := range keys {
		if key.Public == nil || key.Public.N == nil {
			return nil, fmt.Errorf("%w: VerifyConfig.Keys[%d] has no Public; give APO's key of version %q", store.ErrInvalid,
				i, key.Version)
		}
		if bits := key.Public.N.BitLen(); bits < apo.KeyBitsMin {
			return nil, fmt.Errorf("%w: VerifyConfig.Keys[%d] has %d bits, and APO's have at least %d; give APO's key",
				store.ErrInvalid, i, bits, apo.KeyBitsMin)
		}
		if !key.Until.IsZero() && !key.From.Before(key.Until) {
			return nil, fmt.Errorf("%w: VerifyConfig.Keys[%d] is never valid: it ends at %s, and begins no earlier",
				store.ErrInvalid, i, key.Until.UTC().Format(time.RFC3339))
		}
		k.keys[key.Version] = append(k.keys[key.Version], key)
	}
	return k, nil
}

// CheckSignature holds one message that was kept against APO's keys, by version and time, as [Verify] does each of a
// log. Problem 0 is that APO signed it. The error wraps [store.ErrInvalid] for keys that are none.
func CheckSignature(e apo.Evidence, keys []Key) (Problem, error) {
	k, err := newKeyring(keys)
	if err != nil {
		return 0, err
	}
	if len(keys) == 0 {
		return NoKey, nil
	}
	problem, _ := k.check((*events.Evidence)(&e))
	return problem, nil
}

// of returns the keys that a message may be signed with.
func (k *keyring) of(version string) []Key {
	switch {
	case len(k.keys[version]) > 0:
		return k.keys[version]
	case version != "":
		return nil
	case len(k.keys) == 1:
		for _, keys := range k.keys {
			return keys
		}
	}
	return k.keys[defaultVersion]
}

// check says what is wrong with a message's signature; problem 0: nothing, or nobody knows, since there are no keys.
func (k *keyring) check(e *events.Evidence) (problem Problem, detail string) {
	if len(k.keys) == 0 {
		return 0, ""
	}
	keys := k.of(e.KeyVersion)
	if len(keys) == 0 {
		k.unknown++
		return NoKey, fmt.Sprintf("the message names key version %q", e.KeyVersion)
	}
	at, told := (*apo.Evidence)(e).SignedAt()
	stale := false
	for i := range keys {
		if (*apo.Evidence)(e).Verify(keys[i].Public) != nil {
			continue
		}
		bounded := !keys[i].From.IsZero() || !keys[i].Until.IsZero()
		if !bounded || told && keys[i].validAt(at) {
			k.good++
			return 0, ""
		}
		stale = true
	}
	if stale {
		return StaleKey, fmt.Sprintf("the message is of %q, signed with key version %q", e.Time, e.KeyVersion)
	}
	return BadSignature, fmt.Sprintf("the message to %q of %q does not fit key version %q", e.Path, e.Time, e.KeyVersion)
}

// close says what became of the level.
func (k *keyring) close(l *LevelReport) {
	l.Checked = k.good
	switch {
	case len(k.keys) == 0:
		l.leave("no key given")
	case k.unknown > 0:
		l.leave(words.Counted(k.unknown, "message") + " of a key version that was not given")
	}
}
