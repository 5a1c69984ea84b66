package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// framesFrom are frames of records at a position and those after it.
func framesFrom(t *testing.T, first uint64, n int) (records []events.Record, frames [][]byte) {
	t.Helper()
	for i := range uint64(n) {
		r := good(fmt.Sprintf("r-%d", first+i))
		r.Stream, r.Version, r.Position = events.OrderStream("o-1"), first+i, first+i
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		records, frames = append(records, r), append(frames, frame)
	}
	return records, frames
}

// A page has its records and their bytes, whoever decodes them and whatever was in it before.
func TestPage(t *testing.T) {
	var p store.Page
	var d events.Decoder
	for _, first := range []uint64{1, 700} {
		records, frames := framesFrom(t, first, 40)
		p.Begin("log x", first)
		assert.Zero(t, p.Len())
		for i, frame := range frames {
			copied := p.Add(frame)
			assert.Equal(t, frame, copied)
			assert.NotSame(t, &frame[0], &copied[0])
			if i%3 == 0 { // one that was no good
				assert.Equal(t, []byte("none"), p.Add([]byte("none")))
				p.Drop()
			}
		}
		require.Equal(t, len(frames), p.Len())
		assert.Equal(t, len(bytes.Join(frames, nil)), p.Size())
		assert.False(t, p.Full())
		for i := range frames {
			assert.Equal(t, frames[i], p.Frame(i))
			for name, decoder := range map[string]*events.Decoder{"copied": nil, "as it lies": &d} {
				r := good("another")
				require.NoError(t, p.Decode(decoder, i, &r), name)
				require.Equal(t, records[i], r, name)
			}
		}
	}
	p.Begin("log x", 1)
	assert.Zero(t, p.Len(), "the next one is empty")
}

func TestPage_Full(t *testing.T) {
	var p store.Page
	p.Begin("log x", 1)
	for i := range store.PageMax {
		assert.False(t, p.Full(), "%d records", i)
		p.Add([]byte("f"))
	}
	assert.True(t, p.Full())
	p.Begin("log x", 1)
	p.Add(make([]byte, store.PageBytesMax-1))
	assert.False(t, p.Full())
	p.Add([]byte("f"))
	assert.True(t, p.Full())
}

// What a record is decoded from without a Decoder may change, and a page gives nothing away of what stands beside a
// frame in it.
func TestPage_MemoryOfItsOwn(t *testing.T) {
	records, frames := framesFrom(t, 1, 2)
	var p store.Page
	p.Begin("log x", 1)
	p.Add(frames[0])
	p.Add(frames[1])
	_ = append(p.Frame(0), "and on"...)
	assert.Equal(t, frames[1], p.Frame(1))
	var r events.Record
	require.NoError(t, p.Decode(nil, 0, &r))
	clear(p.Frame(0))
	assert.Equal(t, records[0], r)
	require.ErrorIs(t, p.Decode(nil, 0, &r), store.ErrDamaged)
	require.NoError(t, p.Decode(nil, 1, &r))
}

func TestPage_Damage(t *testing.T) {
	_, frames := framesFrom(t, 7, 1)
	var p store.Page
	for name, row := range map[string]struct {
		frame []byte
		first uint64
		want  string
	}{
		"of another position": {frames[0], 8,
			"log x, position 8: the log is damaged: the record here says that its position is 7; "},
		"cut": {frames[0][:1], 7,
			"log x, position 7: the log is damaged: at byte 1 of the record, length is missing; "},
	} {
		for _, decoder := range []*events.Decoder{nil, {}} {
			p.Begin("log x", row.first)
			p.Add(row.frame)
			r := good("another")
			err := p.Decode(decoder, 0, &r)
			require.ErrorIs(t, err, store.ErrDamaged, name)
			require.ErrorContains(t, err, row.want, name)
			assert.Equal(t, events.Record{}, r)
		}
	}
	newer := bytes.Clone(frames[0])
	newer[2] = events.FrameVersion + 1
	p.Begin("log x", 7)
	p.Add(newer)
	require.ErrorIs(t, p.Decode(nil, 0, new(events.Record)), store.ErrNewerFormat)
}
