package salvage_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

const moved = "pages that changed places"

// damages are ways in which a file goes bad. Each returns the image, which it may change.
var damages = map[string]func(chance *rand.Rand, image []byte, page int) []byte{
	"a bit": func(chance *rand.Rand, image []byte, _ int) []byte {
		image[chance.IntN(len(image))] ^= 1 << chance.IntN(8)
		return image
	},
	"bits": func(chance *rand.Rand, image []byte, _ int) []byte {
		for range chance.IntN(2000) {
			image[chance.IntN(len(image))] ^= 1 << chance.IntN(8)
		}
		return image
	},
	"a byte": func(chance *rand.Rand, image []byte, _ int) []byte {
		image[chance.IntN(len(image))] = byte(chance.Uint32())
		return image
	},
	"a run of bytes": func(chance *rand.Rand, image []byte, page int) []byte {
		at := chance.IntN(len(image))
		for i := range image[at:min(len(image), at+chance.IntN(4*page))] {
			image[at+i] = byte(chance.Uint32())
		}
		return image
	},
	"pages of zeros": func(chance *rand.Rand, image []byte, page int) []byte {
		for range 1 + chance.IntN(len(image)/page/2) {
			clear(somePage(chance, image, page))
		}
		return image
	},
	"half a page": func(chance *rand.Rand, image []byte, page int) []byte {
		half := somePage(chance, image, page)
		clear(half[chance.IntN(2)*page/2:][:page/2])
		return image
	},
	moved: func(chance *rand.Rand, image []byte, page int) []byte {
		for range 1 + chance.IntN(20) {
			one, other := somePage(chance, image, page), somePage(chance, image, page)
			was := bytes.Clone(one)
			copy(one, other)
			copy(other, was)
		}
		return image
	},
	"a page of another file": func(chance *rand.Rand, image []byte, page int) []byte {
		other := somePage(chance, image, page)
		for i := range other {
			other[i] = byte(chance.Uint32())
		}
		return image
	},
	"cut short": func(chance *rand.Rand, image []byte, _ int) []byte { return image[:chance.IntN(len(image))] },
	"the beginning gone": func(chance *rand.Rand, image []byte, page int) []byte {
		return image[chance.IntN(8*page):]
	},
	"header pages gone": func(chance *rand.Rand, image []byte, page int) []byte {
		clear(image[:2*page])
		return image
	},
	"one header page gone": func(chance *rand.Rand, image []byte, page int) []byte {
		clear(image[chance.IntN(2)*page:][:page])
		return image
	},
	"all page headers gone": func(_ *rand.Rand, image []byte, page int) []byte {
		for at := 0; at+16 <= len(image); at += page {
			clear(image[at:][:16])
		}
		return image
	},
}

func somePage(chance *rand.Rand, image []byte, page int) []byte {
	return image[chance.IntN(len(image)/page)*page:][:page]
}

// TestEveryWholeFrameIsFound: of many files with random damage, every frame whose bytes are whole somewhere is found.
// Where its chunk's directory or a tile is whole too, it counts; where nothing is left that proves it, it is named.
// What counts is what was written, byte for byte, and nothing ends the search.
func TestEveryWholeFrameIsFound(t *testing.T) {
	t.Parallel()
	s, dir := theLog(t), t.TempDir()
	rounds := long.Walk(1000, 15)
	kinds := slices.Sorted(func(yield func(string) bool) {
		for name := range damages {
			if !yield(name) {
				return
			}
		}
	})
	var lost, proven, unproven int
	for round := range rounds {
		chance := rand.New(rand.NewPCG(uint64(round), 1))
		image, what := bytes.Clone(s.image), ""
		for n := range 1 + round/len(kinds)%3 {
			kind := kinds[(round+n*7)%len(kinds)]
			what += kind + ", "
			if len(image) > 16*s.page {
				image = damages[kind](chance, image, s.page)
			}
		}
		what = fmt.Sprintf("round %d: %s", round, what)
		l, p, u := s.check(t, dir, image, what, round)
		lost, proven, unproven = lost+l, proven+p, unproven+u
	}
	t.Logf("%d files: %d frames counted, %d named as unproven, %d lost", rounds, proven, unproven, lost)
	assert.Positive(t, lost)
	assert.Greater(t, proven, 100*unproven, "nearly every whole frame is proven")
}

