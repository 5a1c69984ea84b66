package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	// MaxCheckpoint is the length of the longest signed checkpoint that is read, in bytes: room for more than the sixteen
	// signatures that every reader must take, even if they are post-quantum ones of 5 kB.
	MaxCheckpoint = 128 << 10

	// checkpointLines are origin, size and root.
	checkpointLines = 3
)

// Checkpoint says what a log holds: the log's origin, the number of its records and the root over them. Two checkpoints
// that are equal with == are about the same records.
type Checkpoint struct {
	Origin string // see NewOrigin
	Size   uint64
	Root   Hash
}

// String returns the text that is signed: origin, size in decimal and root in base64, each on a line.
func (c Checkpoint) String() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

func (c Checkpoint) check() error {
	if err := checkName("origin", c.Origin); err != nil {
		return err
	}
	return checkSize("size", c.Size)
}

// Open returns what a signed checkpoint says, if one of the verifiers signed it and speaks for its origin; name several
// to accept an old and a new key. Signatures of other keys, such as those of witnesses, are ignored. Lines after the
// root are signed too and have no meaning here. The error is a [*TextError] or a [*SignatureError], or an
// [*InvalidError] where two different verifiers cannot be told apart.
func Open(signed []byte, verifiers ...*Verifier) (Checkpoint, error) {
	n, err := openNote(signed, "checkpoint", verifiers)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if err := spoken(n, "checkpoint", c.Origin); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// openNote returns a note that one of the verifiers signed; what is what errors call it.
func openNote(signed []byte, what string, verifiers []*Verifier) (*note.Note, error) {
	if len(signed) > MaxCheckpoint {
		return nil, malformedNoteError(what, 0,
			fmt.Sprintf("it has %d bytes; none has more than %d", len(signed), MaxCheckpoint))
	}
	known, err := keyring(verifiers)
	if err != nil {
		return nil, err
	}
	n, err := note.Open(signed, known)
	if err != nil {
		return nil, openError(what, err)
	}
	return n, nil
}

// spoken returns nil if one of those who signed the note speaks for the origin.
func spoken(n *note.Note, what, origin string) error {
	speaks := false
	for _, sig := range n.Sigs {
		// One signature has one spelling: note would take others whose last character differs in bits that do not count.
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return malformedNoteError(what, 0, "a signature is not in its one base64 spelling")
		}
		speaks = speaks || covers(sig.Name, origin)
	}
	if !speaks {
		return &SignatureError{
			Key:     keyName(n.Sigs[0].Name, n.Sigs[0].Hash),
			Problem: "it signed, but does not speak for the " + what + "'s origin; give the key of that log",
		}
	}
	return nil
}

// keyring returns the verifiers as note takes them, which is each key once.
func keyring(verifiers []*Verifier) (note.Verifiers, error) {
	texts := make(map[string]string, len(verifiers))
	var known []note.Verifier
	for _, v := range verifiers {
		name := keyName(v.key.Name(), v.key.KeyHash())
		text, twice := texts[name]
		if twice && text != v.text {
			return nil, &InvalidError{What: "verifier keys", Problem: "are two named " + name +
				"; one of them is a forgery, find out which"}
		}
		if !twice {
			texts[name] = v.text
			known = append(known, v.key)
		}
	}
	return note.VerifierList(known...), nil
}

// openError says in our words what note found.
func openError(what string, err error) error {
	if invalid, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return &SignatureError{
			Key: keyName(invalid.Name, invalid.Hash),
			Problem: "did not sign this text, which was altered after it was signed or never was; compare it with an " +
				"anchored copy",
		}
	}
	if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return &SignatureError{Problem: "none of the given keys signed; give the public key of this log"}
	}
	return malformedNoteError(what, 0, "it is no signed note, which is text, an empty line and lines of signatures")
}

func keyName(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

func malformedCheckpointError(line int, problem string) error {
	return malformedNoteError("checkpoint", line, problem)
}

func malformedNoteError(what string, line int, problem string) error {
	return &TextError{What: what, Line: line, Problem: problem}
}

// parseCheckpoint reads the text of a checkpoint, whose signature the caller has verified.
func parseCheckpoint(text string) (Checkpoint, error) {
	body, ended := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ended || len(lines) < checkpointLines {
		return Checkpoint{}, malformedCheckpointError(0, "it has less than the lines origin, size and root")
	}
	for i, line := range lines {
		if line == "" {
			return Checkpoint{}, malformedCheckpointError(i+1, "is empty")
		}
	}
	if err := checkName("origin", lines[0]); err != nil {
		return Checkpoint{}, malformedCheckpointError(1, err.Error())
	}
	size, ok := parseNumber(lines[1])
	if !ok || size > MaxSize {
		return Checkpoint{}, malformedCheckpointError(2,
			fmt.Sprintf("is no decimal number up to %d without leading zeros", uint64(MaxSize)))
	}
	root, ok := parseHash(lines[2])
	if !ok {
		return Checkpoint{}, malformedCheckpointError(3, "is no hash of 44 base64 characters")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// parseNumber reads a number in its one spelling.
func parseNumber(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == text
}

// parseHash reads what [Hash.String] returns.
func parseHash(text string) (Hash, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != HashSize || len(text) != base64.StdEncoding.EncodedLen(HashSize) {
		return Hash{}, false
	}
	return Hash(b), true
}
