package sealed_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// newSeal is the seal of a log of that size, with a key.
func newSeal(t testing.TB, size int) (*sealed.Seal, *shelf) {
	key, _, err := seal.GenerateKey(nil, "shop.example")
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	origin, err := seal.NewOrigin("shop.example", [seal.OriginIDSize]byte{1})
	require.NoError(t, err)
	tree, from := grow(t, size)
	return &sealed.Seal{Log: logName, Origin: origin, Tree: tree, Signer: signer}, from
}

// stored is the seal as an engine that wrote it would find it.
func stored(s *sealed.Seal, past ...seal.Checkpoint) sealed.Stored {
	return sealed.Stored{Frontier: s.Tree.AppendFrontier(nil), Last: s.Tree.Size(), Past: past}
}

// TestProofsHold: at the edges of tiles, what is handed out is taken by package seal alone.
func TestProofsHold(t *testing.T) {
	ctx := context.Background()
	for _, size := range []int{0, 1, 2, 255, 256, 257, 600, 65_536, 65_793, 66_000} {
		s, from := newSeal(t, size)
		tree, err := sealed.Load(ctx, logName, s.Tree.AppendFrontier(nil), from)
		require.NoError(t, err)
		require.Equal(t, s.Tree.Root(), tree.Root(), "%d records", size)
		c, signed, err := s.Sign()
		require.NoError(t, err)
		assert.Equal(t, s.Checkpoint(), c)
		for _, position := range []int{1, 256, 257, size / 2, size} {
			if position == 0 || position > size {
				continue
			}
			proof, err := s.Prove(ctx, from, signed, uint64(position))
			require.NoError(t, err)
			now, err := proof.Verify([]byte(from.records[position-1]), s.Signer.Verifier())
			require.NoError(t, err, "position %d of %d", position, size)
			assert.Equal(t, c, now)
		}
		for _, old := range []int{0, 1, 256, size / 3, size} {
			if old > size {
				continue
			}
			before, _ := grow(t, old)
			proof, err := s.ProveConsistency(ctx, from, uint64(old), uint64(size))
			require.NoError(t, err)
			require.NoError(t, seal.VerifyConsistency(proof, uint64(old), before.Root(), uint64(size), c.Root))
			earlier := &sealed.Seal{Log: logName, Tree: before}
			require.NoError(t, earlier.Verify(ctx, from, stored(s)), "what was %d records is %d now", old, size)
		}
		require.NoError(t, s.Verify(ctx, from, stored(s)))
	}
}

// TestFewCalls: package seal asks 511 times for what is asked for here in a few calls, each a way to a server for some
// engines.
func TestFewCalls(t *testing.T) {
	const size = 131_071 // the widest edge with two levels of tiles
	ctx := context.Background()
	s, from := newSeal(t, size)
	plain := from.counted(func() {
		_, err := seal.RootAt(oneByOne{from}, size)
		require.NoError(t, err)
	})
	assert.Equal(t, 511, plain)
	assert.Equal(t, 6, from.counted(func() {
		_, err := sealed.Load(ctx, logName, s.Tree.AppendFrontier(nil), from)
		require.NoError(t, err)
	}), "loading: the records, 255 tiles in four batches, and the one above them")
	_, signed, err := s.Sign()
	require.NoError(t, err)
	assert.Equal(t, 2, from.counted(func() {
		_, err := s.Prove(ctx, from, signed, 1000)
		require.NoError(t, err)
	}), "a proof: its tiles, and the record")
	assert.Equal(t, 1, from.counted(func() {
		_, err := s.ProveConsistency(ctx, from, 70_000, 100_000)
		require.NoError(t, err)
	}), "a proof of consistency: its tiles")
	was, _ := grow(t, 70_000)
	assert.Equal(t, 7, from.counted(func() {
		require.NoError(t, (&sealed.Seal{Log: logName, Tree: was}).Verify(ctx, from, stored(s)))
	}), "verifying: loading, and the tiles below the root that there was")
	records := s.Records()
	assert.Equal(t, 512, from.counted(func() {
		for i, r := range from.records {
			require.NoError(t, records.Hold(ctx, from, uint64(i)+1, []byte(r)))
		}
	}), "all records: a call for each full tile, of both levels")
}

