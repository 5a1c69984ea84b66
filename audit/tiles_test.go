package audit_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// growing is a log that is filled by and by.
type growing struct {
	store.Log
	w      *writer
	signer *seal.Signer
}

func newGrowing(t *testing.T) *growing {
	t.Helper()
	signer := shopKey(t)
	log, err := memory.NewSealed(memory.Config{Signer: signer})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	w := newWriter(func(int) int { return 0 })
	w.log = log
	return &growing{Log: log, w: w, signer: signer}
}

func (g *growing) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return g.Log.(store.Framer).Frames(ctx, from)
}

// grow places orders until there are so many records, and signs for them.
func (g *growing) grow(t *testing.T, records int) []byte {
	t.Helper()
	for {
		signed, err := g.Log.(store.Checkpointer).Checkpoint(context.Background())
		require.NoError(t, err)
		c, err := seal.Open(signed, g.signer.Verifier())
		require.NoError(t, err)
		if int(c.Size) >= records {
			return signed
		}
		id := g.w.id()
		g.w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: usd(amount), Method: "CARD",
			CaptureMode: order.CaptureManual})
	}
}

func (g *growing) export(dir string, signed []byte) (*audit.TilesExported, error) {
	return audit.ExportTiles(context.Background(), g, dir, signed, g.signer.Verifier())
}

// folder reads tiles for Go's own client of transparent logs, which proves each by the root.
type folder struct {
	dir  string
	read []string
}

func (f *folder) Height() int { return 8 }

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		path := strings.TrimPrefix(t.Path(), "tile/8/") // it is tile/8/0/001 there
		f.read = append(f.read, path)
		b, err := os.ReadFile(filepath.Join(f.dir, "tile", path))
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

// leavesOf reads every leaf of a folder, by Go's client, and holds every record in it against its leaf.
func leavesOf(t *testing.T, dir string, c seal.Checkpoint) {
	t.Helper()
	reader := tlog.TileHashReader(tlog.Tree{N: int64(c.Size), Hash: tlog.Hash(c.Root)}, &folder{dir: dir})
	var at uint64
	for at < c.Size {
		width := min(seal.TileWidth, c.Size-at)
		name := fmt.Sprintf("%03d", at/seal.TileWidth)
		if width < seal.TileWidth {
			name += ".p/" + strconv.FormatUint(width, 10)
		}
		bundle, err := os.ReadFile(filepath.Join(dir, "tile", "entries", name))
		require.NoError(t, err)
		for range width {
			n := binary.BigEndian.Uint16(bundle)
			entry := bundle[2 : 2+n]
			bundle = bundle[2+n:]
			leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(at))})
			require.NoError(t, err)
			require.Equal(t, leaf[0], tlog.RecordHash(entry), "record %d", at)
			_, err = events.DecodeFrame(entry)
			require.NoError(t, err)
			at++
		}
		require.Empty(t, bundle)
	}
}

// names are the files of a folder, each with a hash of what is in it.
func names(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = seal.LeafHash(b).String()
		return err
	}))
	return all
}

func TestAnothersClientReadsTheTiles(t *testing.T) {
	g, dir := newGrowing(t), filepath.Join(t.TempDir(), "www", "log")
	before := uint64(0)
	for _, size := range []int{0, 1, 255, 256, 257, 700} { // one folder, time and again
		signed := g.grow(t, size)
		out, err := g.export(dir, signed)
		require.NoError(t, err)
		assert.Equal(t, uint64(size), out.Log.Size)
		assert.Equal(t, before, out.Before)
		assert.Zero(t, out.Large)
		before = out.Log.Size
		kept, err := os.ReadFile(filepath.Join(dir, audit.CheckpointFile))
		require.NoError(t, err)
		assert.Equal(t, string(signed), string(kept))
		leavesOf(t, dir, out.Log)
	}

	// Going on leaves what exporting at once leaves.
	fresh := t.TempDir()
	out, err := g.export(fresh, g.grow(t, 700))
	require.NoError(t, err)
	gone, at := names(t, dir), names(t, fresh)
	require.Contains(t, gone, "tile/1/000.p/1", "of earlier checkpoints, and not full yet")
	delete(gone, "tile/1/000.p/1")
	assert.Equal(t, at, gone)
	assert.Len(t, at, out.Files)
	assert.Contains(t, at, "tile/0/002.p/188")
	assert.Contains(t, at, "tile/1/000.p/2")
	assert.Contains(t, at, "tile/entries/001")

	// Nothing new is nothing but the checkpoint and what is unfull.
	out, err = g.export(fresh, g.grow(t, 700))
	require.NoError(t, err)
	assert.Equal(t, 4, out.Files)
	assert.Equal(t, at, names(t, fresh))
}

