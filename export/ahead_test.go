package export_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store"
)

var errCable = errors.New("the cable is cut")

// trouble is a log in which something happens at a position.
type trouble struct {
	log
	at   uint64
	what func(yield func(store.Frame, error) bool)
}

func (l trouble) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for f, err := range l.log.(store.Framer).Frames(ctx, from) {
			if f.Record.Position == l.at {
				l.what(yield)
				return
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// On one core and on two an export is the same, and so is what comes to its caller of the log's trouble.
func TestOneCoreAndTwo(t *testing.T) {
	original := inMemory(t)
	size := large(t, original)
	var texts []string
	for _, cores := range []int{1, 2} {
		t.Run(map[int]string{1: "one", 2: "two"}[cores], func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			_, text := exported(t, original, nil)
			texts = append(texts, string(text))
			for _, at := range []uint64{1, 128, 129, size} {
				cut := trouble{original, at, func(yield func(store.Frame, error) bool) { yield(store.Frame{}, errCable) }}
				var out bytes.Buffer
				_, err := export.Write(t.Context(), &out, cut, nil)
				require.ErrorIs(t, err, errCable)
				assert.PanicsWithValue(t, errCable, func() {
					_, _ = export.Write(t.Context(), &out, trouble{original, at, func(func(store.Frame, error) bool) {
						panic(errCable)
					}}, nil)
				})
				ends := trouble{original, at, func(func(store.Frame, error) bool) {}}
				_, err = export.Write(t.Context(), &out, ends, nil)
				require.ErrorIs(t, err, store.ErrDamaged)
				ctx, cancel := context.WithCancel(t.Context())
				_, err = export.Write(ctx, &out, trouble{original, at, func(yield func(store.Frame, error) bool) {
					cancel()
					yield(store.Frame{}, store.CheckContext(ctx, "read"))
				}}, nil)
				require.ErrorIs(t, err, context.Canceled)
			}
		})
	}
	require.Len(t, texts, 2)
	assert.True(t, texts[0] == texts[1], "they are the same, byte for byte")
}