// oneByOne is a shelf as a source of package seal.
type oneByOne struct{ *shelf }

func (o oneByOne) Tile(level int, index uint64) ([]byte, error) {
	var bytes [1][]byte
	err := o.Tiles(context.Background(), []seal.TileID{{Level: level, Index: index}}, bytes[:])
	return bytes[0], err
}

func (o oneByOne) Leaf(n uint64) (seal.Hash, error) {
	var hashes [1]seal.Hash
	err := o.Leaves(context.Background(), n+1, hashes[:])
	return hashes[0], err
}

func isDamage(t *testing.T, err error, words string) {
	t.Helper()
	var damage *store.DamagedError
	require.ErrorAs(t, err, &damage)
	assert.Equal(t, logName, damage.Log)
	assert.ErrorContains(t, err, words)
	assert.NotErrorIs(t, err, seal.ErrDamaged, "it is said in the words of package store")
}

func TestDamage(t *testing.T) {
	const size = 66_000
	ctx := context.Background()
	s, _ := newSeal(t, size)
	_, signed, err := s.Sign()
	require.NoError(t, err)
	sound := func() *shelf { _, from := grow(t, size); return from }

	from := sound()
	from.records[6] = "another record"
	_, err = s.Prove(ctx, from, signed, 7)
	isDamage(t, err, "position 7")
	isDamage(t, s.Records().Hold(ctx, from, 7, []byte(from.records[6])), "position 7")
	require.NoError(t, s.Records().Hold(ctx, from, 8, []byte(from.records[7])))

	from = sound()
	from.alterTile(0, 0)
	_, err = s.Prove(ctx, from, signed, 7)
	isDamage(t, err, "tile 0/0")
	_, err = s.ProveConsistency(ctx, from, 7, size)
	isDamage(t, err, "tile 0/0")
	isDamage(t, s.Records().Hold(ctx, from, 7, []byte(from.records[6])), "tile 0/0")
	was, _ := grow(t, 7)
	isDamage(t, (&sealed.Seal{Log: logName, Tree: was}).Verify(ctx, from, stored(s)), "tile 0/0")

	from = sound()
	from.alterTile(0, 256)
	_, err = sealed.Load(ctx, logName, s.Tree.AppendFrontier(nil), from)
	isDamage(t, err, "its seal does not fit its records: frontier")
	from = sound()
	from.records[size-1] = "another record"
	_, err = sealed.Load(ctx, logName, s.Tree.AppendFrontier(nil), from)
	isDamage(t, err, "its seal does not fit its records: frontier")
	from = sound()
	delete(from.tiles, seal.TileID{Level: 0, Index: 256})
	_, err = sealed.Load(ctx, logName, s.Tree.AppendFrontier(nil), from)
	isDamage(t, err, "no tile")
	_, err = sealed.Load(ctx, logName, []byte("short"), from)
	isDamage(t, err, "frontier")
}

