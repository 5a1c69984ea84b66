package export_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// records is an export without its header.
func records(text []byte) string { return string(text[bytes.IndexByte(text, '\n')+1:]) }

// What was exported and imported is exported again with the same root and the same records, byte for byte, whatever the
// engines; the header tells another log, which says what it came from.
func TestExportOfAnImportIsTheSame(t *testing.T) {
	for from, make := range engines(t) {
		for to, again := range engines(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				original, copied := make(), again()
				everyKind(t, original)
				h, text := exported(t, original, nil)
				c, err := original.Tree(t.Context())
				require.NoError(t, err)
				require.Equal(t, c, h.Checkpoint)

				var told []uint64
				got, err := export.Import(t.Context(), opened(t, text), copied, func(done, _ uint64) {
					told = append(told, done)
				})
				require.NoError(t, err)
				assert.Equal(t, c, got)
				assert.Equal(t, []uint64{c.Size}, told)
				h2, text2 := exported(t, copied, nil)
				assert.Equal(t, c.Root, h2.Checkpoint.Root)
				assert.Equal(t, records(text), records(text2))
				is, err := copied.Tree(t.Context())
				require.NoError(t, err)
				assert.Equal(t, is, h2.Checkpoint, "a log has a name of its own")
				// And what is read from an export is what it was read from.
				h3, text3 := exported(t, opened(t, text2), nil)
				_, bare := exported(t, frameless{original}, nil)
				assert.Equal(t, records(text), records(bare), "bytes that are made again are the same")
				assert.Equal(t, h2, h3)
				assert.Equal(t, string(text2), string(text3), "an export of an export is that export")
			})
		}
	}
}

// Each line is what package jsonform has of the record, and the frame that counts; here they are read by other means.
func TestLinesTellTheRecords(t *testing.T) {
	original := engines(t)["bolt"]()
	everyKind(t, original)
	_, text := exported(t, original, nil)
	var tree seal.Tree
	want := all(t, original, store.Start())
	require.Len(t, lines(text), len(want)+1)
	for i, line := range lines(text)[1:] {
		var doc struct{ Position, Frame, ID string }
		require.NoError(t, json.Unmarshal([]byte(line), &doc))
		assert.Equal(t, fmt.Sprint(i+1), doc.Position)
		assert.Equal(t, want[i].ID, doc.ID)
		frame, err := base64.StdEncoding.DecodeString(doc.Frame)
		require.NoError(t, err)
		r, err := events.DecodeFrame(frame)
		require.NoError(t, err)
		assert.Equal(t, want[i], r)
		tree.Append(seal.LeafHash(frame))
		for f, err := range opened(t, text).Frames(t.Context(), store.After(events.Record{Position: uint64(i)})) {
			require.NoError(t, err)
			assert.Equal(t, store.Frame{Record: r, Bytes: frame}, f)
			break
		}
	}
	var header map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines(text)[0]), &header))
	assert.Equal(t, "tilltape", header["export"])
	assert.Equal(t, "1", header["version"])
	assert.Equal(t, tree.Root().String(), header["root"])
	assert.Equal(t, fmt.Sprint(len(want)), header["count"])
	assert.Equal(t, header["count"], header["size"])
	assert.NotContains(t, header, "filter")
	assert.Equal(t, "these are all records that the log had: together they come to its root", header["proves"])
}

// The checkpoint in the header can be held against the log's key, and is about just what is exported.
func TestTheHeaderHasTheSignedCheckpoint(t *testing.T) {
	signerKey, verifierKey, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	signer, err := seal.NewSigner(signerKey)
	require.NoError(t, err)
	verifier, err := seal.NewVerifier(verifierKey)
	require.NoError(t, err)
	original, err := memory.NewSealed(memory.Config{Signer: signer})
	require.NoError(t, err)
	everyKind(t, original)
	h, text := exported(t, original, nil)
	signed, err := opened(t, text).Checkpoint(t.Context())
	require.NoError(t, err)
	assert.Equal(t, h.Signed, signed)
	c, err := seal.Open(signed, verifier)
	require.NoError(t, err)
	assert.Equal(t, h.Checkpoint, c)

	unsigned := inMemory(t)
	h, text = exported(t, unsigned, nil)
	assert.Nil(t, h.Signed)
	_, err = opened(t, text).Checkpoint(t.Context())
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.ErrorContains(t, err, "export the log with its signer's key")
}

// An empty log has an export too, and an import of it.
func TestAnEmptyLog(t *testing.T) {
	h, text := exported(t, inMemory(t), nil)
	assert.Zero(t, h.Count)
	assert.Len(t, lines(text), 1)
	l := opened(t, text)
	assert.Empty(t, all(t, l, store.Start()))
	require.NoError(t, l.Verify(t.Context(), nil))
	to := inMemory(t)
	_, err := export.Import(t.Context(), l, to, nil)
	require.NoError(t, err)
	assert.Empty(t, all(t, to, store.Start()))
}

