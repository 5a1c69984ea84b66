package seal_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/seal"
)

func TestErrorsNameThingReasonAndRemedy(t *testing.T) {
	for _, c := range []struct {
		err      error
		sentinel error
		text     string
	}{
		{
			seal.VerifyInclusion(nil, 3, seal.Hash{}, 3, seal.Hash{}), seal.ErrInvalid,
			"leaf 3 is not in the tree of 3; leaves count from 0, take a later checkpoint",
		},
		{
			seal.VerifyConsistency(nil, 4, seal.Hash{}, 3, seal.Hash{}), seal.ErrInvalid,
			"old size 4 is larger than the size 3; swap the two",
		},
		{
			seal.VerifyInclusion(nil, 3, seal.Hash{}, 1, seal.Hash{}), seal.ErrProof,
			"proof does not hold: leaf 1 in the tree of 3: its 0 hashes do not lead to the root " +
				"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; ask for a new proof, and treat the record as altered until one " +
				"holds",
		},
		{
			&seal.DamagedError{What: "tile 0/12", Problem: "has 0 bytes instead of 8192"}, seal.ErrDamaged,
			"damaged seal: tile 0/12 has 0 bytes instead of 8192; verify the log, and restore it from a backup that an " +
				"anchored checkpoint proves",
		},
		{
			&seal.TextError{What: "proof", Line: 2, Problem: "is no index"}, seal.ErrMalformed,
			"malformed text: proof, line 2: is no index; fetch it again, unedited and whole",
		},
		{
			&seal.TextError{What: "checkpoint", Problem: "it is empty"}, seal.ErrMalformed,
			"malformed text: checkpoint: it is empty; fetch it again, unedited and whole",
		},
		{
			&seal.SignatureError{Problem: "none of the given keys signed; give the public key of this log"}, seal.ErrSignature,
			"signature does not hold: none of the given keys signed; give the public key of this log",
		},
		{
			&seal.SignatureError{Key: "log+00c0ffee", Problem: "why; what to do"}, seal.ErrSignature,
			"signature does not hold: key log+00c0ffee: why; what to do",
		},
		{
			&seal.AnchorError{Where: "anchor.example", Err: io.ErrClosedPipe}, seal.ErrAnchor,
			"checkpoint not anchored: anchor.example: io: read/write on closed pipe; anchor it, or a later one, again",
		},
	} {
		assert.EqualError(t, c.err, c.text)
		assert.ErrorIs(t, c.err, c.sentinel)
	}
	assert.True(t, errors.Is(&seal.AnchorError{Err: io.ErrClosedPipe}, io.ErrClosedPipe))
}
