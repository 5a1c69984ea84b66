package seal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// What a cosignature is made of, as c2sp.org/tlog-cosignature has it.
const (
	cosignatureAlgorithm = 4 // Ed25519, with a time
	cosignatureHeader    = "cosignature/v1\n"
	timeSize             = 8
	cosignatureSize      = timeSize + ed25519.SignatureSize
)

// WitnessKey is the public key of a witness: somebody who cosigns checkpoints, each only once it was proven to go on
// from the one before. It can be used by several goroutines at once.
type WitnessKey struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	text string
}

// NewWitnessKey reads a witness's public key, "name+hash+key", as its operator publishes it; white space around it is
// ignored. The error is an [*InvalidError], also for a log's key, which is of another kind.
func NewWitnessKey(key string) (*WitnessKey, error) {
	malformed := &InvalidError{What: "witness key",
		Problem: "is no public key of an Ed25519 witness; pass the whole text name+hash+key, as its operator publishes it"}
	parts := strings.SplitN(strings.TrimSpace(key), "+", verifierParts)
	if len(parts) != verifierParts || checkName("witness name", parts[0]) != nil {
		return nil, malformed
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != cosignatureAlgorithm {
		return nil, malformed
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	k := &WitnessKey{name: parts[0], hash: binary.BigEndian.Uint32(sum[:]), key: raw[1:]}
	k.text = keyName(k.name, k.hash) + "+" + parts[2]
	if k.text != strings.TrimSpace(key) {
		return nil, malformed
	}
	return k, nil
}

// Name returns the witness's name.
func (k *WitnessKey) Name() string { return k.name }

// String returns the key as text, for [NewWitnessKey].
func (k *WitnessKey) String() string { return k.text }

// cosigner is a witness's key as package note takes it.
type cosigner struct{ *WitnessKey }

// KeyHash implements [note.Verifier].
func (c cosigner) KeyHash() uint32 { return c.hash }

// Verify implements [note.Verifier].
func (c cosigner) Verify(text, sig []byte) bool {
	if len(sig) != cosignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if at == 0 || at > math.MaxInt64 {
		return false
	}
	return ed25519.Verify(c.key, fmt.Appendf(nil, "%stime %d\n%s", cosignatureHeader, at, text), sig[timeSize:])
}

// Cosignature says that a witness has seen a checkpoint.
type Cosignature struct {
	Witness string    // its name
	At      time.Time // when it cosigned, by its clock, in UTC, to the second
}

// Cosigned returns which of the witnesses have cosigned a checkpoint, in the order of the signatures. It says nothing
// of the owner's signature, see [Open], and skips those of others. The error is a [*SignatureError] where one of the
// witnesses is named and did not sign, a [*TextError] where it is no signed note, or an [*InvalidError] for two
// witnesses that cannot be told apart.
func Cosigned(signed []byte, witnesses ...*WitnessKey) ([]Cosignature, error) {
	lines, err := cosignatures(signed, witnesses)
	if err != nil {
		return nil, err
	}
	var all []Cosignature
	for _, sig := range lines {
		raw, err := base64.StdEncoding.Strict().DecodeString(sig.Base64)
		if err != nil {
			return nil, malformedCheckpointError(0, "a cosignature is not in its one base64 spelling")
		}
		at := binary.BigEndian.Uint64(raw[4:]) // Verify has looked at its length
		all = append(all, Cosignature{Witness: sig.Name, At: time.Unix(int64(at), 0).UTC()})
	}
	return all, nil
}

// cosignatures returns the signatures of the witnesses among those of a note.
func cosignatures(signed []byte, witnesses []*WitnessKey) ([]note.Signature, error) {
	if len(signed) > MaxCheckpoint {
		return nil, malformedCheckpointError(0, fmt.Sprintf("it has %d bytes; none has more than %d", len(signed),
			MaxCheckpoint))
	}
	var known []note.Verifier
	for i, w := range witnesses {
		same := slices.IndexFunc(witnesses[:i], func(o *WitnessKey) bool { return o.name == w.name && o.hash == w.hash })
		if same >= 0 && witnesses[same].text != w.text {
			return nil, &InvalidError{What: "witness keys", Problem: "are two named " + keyName(w.name, w.hash) +
				"; one of them is a forgery, find out which"}
		}
		if same < 0 {
			known = append(known, cosigner{w})
		}
	}
	n, err := note.Open(signed, note.VerifierList(known...))
	if _, none := errors.AsType[*note.UnverifiedNoteError](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, openError("checkpoint", err)
	}
	return n.Sigs, nil
}
