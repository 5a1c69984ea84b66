package seal

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// rollPrefix begins the second line of a signed roll, so that none is ever taken for a checkpoint, whose second line is
// a number.
const rollPrefix = "roll "

// rollLines are origin, size, the log's root and the roll's.
const rollLines = 4

// SignedRoll is what a log's owner signs of its roll: that this is the root of the roll over the records of that
// checkpoint. Whoever has those records can make the root anew, and so hold the owner to it.
type SignedRoll struct {
	Log  Checkpoint
	Root Hash // of the roll
}

// String returns the text that is signed: the origin, the word roll and the size, the log's root and the roll's, each
// on a line.
func (r SignedRoll) String() string {
	return r.Log.Origin + "\n" + rollPrefix + strconv.FormatUint(r.Log.Size, 10) + "\n" + r.Log.Root.String() + "\n" +
		r.Root.String() + "\n"
}

// SignRoll returns the roll as a signed note. Sign only a root that was made from the very records that the checkpoint
// is of: another one can be shown to be false, with this signature under it. The errors are those of [Signer.Sign].
func (s *Signer) SignRoll(r SignedRoll) ([]byte, error) { return s.signNote(r.Log, r.String()) }

// OpenRoll returns what a signed roll says, if one of the verifiers signed it and speaks for its log. Signatures and
// errors are as in [Open].
func OpenRoll(signed []byte, verifiers ...*Verifier) (SignedRoll, error) {
	n, err := openNote(signed, "roll", verifiers)
	if err != nil {
		return SignedRoll{}, err
	}
	r, err := parseRoll(n.Text)
	if err != nil {
		return SignedRoll{}, err
	}
	if err := spoken(n, "roll", r.Log.Origin); err != nil {
		return SignedRoll{}, err
	}
	return r, nil
}

// parseRoll reads the text of a roll, whose signature the caller has verified.
func parseRoll(text string) (SignedRoll, error) {
	malformed := func(line int, problem string) (SignedRoll, error) {
		return SignedRoll{}, malformedNoteError("roll", line, problem)
	}
	body, ended := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ended || len(lines) != rollLines {
		return malformed(0, fmt.Sprintf("it has not the %d lines origin, size, the log's root and the roll's", rollLines))
	}
	if err := checkName("origin", lines[0]); err != nil {
		return malformed(1, err.Error())
	}
	number, found := strings.CutPrefix(lines[1], rollPrefix)
	size, ok := parseNumber(number)
	if !found || !ok || size > MaxSize {
		return malformed(2, fmt.Sprintf("is not %q and a number up to %d without leading zeros", rollPrefix, uint64(MaxSize)))
	}
	r := SignedRoll{Log: Checkpoint{Origin: lines[0], Size: size}}
	for i, h := range []*Hash{&r.Log.Root, &r.Root} {
		if *h, ok = parseHash(lines[2+i]); !ok {
			return malformed(3+i, "is no hash of 44 base64 characters")
		}
	}
	return r, nil
}

// signNote signs a text about a checkpoint that the key speaks for.
func (s *Signer) signNote(c Checkpoint, text string) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if name := s.key.Name(); !covers(name, c.Origin) {
		return nil, &InvalidError{
			What:    fmt.Sprintf("origin %q", c.Origin),
			Problem: fmt.Sprintf("is not the key's: %s speaks for origins that are %q or start with %q", s, name, name+"/"),
		}
	}
	signed, err := note.Sign(&note.Note{Text: text}, s.key)
	if err != nil {
		return nil, fmt.Errorf("seal: sign for %s: %w", c.Origin, err)
	}
	return signed, nil
}