// A replay judges an export as it judges the log, on a machine that does not have it.
func TestReplayOfAnExport(t *testing.T) {
	original := engines(t)["bolt"]()
	sold(t, original, 12)
	want, err := audit.Replay(t.Context(), original, nil)
	require.NoError(t, err)
	_, text := exported(t, original, nil)
	path := filepath.Join(t.TempDir(), "o.jsonl")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	l, err := export.Open(path)
	require.NoError(t, err)
	got, err := audit.Replay(t.Context(), l, nil)
	require.NoError(t, err)
	assert.Equal(t, want.Seal, got.Seal)
	assert.Equal(t, want.Records, got.Records)
	assert.Equal(t, want.Kinds, got.Kinds)
	for o := range want.Orders() {
		other, ok := got.Order(o.ID)
		assert.True(t, ok)
		assert.Equal(t, o, other)
	}
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "again does nothing")
	_, err = audit.Replay(t.Context(), l, nil)
	assert.ErrorIs(t, err, store.ErrClosed)
}

// What has no seal cannot be held against anything, and what is not what was sealed is not exported.
func TestWhatIsNotExported(t *testing.T) {
	for name, bare := range map[string]func() export.Source{
		"memory": func() export.Source { return memory.New() },
		"bolt": func() export.Source {
			l, err := bolt.Open(filepath.Join(t.TempDir(), "bare"), &bolt.Config{Unsealed: true})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, l.Close()) })
			return l
		},
	} {
		var out bytes.Buffer
		_, err := export.Write(t.Context(), &out, bare(), nil)
		require.ErrorIs(t, err, store.ErrInvalid, name)
		assert.ErrorContains(t, err, "has no seal", name)
		assert.Empty(t, out.String(), name)
	}

	// Read from a log whose records are not those of its root, nothing is an export; the log itself says where, if it can.
	for _, filter := range []export.Filter{{}, {Orders: []string{"o-1"}}} {
		for _, position := range []uint64{0, 5} {
			lie := lying{log: inMemory(t), proven: position}
			sold(t, lie.log, 3)
			for _, from := range []export.Source{lie, frameless{lie}} {
				_, err := export.Write(t.Context(), &bytes.Buffer{}, from, &export.Config{Filter: filter})
				var damaged *store.DamagedError
				require.ErrorAs(t, err, &damaged)
				assert.Equal(t, position, damaged.Position)
			}
		}
	}
}

// frameless is a log that keeps its bytes to itself.
type frameless struct{ export.Source }

// lying is a log that yields another fifth record than was sealed. Its proof finds damage at a position, or none.
type lying struct {
	log
	proven uint64
}

func (l lying) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range l.log.All(ctx, from) {
			if r.Position == 5 {
				r.Actor = "mallory"
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (l lying) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for r, err := range l.All(ctx, from) {
			frame, _ := events.AppendFrame(nil, r)
			if !yield(store.Frame{Record: r, Bytes: frame}, err) {
				return
			}
		}
	}
}

func (l lying) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	c, all, err := l.log.Proven(ctx)
	if l.proven == 0 {
		return c, all, err
	}
	return c, func(yield func(events.Record, error) bool) {
		yield(events.Record{}, &store.DamagedError{Log: "it", Position: l.proven, Reason: "it was altered"})
	}, err
}

// An export that was altered leaves nothing in the log.
func TestImportTakesOnlyWhatItCanProve(t *testing.T) {
	original := inMemory(t)
	everyKind(t, original)
	_, text := exported(t, original, nil)
	all3 := lines(text)
	// The last record again, under another position's root: lines that are good by themselves.
	other := inMemory(t)
	sold(t, other, 1)
	_, otherText := exported(t, other, nil)
	swapped := append([]string{all3[0]}, lines(otherText)[1:]...)
	header := strings.Replace(all3[0], fmt.Sprintf(`"size":"%d"`, len(all3)-1),
		fmt.Sprintf(`"size":"%d"`, len(swapped)-1), 1)
	swapped[0] = strings.Replace(header, fmt.Sprintf(`"count":"%d"`, len(all3)-1),
		fmt.Sprintf(`"count":"%d"`, len(swapped)-1), 1)
	to := inMemory(t)
	_, err := export.Import(t.Context(), opened(t, joined(swapped...)), to, nil)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "its records come to the root")
	c, err := to.Tree(t.Context())
	require.NoError(t, err)
	assert.Zero(t, c.Size, "nothing was appended")

	full := inMemory(t)
	sold(t, full, 2)
	_, err = export.Import(t.Context(), opened(t, text), full, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, some := exported(t, original, &export.Config{Filter: export.Filter{Orders: []string{"o-1"}}})
	_, err = export.Import(t.Context(), opened(t, some), inMemory(t), nil)
	require.ErrorIs(t, err, export.ErrFiltered)
}
