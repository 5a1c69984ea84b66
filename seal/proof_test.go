package seal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
)

// records returns n frames of a log, and its tree as a source.
func records(n int) ([][]byte, *tape) {
	frames := make([][]byte, n)
	d := make([]seal.Hash, n)
	for i := range frames {
		frames[i] = fmt.Appendf(nil, "frame %d", i)
		d[i] = seal.LeafHash(frames[i])
	}
	_, s := grow(d)
	return frames, s
}

// signedAt returns the signed checkpoint of the source at that size.
func signedAt(t testing.TB, s *tape, size int) ([]byte, *seal.Verifier) {
	t.Helper()
	signer := fixedSigner(t, logName, 0)
	root, err := seal.RootAt(s.at(size), uint64(size))
	require.NoError(t, err)
	signed, err := signer.Sign(seal.Checkpoint{Origin: logName, Size: uint64(size), Root: root})
	require.NoError(t, err)
	return signed, signer.Verifier()
}

func TestAProofGoesThroughItsText(t *testing.T) {
	frames, s := records(300)
	for _, size := range []int{1, 2, 255, 256, 257, 300} {
		signed, verifier := signedAt(t, s, size)
		for _, n := range []int{0, size / 2, size - 1} {
			proof, err := seal.Prove(s.at(size), signed, uint64(n), verifier)
			require.NoError(t, err)
			text, err := proof.AppendText(nil)
			require.NoError(t, err)
			parsed, err := seal.ParseProof(text)
			require.NoError(t, err)
			c, err := parsed.Verify(frames[n], verifier)
			require.NoError(t, err, "record %d of %d", n, size)
			assert.Equal(t, uint64(size), c.Size)
			again, err := parsed.AppendText([]byte("before"))
			require.NoError(t, err)
			assert.Equal(t, "before"+string(text), string(again))
		}
	}
}

func TestProofTextIsTheC2SPForm(t *testing.T) {
	frames, s := records(3)
	signed, verifier := signedAt(t, s, 3)
	proof, err := seal.Prove(s, signed, 2, verifier)
	require.NoError(t, err)
	text, err := proof.AppendText(nil)
	require.NoError(t, err)
	neighbours := oracleNode(oracleLeaf(frames[0]), oracleLeaf(frames[1]))
	assert.Equal(t, "c2sp.org/tlog-proof@v1\nindex 2\n"+neighbours.String()+"\n\n"+string(signed), string(text))
	for i, frame := range frames[:2] {
		assert.NotContains(t, string(text), string(frame))
		assert.NotContains(t, string(text), oracleLeaf(frame).String(), "record %d is not even shown as a hash of its own", i)
	}

	with := strings.Replace(string(text), "index", "extra c29tZXRoaW5n\nindex", 1)
	parsed, err := seal.ParseProof([]byte(with))
	require.NoError(t, err)
	assert.Equal(t, proof, parsed, "what nobody signed is not kept")
}

func TestNoByteOfAProofFileCanChange(t *testing.T) {
	frames, s := records(300)
	signed, verifier := signedAt(t, s, 300)
	proof, err := seal.Prove(s, signed, 123, verifier)
	require.NoError(t, err)
	text, err := proof.AppendText(nil)
	require.NoError(t, err)
	verify := func(frame []byte) error {
		parsed, err := seal.ParseProof(text)
		if err != nil {
			return err
		}
		_, err = parsed.Verify(frame, verifier)
		return err
	}
	require.NoError(t, verify(frames[123]))
	for i := range text {
		for bit := 0; bit < 8; bit += long.Rounds(1, 5) {
			text[i] ^= 1 << bit
			require.Error(t, verify(frames[123]), "byte %d, bit %d", i, bit)
			text[i] ^= 1 << bit
		}
	}
	flips(frames[123], func(at int) { require.ErrorIs(t, verify(frames[123]), seal.ErrProof, "frame, byte %d", at) })
	require.ErrorIs(t, verify(frames[124]), seal.ErrProof, "another record")
	require.NoError(t, verify(frames[123]))
}

func TestTextsThatAreNoProofs(t *testing.T) {
	hash := mth(nil).String()
	const header = "c2sp.org/tlog-proof@v1\n"
	for text, line := range map[string]int{
		"":                                 0,
		header + "index 1\n" + hash + "\n": 0,
		"c2sp.org/tlog-proof@v2\nindex 1\n\ncheckpoint\n":                           1,
		header + "\ncheckpoint\n":                                                   2,
		header + hash + "\n\ncheckpoint\n":                                          2,
		header + "extra eA==\n\ncheckpoint\n":                                       3,
		header + "extra eA==\nextra eA==\nindex 1\n\ncheckpoint\n":                  3,
		header + "index\n\ncheckpoint\n":                                            2,
		header + "index 01\n\ncheckpoint\n":                                         2,
		header + "index -1\n\ncheckpoint\n":                                         2,
		header + "index 72057594037927935\n\ncheckpoint\n":                          2,
		header + "index 1\n" + hash + "\nAAAA\n\ncheckpoint\n":                      4,
		header + "index 1\n" + hash + "\r\n\ncheckpoint\n":                          3,
		header + "index 1\n" + strings.Repeat(hash+"\n", 57) + "\ncheckpoint\n":     0,
		header + "extra " + strings.Repeat("A", seal.MaxProof) + "\nindex 1\n\nc\n": 0,
	} {
		_, err := seal.ParseProof([]byte(text))
		malformed := &seal.TextError{}
		require.ErrorAs(t, err, &malformed, "%.80q", text)
		require.ErrorIs(t, err, seal.ErrMalformed)
		assert.Equal(t, line, malformed.Line, "%.80q: %v", text, err)
	}
	longest := header + "index 72057594037927934\n" + strings.Repeat(hash+"\n", 56) + "\ncheckpoint\n"
	parsed, err := seal.ParseProof([]byte(longest))
	require.NoError(t, err)
	assert.Len(t, parsed.Hashes, 56)
	_, err = parsed.Verify(nil, fixedSigner(t, logName, 0).Verifier())
	require.ErrorIs(t, err, seal.ErrMalformed, "its checkpoint is none")
}