func TestAFolderGoesOnOnlyFromItsOwnLog(t *testing.T) {
	g, dir := newGrowing(t), t.TempDir()
	early := g.grow(t, 300)
	signed := g.grow(t, 600)
	_, err := g.export(dir, signed)
	require.NoError(t, err)
	kept := names(t, dir)

	_, err = g.export(dir, early)
	assert.ErrorIs(t, err, seal.ErrProof, "an older checkpoint")
	other := newGrowing(t)
	_, err = other.export(dir, other.grow(t, 700))
	assert.ErrorIs(t, err, store.ErrInvalid, "another origin")

	// The same origin and another history: the last record that the folder has is another now.
	was, err := seal.Open(signed, g.signer.Verifier())
	require.NoError(t, err)
	newest := g.grow(t, 700)
	forged := framed{Log: g, change: func(f *store.Frame) bool {
		if f.Record.Position == 600 {
			f.Bytes[len(f.Bytes)-1] ^= 1
		}
		return true
	}}
	_, err = audit.ExportTiles(context.Background(), forged, dir, newest, g.signer.Verifier())
	assert.ErrorIs(t, err, seal.ErrProof)
	assert.ErrorContains(t, err, was.Root.String())
	assert.Equal(t, kept, names(t, dir), "nothing was written")

	_, err = audit.ExportTiles(context.Background(), forged, t.TempDir(), newest, g.signer.Verifier())
	assert.ErrorIs(t, err, store.ErrDamaged)
	short := framed{Log: g, change: func(f *store.Frame) bool { return f.Record.Position < 650 }}
	_, err = audit.ExportTiles(context.Background(), short, dir, newest, g.signer.Verifier())
	assert.ErrorIs(t, err, store.ErrDamaged)
	_, err = audit.ExportTiles(context.Background(), &tampered{}, dir, newest, g.signer.Verifier())
	assert.ErrorIs(t, err, store.ErrInvalid, "no frames")
	_, err = audit.ExportTiles(context.Background(), g, dir, newest, signerOf(t, "shop.example/other").Verifier())
	assert.ErrorIs(t, err, seal.ErrSignature)

	// After all these the folder goes on, and is good.
	out, err := g.export(dir, newest)
	require.NoError(t, err)
	leavesOf(t, dir, out.Log)

	// A tile in the folder that was changed is noticed when the folder goes on.
	tile := filepath.Join(dir, "tile", "0", "001")
	b, err := os.ReadFile(tile)
	require.NoError(t, err)
	b[7] ^= 1
	require.NoError(t, os.WriteFile(tile, b, 0o600))
	_, err = g.export(dir, g.grow(t, 900))
	assert.ErrorIs(t, err, seal.ErrProof)
	require.NoError(t, os.Truncate(tile, 100))
	_, err = g.export(dir, g.grow(t, 900))
	assert.ErrorIs(t, err, seal.ErrDamaged)
	require.NoError(t, os.Remove(tile))
	_, err = g.export(dir, g.grow(t, 900))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// What a crash leaves before the checkpoint is there is written over.
func TestAnExportThatWasCutShortGoesOn(t *testing.T) {
	g, dir := newGrowing(t), t.TempDir()
	_, err := g.export(dir, g.grow(t, 300))
	require.NoError(t, err)
	newest := g.grow(t, 800)
	bad := framed{Log: g, change: func(f *store.Frame) bool {
		f.Bytes[len(f.Bytes)-1] ^= byte(f.Record.Position / 799) // so that full tiles are written, and then it ends
		return true
	}}
	_, err = audit.ExportTiles(context.Background(), bad, dir, newest, g.signer.Verifier())
	require.ErrorIs(t, err, store.ErrDamaged)
	require.Contains(t, names(t, dir), "tile/0/002")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tile", "0", "002.aside"), []byte("half"), 0o600))
	out, err := g.export(dir, newest)
	require.NoError(t, err)
	leavesOf(t, dir, out.Log)
	assert.NotContains(t, names(t, dir), "tile/0/002.aside")
	assert.NotContains(t, names(t, dir), "tile/0/001.p/44")
}

func TestARecordThatTilesCannotHoldStandsAsAFrame(t *testing.T) {
	g, dir := newGrowing(t), t.TempDir()
	g.grow(t, 10)
	fact := notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-1", At: g.w.now, Amount: usd(amount)})
	fact.Proof.Evidence.Body = append(fact.Proof.Evidence.Body[:len(fact.Proof.Evidence.Body)-1],
		(`,"extendInfo":"` + strings.Repeat("x", 70_000) + `"}`)...)
	g.w.give("id-1", order.Observe{Fact: fact})
	out, err := g.export(dir, g.grow(t, 20))
	require.NoError(t, err)
	assert.Equal(t, 1, out.Large)
	all := names(t, dir)
	assert.NotContains(t, all, "tile/entries/000.p/20")
	left, err := os.ReadFile(filepath.Join(dir, "tile", "frames", "000.p", "20"))
	require.NoError(t, err)
	var tree seal.Tree
	for len(left) > 0 {
		n, err := events.FrameSize(left)
		require.NoError(t, err)
		tree.Append(seal.LeafHash(left[:n]))
		left = left[n:]
	}
	assert.Equal(t, out.Log.Root, tree.Root())
}
