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
	return fmt.Sprintf("damaged seal: %s %s; verify the log, and restore it from a backup that an anchored checkpoint proves", e.What, e.Problem)
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
	return fmt.Sprintf("proof does not hold: %s: %s; ask for a new proof, and treat the record as altered until one holds", e.Claim, e.Problem)
}

// Unwrap returns [ErrProof].
func (e *ProofError) Unwrap() error { return ErrProof }
