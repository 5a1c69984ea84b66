package postgres

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// endless are rows of the same record for ever.
type endless struct {
	pgx.Rows
	row    [][]byte
	read   int
	closed bool
}

func (*endless) FieldDescriptions() []pgconn.FieldDescription {
	columns := make([]pgconn.FieldDescription, 5)
	for i, of := range []uint32{pgtype.Int8OID, pgtype.Int8OID, pgtype.TextOID, pgtype.TextOID, pgtype.ByteaOID} {
		columns[i] = pgconn.FieldDescription{DataTypeOID: of, Format: pgtype.BinaryFormatCode}
	}
	return columns
}

func (e *endless) Next() bool          { e.read++; return true }
func (e *endless) RawValues() [][]byte { return e.row }
func (e *endless) Close()              { e.closed = true }
func (*endless) Err() error            { return nil }

// TestPagesAreBounded: whatever the server sends, a page takes no more than its records and bytes, and reads the rest
// away.
func TestPagesAreBounded(t *testing.T) {
	one := binary.BigEndian.AppendUint64(nil, 1)
	for body, most := range map[int]int{0: pageFirst, 800 << 10: 3} {
		r := events.Record{ID: "r", Stream: events.OrderStream("o"), Recorded: time.Unix(1, 0), Occurred: time.Unix(1, 0),
			Actor: "till", Version: 1, Position: 1, Head: events.Head{Status: "created", Phase: "idle"},
			Event: events.PaymentPending{PaymentID: "p",
				Proof: events.Proof{Evidence: &events.Evidence{Body: make([]byte, body)}}}}
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		rows := &endless{row: [][]byte{one, one, []byte(r.Stream.Category), []byte(r.Stream.ID), frame}}
		var p page
		p.follow(nil)
		require.NoError(t, new(Log).scan(rows, &p, func(*events.Record) error { return nil }))
		assert.Len(t, p.records, most)
		assert.Equal(t, most, rows.read)
		assert.True(t, p.full())
		assert.True(t, rows.closed)
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
