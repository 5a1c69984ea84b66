package salvage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

var start = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// record is one of an order's, whose payload has so many bytes and can be found.
func record(id string, size int) events.Record {
	return events.Record{ID: id, Recorded: start, Occurred: start, Actor: "apo",
		Head: events.Head{Status: "pending", StatusSince: start, Phase: "idle"},
		Keys: []events.Key{events.Key("paymentId:" + id)},
		Event: events.PaymentPending{PaymentID: "of-" + id,
			Proof: events.Proof{Via: events.ViaInquiry, Evidence: &events.Evidence{Body: bytes.Repeat([]byte("b"), size)}}}}
}

// fill appends to a log: orders that grow side by side, several records an append now and then, and some that take many
// pages.
func fill(t testing.TB, log *bolt.Log, from, to int) {
	t.Helper()
	const orders = 40
	for i := from; i < to; i++ {
		of := events.OrderStream(fmt.Sprintf("o-%d", i%orders))
		if i%9 == 8 {
			of.Category = events.CategoryRefusal
		}
		after := uint64(0)
		for r, err := range log.Read(context.Background(), of, 0) {
			require.NoError(t, err)
			after = r.Version
		}
		var all []events.Record
		for n := range 1 + i%4*(i%5) {
			size := i % 50 * 4
			if i%97 == 96 {
				size = 30_000
			}
			all = append(all, record(fmt.Sprintf("r-%d-%d", i, n), size))
		}
		_, err := log.Append(context.Background(), of, after, all...)
		require.NoError(t, err)
	}
}

// sound is a log of some hundred records, and what is known of it.
type sound struct {
	image  []byte
	page   int
	frames [][]byte // by position, the first is that of position 1
	chunks []chunk
	tiles  []tile
	in     map[string]place
	size   int // of the file, whose end is zeros
	was    seal.Checkpoint
	older  []byte // a backup from when it was half as long
}

// chunk is a value of the log.
type chunk struct {
	value     []byte
	first     uint64 // position
	begins    []int  // of its frames
	directory int    // where it begins
}

// place is a frame's: which chunk, and which of its frames.
type place struct{ chunk, frame int }

// tile is where a tile of level 0 stands, with the head of its page.
type tile struct {
	index      uint64
	begin, end int
}

var (
	making sync.Mutex
	made   *sound
)

// theLog makes the log that the tests damage, once.
func theLog(t *testing.T) *sound {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	if made == nil {
		made = makeLog(t, nil)
	}
	return made
}

func makeLog(t *testing.T, config *bolt.Config) *sound {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	fill(t, log, 0, 150)
	require.NoError(t, log.Backup(context.Background(), path+".backup", nil))
	fill(t, log, 150, 300)
	s := &sound{in: map[string]place{}}
	if config == nil || !config.Unsealed {
		s.was, err = log.Tree(context.Background())
		require.NoError(t, err)
	}
	for r, err := range log.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		s.frames = append(s.frames, frame)
	}
	require.NoError(t, log.Close())
	s.image, err = os.ReadFile(path)
	require.NoError(t, err)
	s.older, err = os.ReadFile(path + ".backup")
	require.NoError(t, err)
	s.size = len(s.image)
	s.image = bytes.TrimRight(s.image, "\x00")
	s.look(t, path)
	require.Len(t, s.in, len(s.frames))
	return s
}

// look reads the chunks and tiles by bbolt.
func (s *sound) look(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	defer db.Close()
	s.page = db.Info().PageSize
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket([]byte("log")).ForEach(func(key, value []byte) error {
			count := int(binary.BigEndian.Uint16(value[len(value)-2:]))
			c := chunk{value: bytes.Clone(value), first: binary.BigEndian.Uint64(key) - uint64(count) + 1,
				directory: len(value) - 6*count}
			at := 0
			for range count {
				c.begins = append(c.begins, at)
				size, err := events.FrameSize(value[at:])
				require.NoError(t, err)
				at += size
			}
			require.Equal(t, c.directory, at)
			for i, begin := range c.begins {
				end := c.directory
				if i+1 < len(c.begins) {
					end = c.begins[i+1]
				}
				s.in[string(c.value[begin:end])] = place{len(s.chunks), i}
			}
			s.chunks = append(s.chunks, c)
			return nil
		})
		require.NoError(t, err)
		return tx.Bucket([]byte("tiles")).ForEach(func(key, value []byte) error {
			if key[0] == 0 {
				s.tile(t, key, value)
			}
			return nil
		})
	}))
}

// tile finds where a tile stands: its element is at the head of the same page.
func (s *sound) tile(t *testing.T, key, value []byte) {
	t.Helper()
	for _, at := range places(s.image, append(bytes.Clone(key), value...)) {
		begin := at / s.page * s.page
		for s.image[begin+8] != 2 || binary.NativeEndian.Uint64(s.image[begin:]) != uint64(begin/s.page) {
			begin -= s.page
		}
		s.tiles = append(s.tiles, tile{binary.BigEndian.Uint64(key[1:]), begin, at + len(key) + len(value)})
	}
}

func places(image, what []byte) (all []int) {
	for from := 0; ; {
		i := bytes.Index(image[from:], what)
		if i < 0 {
			return all
		}
		all = append(all, from+i)
		from += i + 1
	}
}

// kind stands in every frame of these logs, after its length and its format version.
var kind = []byte("\x01\x0fpayment.pending")

// whole is what a damaged image still has: which frames stand in it, and of these those beside which something stands
// that proves them: their chunk's directory, unless pages were moved, which can put it into another chunk, or a tile,
// in a page that is as it was.
func (s *sound) whole(image []byte, moved bool) (whole, proven map[uint64]bool) {
	whole, proven = map[uint64]bool{}, map[uint64]bool{}
	for _, at := range places(image, kind) {
		begin := at - 2
		if begin < 0 {
			continue
		}
		if at >= 6 && image[at-6] == 0xff && image[at-5] == 0xff {
			begin = at - 6
		}
		size, err := events.FrameSize(image[begin:])
		if err != nil {
			continue
		}
		in, ok := s.in[string(image[begin:begin+size])]
		if !ok {
			continue
		}
		c := s.chunks[in.chunk]
		position, directory := c.first+uint64(in.frame), c.value[c.directory:]
		whole[position] = true
		from := begin + c.directory - c.begins[in.frame]
		proven[position] = proven[position] || !moved && from+len(directory) <= len(image) &&
			bytes.Equal(image[from:from+len(directory)], directory)
	}
	for _, tile := range s.tiles {
		if tile.end > len(image) || !bytes.Equal(image[tile.begin:tile.end], s.image[tile.begin:tile.end]) {
			continue
		}
		for n := range uint64(seal.TileWidth) {
			position := tile.index*seal.TileWidth + n + 1
			proven[position] = proven[position] || whole[position]
		}
	}
	return whole, proven
}

// write makes a file of an image.
func write(t testing.TB, dir string, image []byte) string {
	t.Helper()
	path := filepath.Join(dir, "damaged.log")
	require.NoError(t, logfile.Write(path, image))
	return path
}
