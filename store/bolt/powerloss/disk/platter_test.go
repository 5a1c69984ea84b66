package disk_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
)

// page is n sectors of the letter.
func page(letter byte, n int) []byte { return bytes.Repeat([]byte{letter}, n*disk.SectorSize) }

func wrote(offset int64, data []byte) disk.Op {
	return disk.Op{Kind: disk.Wrote, Offset: offset, Data: data}
}

func synced(since int) disk.Op { return disk.Op{Kind: disk.Synced, Since: since} }

func failed(since int) disk.Op { return disk.Op{Kind: disk.Synced, Since: since, Failed: true} }

func after(ops ...disk.Op) *disk.Platter {
	p := new(disk.Platter)
	for _, op := range ops {
		p.Do(op)
	}
	return p
}

// image is the platter's image with one letter for a sector, a dot for a sector of zeros.
func image(t *testing.T, p *disk.Platter, size int64, order []int, keep func(write, sector int) bool) string {
	t.Helper()
	content := p.Image(nil, size, order, keep)
	require.LessOrEqual(t, int64(len(content)), size)
	return letters(append(content, make([]byte, size-int64(len(content)))...))
}

func letters(image []byte) string {
	text := ""
	for s := 0; s < len(image); s += disk.SectorSize {
		if image[s] == 0 {
			text += "."
			continue
		}
		text += string(image[s])
	}
	return text
}

func last(p *disk.Platter) int64 { sizes := p.Sizes(); return sizes[len(sizes)-1] }

func TestWhatIsNotSyncedMayBeMissing(t *testing.T) {
	p := after(wrote(0, page('a', 2)), synced(1), wrote(disk.SectorSize, page('b', 2)))
	require.Equal(t, 1, p.Pending())
	assert.Equal(t, 2, p.PendingSectors(0))
	assert.Equal(t, []int64{2 * disk.SectorSize, 3 * disk.SectorSize}, p.Sizes(),
		"a grown size is no surer than its bytes")

	assert.Equal(t, "aa", image(t, p, 2*disk.SectorSize, nil, nil))
	assert.Equal(t, "aa.", image(t, p, last(p), nil, nil))
	assert.Equal(t, "abb", image(t, p, last(p), []int{0}, nil))
	assert.Equal(t, "ab", image(t, p, 2*disk.SectorSize, []int{0}, nil))
	assert.Equal(t, "aab", image(t, p, last(p), []int{0}, func(_, sector int) bool { return sector == 1 }), "torn")
}

func TestWhatIsSyncedIsThere(t *testing.T) {
	p := after(wrote(0, page('a', 2)), wrote(disk.SectorSize, page('b', 2)), synced(2))
	assert.Zero(t, p.Pending())
	assert.Equal(t, []int64{3 * disk.SectorSize}, p.Sizes())
	assert.Equal(t, "abb", image(t, p, last(p), nil, nil))
}

func TestASyncKeepsOnlyWhatCameBeforeIt(t *testing.T) {
	p := after(wrote(0, page('a', 1)), wrote(0, page('b', 1)), synced(1))
	assert.Equal(t, 1, p.Pending(), "the second write began while the sync was under way")
	assert.Equal(t, "a", image(t, p, last(p), nil, nil))
	assert.Equal(t, "b", image(t, p, last(p), []int{0}, nil))
}

func TestWritesArriveInAnyOrder(t *testing.T) {
	p := after(wrote(0, page('a', 1)), wrote(0, page('b', 1)))
	assert.Equal(t, "b", image(t, p, last(p), []int{0, 1}, nil))
	assert.Equal(t, "a", image(t, p, last(p), []int{1, 0}, nil))
}

func TestASizeIsCertainAfterItsSync(t *testing.T) {
	sized := func(sectors int64) disk.Op { return disk.Op{Kind: disk.Sized, Size: sectors * disk.SectorSize} }
	p := after(wrote(0, page('a', 2)), synced(1), sized(4))
	assert.Equal(t, []int64{2 * disk.SectorSize, 4 * disk.SectorSize}, p.Sizes())
	p = after(wrote(0, page('a', 2)), synced(1), sized(4), synced(3))
	assert.Equal(t, []int64{4 * disk.SectorSize}, p.Sizes())
	assert.Equal(t, "aa..", image(t, p, last(p), nil, nil))
	p = after(wrote(0, page('a', 2)), synced(1), sized(1), synced(3), sized(2), synced(5))
	assert.Equal(t, "a.", image(t, p, last(p), nil, nil), "what was cut off is not there again")
}

func TestAfterAFailedSyncALaterOneSaysNothing(t *testing.T) {
	p := after(wrote(0, page('a', 2)), synced(1), wrote(0, page('b', 2)), failed(3), wrote(disk.SectorSize, page('c', 1)),
		synced(5))
	require.Equal(t, 1, p.Pending(), "the write of b stays in doubt")
	assert.Equal(t, "ac", image(t, p, last(p), nil, nil))
	assert.Equal(t, "bc", image(t, p, last(p), []int{0}, nil), "and never comes over what is newer and certain")
}

// TestASyncUnderWayIsToldToo: Linux tells each opening of a file of what could not be written, once.
func TestASyncUnderWayIsToldToo(t *testing.T) {
	by := func(opening int, op disk.Op) disk.Op {
		op.By = opening
		return op
	}
	for name, told := range map[string]struct {
		ops     []disk.Op
		pending int
	}{
		"another opening's":  {[]disk.Op{by(2, failed(1)), by(1, synced(1))}, 0},
		"begun later":        {[]disk.Op{by(2, failed(1)), by(1, synced(2))}, 1},
		"the same opening's": {[]disk.Op{by(1, failed(1)), by(1, synced(1))}, 1},
		"not known whose":    {[]disk.Op{failed(1), synced(1)}, 1},
		"both were told":     {[]disk.Op{by(1, failed(1)), by(2, failed(1)), by(1, synced(1))}, 1},
	} {
		p := after(append([]disk.Op{wrote(0, page('a', 1))}, told.ops...)...)
		assert.Equal(t, told.pending, p.Pending(), name)
	}
}

func TestWhatAFailedSyncLeftShortIsLongEnoughForWhatIsKept(t *testing.T) {
	sized := disk.Op{Kind: disk.Sized, Size: 8 * disk.SectorSize}
	p := after(wrote(0, page('a', 1)), synced(1), sized, failed(3), wrote(2*disk.SectorSize, page('b', 1)), synced(5))
	assert.Equal(t, []int64{3 * disk.SectorSize, 8 * disk.SectorSize}, p.Sizes())
	assert.Equal(t, "a.b", image(t, p, p.Sizes()[0], nil, nil))
}

// A plain file is the oracle: with everything arrived in order, the image is what its user sees, whatever was synced.
func TestAllWritesInOrderAreTheFile(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		p := new(disk.Platter)
		var file []byte
		for op := range 40 {
			switch random.IntN(4) {
			case 0, 1:
				offset, data := random.IntN(8), page(byte('a'+op%26), 1+random.IntN(3))
				p.Do(wrote(int64(offset*disk.SectorSize), data))
				if end := offset*disk.SectorSize + len(data); end > len(file) {
					file = append(file, make([]byte, end-len(file))...)
				}
				copy(file[offset*disk.SectorSize:], data)
			case 2:
				p.Do(synced(op))
			case 3:
				p.Do(failed(op))
			}
			order := make([]int, p.Pending())
			for i := range order {
				order[i] = i
			}
			require.Equal(t, letters(file), image(t, p, last(p), order, nil), "seed %d, op %d", seed, op)
		}
	}
}
