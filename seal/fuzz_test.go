package seal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// What is read is written back as it was: one checkpoint, proof or frontier has one spelling.

func FuzzCheckpoint(f *testing.F) {
	root := mth(nil).String()
	f.Add(logName + "\n12\n" + root + "\n")
	f.Add(logName + "/3f\n0\n" + root + "\nextension\n")
	f.Add("\n\n\n")
	signer := fixedSigner(f, logName, 0)
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		c, err := seal.Open(signText(t, text, logName, 0), signer.Verifier())
		if err != nil {
			require.True(t, errors.Is(err, seal.ErrMalformed) || errors.Is(err, seal.ErrSignature), "%v", err)
			return
		}
		require.True(t, strings.HasPrefix(text, c.String()))
		_, err = signer.Sign(c)
		require.NoError(t, err, "what we open we could have signed")
	})
}

func FuzzOpen(f *testing.F) {
	signer := fixedSigner(f, logName, 0)
	signed, err := signer.Sign(seal.Checkpoint{Origin: logName, Size: 12})
	require.NoError(f, err)
	f.Add(signed)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := seal.Open(b, signer.Verifier())
		if err == nil {
			require.Equal(t, seal.Checkpoint{Origin: logName, Size: 12}, c, "nothing else was ever signed")
		}
	})
}

func FuzzProof(f *testing.F) {
	_, s := records(5)
	signed, verifier := signedAt(f, s, 5)
	for n := range uint64(5) {
		proof, err := seal.Prove(s, signed, n, verifier)
		require.NoError(f, err)
		text, err := proof.AppendText(nil)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		proof, err := seal.ParseProof(text)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrMalformed)
			return
		}
		written, err := proof.AppendText(nil)
		require.NoError(t, err)
		if !strings.Contains(string(text), "extra ") {
			require.Equal(t, string(text), string(written))
		}
		again, err := seal.ParseProof(written)
		require.NoError(t, err)
		require.Equal(t, proof, again)
	})
}

func FuzzLoad(f *testing.F) {
	d := leaves(700)
	trees := map[string]bool{}
	_, s := grow(d)
	var tree seal.Tree
	for _, h := range d {
		trees[string(tree.AppendFrontier(nil))] = true
		tree.Append(h)
	}
	trees[string(tree.AppendFrontier(nil))] = true
	grown, _ := grow(d[:300])
	f.Add(grown.AppendFrontier(nil))
	f.Add(make([]byte, 8))
	f.Fuzz(func(t *testing.T, frontier []byte) {
		loaded, err := seal.Load(frontier, past{s})
		require.Equal(t, trees[string(frontier)], err == nil, "only what the log once had")
		if err == nil {
			require.Equal(t, frontier, loaded.AppendFrontier(nil))
		}
	})
}

// past answers for every size up to its tape's.
type past struct{ *tape }

func (p past) Leaf(n uint64) (seal.Hash, error) {
	if n >= p.size {
		return seal.Hash{}, errors.New("no such leaf")
	}
	return p.leaves[n], nil
}