func TestProveRefusesWhatDoesNotHold(t *testing.T) {
	_, s := records(300)
	signed, verifier := signedAt(t, s, 300)
	_, err := seal.Prove(s, signed, 300, verifier)
	require.ErrorIs(t, err, seal.ErrInvalid)
	_, err = seal.Prove(s, signed, 3)
	require.ErrorIs(t, err, seal.ErrSignature)
	disk := errors.New("disk on fire")
	_, err = seal.Prove(broken{disk}, signed, 3, verifier)
	require.ErrorIs(t, err, disk)

	for allowed := range 45 { // the way up reads tile 0/0 and the 43 other leaves of 0/1; then comes the record's own
		_, err = seal.Prove(&failing{Source: s, allowed: allowed, err: disk}, signed, 299, verifier)
		require.ErrorIs(t, err, disk, "after %d reads", allowed)
	}
	_, err = seal.Prove(&failing{Source: s, allowed: 45, err: disk}, signed, 299, verifier)
	require.NoError(t, err)

	s.tiles["0/0"][17] ^= 1
	for _, n := range []uint64{0, 1, 200, 299} {
		_, err = seal.Prove(s, signed, n, verifier)
		damaged := &seal.DamagedError{}
		require.ErrorAs(t, err, &damaged, "record %d", n)
		assert.Contains(t, damaged.What, fmt.Sprint("record ", n))
	}
	s.tiles["0/0"][17] ^= 1
	s.leaves[299][0] ^= 1
	_, err = seal.Prove(s, signed, 299, verifier)
	require.ErrorIs(t, err, seal.ErrDamaged, "the record itself")
}

// failing is a source that fails after some reads.
type failing struct {
	seal.Source
	allowed int
	err     error
}

func (f *failing) fail() error {
	if f.allowed--; f.allowed < 0 {
		return f.err
	}
	return nil
}

func (f *failing) Tile(level int, index uint64) ([]byte, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Source.Tile(level, index)
}

func (f *failing) Leaf(n uint64) (seal.Hash, error) {
	if err := f.fail(); err != nil {
		return seal.Hash{}, err
	}
	return f.Source.Leaf(n)
}

func TestTilePathsAreTheC2SPForm(t *testing.T) {
	full := make([]seal.Hash, seal.TileWidth)
	for want, tile := range map[string]seal.Tile{
		"tile/0/000":           {Hashes: full},
		"tile/0/x001/234":      {Index: 1234, Hashes: full},
		"tile/0/x001/x234/067": {Index: 1_234_067, Hashes: full},
		"tile/3/999":           {Level: 3, Index: 999, Hashes: full},
		"tile/2/x001/000":      {Level: 2, Index: 1000, Hashes: full},
		"tile/0/x001/234.p/12": {Index: 1234, Hashes: full[:12]},
		"tile/1/000.p/1":       {Level: 1, Hashes: full[:1]},
		"tile/0/273.p/112":     {Index: 273, Hashes: full[:112]},
	} {
		assert.Equal(t, want, tile.Path())
	}
	assert.Equal(t, "tile/entries/x001/234", seal.EntriesPath(1234, seal.TileWidth))
	assert.Equal(t, "tile/entries/000.p/3", seal.EntriesPath(0, 3))
}

// The specification's own example: a tree of 70 000.
func TestEdgeOfATree(t *testing.T) {
	d := leaves(70_000)
	tree, s := grow(d)
	edge := tree.Edge()
	var paths []string
	for _, tile := range edge {
		paths = append(paths, tile.Path())
	}
	assert.Equal(t, []string{"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}, paths)
	assert.Equal(t, d[273*256:], edge[0].Hashes)
	assert.Equal(t, mth(d[256*256:][:256]), edge[1].Hashes[0])
	assert.Equal(t, mth(d[:256*256]), edge[2].Hashes[0])
	assert.Len(t, s.tiles, 273+1)
	assert.Equal(t, uint64(70_000), tree.Size())

	tree, _ = grow(d[:256])
	edge = tree.Edge()
	require.Len(t, edge, 1)
	assert.Equal(t, "tile/1/000.p/1", edge[0].Path())
	assert.Empty(t, new(seal.Tree).Edge())
}
