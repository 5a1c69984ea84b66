package seal

import (
	"errors"
	"fmt"
)

// The sentinels that this package's errors wrap.
var (
	// ErrInvalid: an argument that cannot be meant: a place outside the tree, a name no key can have, a key that is none.
	ErrInvalid = errors.New("invalid argument")
	// ErrDamaged: stored hashes that contradict one another or have the wrong length.
	ErrDamaged = errors.New("damaged seal")
	// ErrProof: a proof that does not show what it should.
	ErrProof = errors.New("proof does not hold")
	// ErrMalformed: a text that is no checkpoint, or no proof.
	ErrMalformed = errors.New("malformed text")
	// ErrSignature: a checkpoint that none of the given keys signed for its origin.
	ErrSignature = errors.New("signature does not hold")
	// ErrAnchor: a checkpoint that could not be left where it was to be kept.
	ErrAnchor = errors.New("checkpoint not anchored")
)

// InvalidError says which argument cannot be used, and why.
type InvalidError struct {
	What    string
	Problem string // with the remedy
}

// Error names the argument, the problem and the remedy.
func (e *InvalidError) Error() string { return e.What + " " + e.Problem }

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// DamagedError says which part of a stored seal cannot be right.
type DamagedError struct {
	What    string // "tile 0/12", "frontier"
	Problem string
}

// Error names the part, the problem and the remedy.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("damaged seal: %s %s; verify the log, and restore it from a backup that an anchored checkpoint "+
		"proves", e.What, e.Problem)
}

// Unwrap returns [ErrDamaged].
func (e *DamagedError) Unwrap() error { return ErrDamaged }

// ProofError says what a proof failed to show.
type ProofError struct {
	Claim   string // "leaf 7 in the tree of 12"
	Problem string
}

// Error names the claim, the problem and the remedy.
func (e *ProofError) Error() string {
	return fmt.Sprintf("proof does not hold: %s: %s; ask for a new proof, and treat the record as altered until one holds",
		e.Claim, e.Problem)
}

// Unwrap returns [ErrProof].
func (e *ProofError) Unwrap() error { return ErrProof }

// TextError says where a text stops being a checkpoint or a proof.
type TextError struct {
	What    string // "checkpoint" or "proof"
	Line    int    // counted from 1; 0 where no single line is to blame
	Problem string
}

// Error names the text, the line, the problem and the remedy.
func (e *TextError) Error() string {
	where := e.What
	if e.Line > 0 {
		where = fmt.Sprintf("%s, line %d", e.What, e.Line)
	}
	return fmt.Sprintf("malformed text: %s: %s; %s", where, e.Problem, e.Hint())
}

// Hint is the way out alone.
func (e *TextError) Hint() string { return "fetch it again, unedited and whole" }

// Unwrap returns [ErrMalformed].
func (e *TextError) Unwrap() error { return ErrMalformed }

// SignatureError says why no signature of a checkpoint counts. It quotes nothing of the checkpoint, which anyone may
// have written.
type SignatureError struct {
	Key     string // the key that the signature names, as "name+hash", or ""
	Problem string // with the remedy
}

// Error names the key, the problem and the remedy.
func (e *SignatureError) Error() string {
	if e.Key == "" {
		return "signature does not hold: " + e.Problem
	}
	return fmt.Sprintf("signature does not hold: key %s: %s", e.Key, e.Problem)
}

// Unwrap returns [ErrSignature].
func (e *SignatureError) Unwrap() error { return ErrSignature }

// AnchorError says where a checkpoint could not be left, and why. It wraps its cause, so that an ended context can be
// told.
type AnchorError struct {
	Where string // the file, or the host; never a whole URL, which may hold a password
	Err   error
}

// Error names the place, the cause and the remedy.
func (e *AnchorError) Error() string {
	return fmt.Sprintf("checkpoint not anchored: %s: %v; anchor it, or a later one, again", e.Where, e.Err)
}

// Unwrap returns [ErrAnchor] and the cause.
func (e *AnchorError) Unwrap() []error { return []error{ErrAnchor, e.Err} }
