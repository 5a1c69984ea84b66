package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
)

// TestPagesFollow: a page asks for what has room by the size of the frames before, for some at least, and for not many
// times more than the one before did.
func TestPagesFollow(t *testing.T) {
	had := func(most, records, frames int) *page {
		return &page{most: most, records: make([]events.Record, records), frames: frames}
	}
	for name, c := range map[string]struct {
		before *page
		most   int
	}{
		"the first":               {nil, pageFirst},
		"after one without rows":  {had(pageFirst, 0, 0), pageFirst},
		"after small frames":      {had(pageFirst, pageFirst, pageFirst*400), pageGrowth * pageFirst},
		"after many small frames": {had(pageMax, pageMax, pageMax*400), pageMax},
		"after larger frames":     {had(pageMax, pageMax, pageMax*1024), pageMax},
		"after frames of 4 KiB":   {had(pageMax, 512, pageBytesMax), 512},
		"after the largest ones":  {had(pageMax, 3, 3*events.FrameMax), 2},
		"after one beyond a page": {had(2, 1, 2*pageBytesMax), 1},
	} {
		var p page
		p.follow(c.before)
		assert.Equal(t, c.most, p.most, name)
	}
}

// TestTilesBegun: with pages of any size, each full tile comes with one page, and that is not after its first leaf's.
func TestTilesBegun(t *testing.T) {
	for _, end := range []uint64{1, seal.TileWidth - 1, seal.TileWidth, seal.TileWidth + 1, 5*seal.TileWidth + 7} {
		for size := uint64(1); size < 3*seal.TileWidth; size += 37 {
			var all []seal.TileID
			for after := uint64(0); after < end; after += size {
				for _, tile := range tilesBegun(after, after+size, end) {
					all = append(all, tile)
					assert.GreaterOrEqual(t, tile.Index*seal.TileWidth, after)
					assert.Less(t, tile.Index*seal.TileWidth, after+size)
				}
			}
			assert.Len(t, all, int(end/seal.TileWidth), "pages of %d in a log of %d", size, end)
		}
	}
}