// TestStoredSeals: a stored seal that is whole in itself and not the log's is found.
func TestStoredSeals(t *testing.T) {
	ctx := context.Background()
	s, from := newSeal(t, 600)
	was, _ := grow(t, 300)
	old := seal.Checkpoint{Origin: s.Origin, Size: 300, Root: was.Root()}
	require.NoError(t, s.Verify(ctx, from, stored(s, old)))

	more := stored(s)
	more.Last++
	isDamage(t, s.Verify(ctx, from, more), "covers 600 records, and it has 601")
	isDamage(t, s.Verify(ctx, from, stored(&sealed.Seal{Tree: was})), "covers 300 records, and covered 600")
	other, elsewhere := grow(t, 0)
	for range 600 {
		elsewhere.records = append(elsewhere.records, "the same")
		other.Append(seal.LeafHash([]byte("the same")))
		for _, tile := range other.Full() {
			elsewhere.tiles[seal.TileID{Level: tile.Level, Index: tile.Index}], _ = tile.AppendBinary(nil)
		}
	}
	isDamage(t, s.Verify(ctx, elsewhere, stored(&sealed.Seal{Tree: other})), "not the one that it had")
	for _, c := range []seal.Checkpoint{{Size: 300, Root: other.Root()}, {Size: 601, Root: was.Root()}} {
		isDamage(t, s.Verify(ctx, from, stored(s, old, c)), "does not begin with")
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	s, from := newSeal(t, 3)
	for _, position := range []uint64{0, 4} {
		_, err := s.Prove(ctx, from, nil, position)
		require.ErrorIs(t, err, store.ErrInvalid)
		assert.ErrorContains(t, err, "it has 1 to 3")
	}
	for _, sizes := range [][2]uint64{{2, 1}, {1, 4}} {
		_, err := s.ProveConsistency(ctx, from, sizes[0], sizes[1])
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	s.Origin = "other.example/orders"
	_, _, err := s.Sign()
	require.ErrorIs(t, err, store.ErrInvalid, "the signer does not speak for it")
	require.Zero(t, from.calls)
}

// TestContextsAndErrorsPass: a source's own error, that of an ended context among them, is the answer.
func TestContextsAndErrorsPass(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	s, from := newSeal(t, 600)
	_, signed, err := s.Sign()
	require.NoError(t, err)
	own := errors.New("the server is gone")
	for want, source := range map[error]sealed.Source{context.Canceled: from, own: gone{own}} {
		_, err = sealed.Load(ended, logName, s.Tree.AppendFrontier(nil), source)
		require.ErrorIs(t, err, want)
		_, err = s.Prove(ended, source, signed, 7)
		require.ErrorIs(t, err, want)
		_, err = s.Prove(ended, source, signed, 600)
		require.ErrorIs(t, err, want, "of a record whose leaf no tile has")
		_, err = s.ProveConsistency(ended, source, 7, 600)
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, s.Verify(ended, source, stored(s)), want)
		require.ErrorIs(t, s.Records().Hold(ended, source, 7, nil), want)
	}
}

// gone is a source that cannot be reached.
type gone struct{ err error }

func (g gone) Tiles(context.Context, []seal.TileID, [][]byte) error { return g.err }
func (g gone) Leaves(context.Context, uint64, []seal.Hash) error    { return g.err }

// TestHoldingDoesNotAllocate: a replay holds every record.
func TestHoldingDoesNotAllocate(t *testing.T) {
	ctx := context.Background()
	s, from := newSeal(t, 600)
	records, frame := s.Records(), []byte(from.records[6])
	require.NoError(t, records.Hold(ctx, from, 7, frame))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if records.Hold(ctx, from, 7, frame) != nil {
			t.Fail()
		}
	}))
}

func TestAncestry(t *testing.T) {
	origin, err := seal.NewOrigin("shop.example/orders", [seal.OriginIDSize]byte{7})
	require.NoError(t, err)
	all := []seal.Checkpoint{{Origin: origin, Size: 12, Root: seal.Hash{1}},
		{Origin: origin, Size: 300, Root: seal.Hash{2}}}
	text := sealed.FormatAncestor(all[0]) + sealed.FormatAncestor(all[1])
	got, ok := sealed.ParseAncestry(text)
	assert.True(t, ok)
	assert.Equal(t, all, got)
	got, ok = sealed.ParseAncestry("")
	assert.True(t, ok, "a log that was never copied")
	assert.Empty(t, got)
	for _, bad := range []string{"\n", "x", text[:len(text)-1], "0" + text, " " + text, text + "\n",
		"12 01 " + origin + "\n", sealed.FormatAncestor(seal.Checkpoint{Origin: "no-id", Size: 1})} {
		_, ok := sealed.ParseAncestry(bad)
		assert.False(t, ok, "%q", bad)
	}
	assert.True(t, sealed.IsOrigin(origin))
	assert.False(t, sealed.IsOrigin("shop.example"))
	assert.False(t, sealed.IsOrigin("shop.example/00"))
}