// check salvages an image and holds what counts against what the image still has.
func (s *sound) check(t *testing.T, dir string, image []byte, what string, round int) (lost, proven, unproven int) {
	t.Helper()
	path := write(t, dir, image)
	whole, provable := s.whole(image, strings.Contains(what, moved))
	found, err := salvage.Read(t.Context(), path, nil)
	if len(whole) == 0 && err != nil {
		require.ErrorIs(t, err, bolt.ErrNotALog, what)
		return len(s.frames), 0, 0
	}
	require.NoError(t, err, what)
	defer func() { require.NoError(t, found.Close()) }()
	accepted, err := found.Accepted()
	require.NoError(t, err)
	report := found.Report()
	for i, frame := range s.frames {
		position := uint64(i) + 1
		got, counts := accepted[position]
		switch {
		case counts:
			require.Equal(t, frame, got, "%s: position %d is another record", what, position)
			require.True(t, whole[position], "%s: position %d", what, position)
			proven++
		case provable[position]:
			require.Fail(t, "a whole frame was left", "%s: position %d; %s", what, position, report)
		case whole[position]:
			require.True(t, slices.Contains(report.Unproven, position), "%s: a whole frame was not seen: position %d; %s",
				what, position, report)
			unproven++
		default:
			lost++
		}
		delete(accepted, position)
	}
	require.Empty(t, accepted, "%s: records that never were", what)
	require.Equal(t, proven, report.Frames.Whole)
	if round%10 == 0 && report.Taken > 0 {
		s.writes(t, found, what)
	}
	return lost, proven, unproven
}

// writes makes the new log, and holds it against the old one.
func (s *sound) writes(t *testing.T, found *salvage.Found, what string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.log")
	require.NoError(t, found.Write(context.Background(), path, nil), what)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err, what)
	defer func() { require.NoError(t, log.Close()) }()
	is, err := log.Tree(t.Context())
	require.NoError(t, err)
	taken := found.Report().Taken
	require.Equal(t, taken, is.Size)
	var tree seal.Tree
	for _, frame := range s.frames[:taken] {
		tree.Append(seal.LeafHash(frame))
	}
	require.Equal(t, tree.Root(), is.Root, what)
	require.NotEqual(t, s.was.Origin, is.Origin)
	past, err := log.Ancestry(t.Context())
	require.NoError(t, err)
	require.Len(t, past, 1)
	require.Equal(t, seal.Checkpoint{Origin: past[0].Origin, Size: taken, Root: is.Root}, past[0])
	if origin := found.Report().Origin; origin != "" {
		require.Equal(t, s.was.Origin, past[0].Origin)
	} else {
		require.Regexp(t, "^unreadable-origin/[0-9a-f]{32}$", past[0].Origin)
	}
}

// TestAnUntouchedFileIsWhole: there is nothing to salvage, and all of it is proven by the seal.
func TestAnUntouchedFileIsWhole(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	image := append(bytes.Clone(s.image), make([]byte, s.size-len(s.image))...)
	path := write(t, t.TempDir(), image)
	found, err := salvage.Read(t.Context(), path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, found.Close()) }()
	report := found.Report()
	assert.True(t, report.Whole(), report)
	assert.Equal(t, len(s.frames), report.Frames.BySeal, report)
	assert.Equal(t, s.was.Origin, report.Origin)
	assert.Empty(t, report.Lost)
	assert.Empty(t, report.Orders.Broken)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(image, after), "the file is only read")
}
