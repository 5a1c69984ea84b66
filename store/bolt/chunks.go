package bolt

import (
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/store/internal/ledger"
)

// chunk is a stretch of a plan's frames that becomes one value of the log.
type chunk struct {
	last       uint64 // position of the last record in it
	begin, end int    // of its frames among the plan's
}

// chunks is what a plan's frames become in the log. It uses its memory again from one plan to the next.
type chunks struct {
	frames []byte // the plan's, one after another
	ends   []int  // of each frame in them
	list   []chunk
	values []byte
}

// cut makes chunks of frames with these ends, of which the first is at the position.
func (c *chunks) cut(first uint64, frames []byte, ends []int) {
	*c = chunks{frames: frames, ends: ends, list: c.list[:0], values: c.values[:0]}
	if cap(c.values) > ledger.BatchBytesMax {
		c.values = nil
	}
	for i := range ends {
		c.take(first+uint64(i), i)
	}
}

// take puts the i-th frame, which is that of the position, into the last chunk, or into a new one where that is full.
func (c *chunks) take(position uint64, i int) {
	if n := len(c.list); n > 0 {
		last := c.list[n-1]
		last.last, last.end = position, i+1
		if c.size(last) <= chunkMax {
			c.list[n-1] = last
			return
		}
	}
	c.list = append(c.list, chunk{last: position, begin: i, end: i + 1})
}

// start is where the frames of a chunk begin, and size how long its value is.
func (c *chunks) start(of chunk) int {
	if of.begin == 0 {
		return 0
	}
	return c.ends[of.begin-1]
}

func (c *chunks) size(of chunk) int {
	return c.ends[of.end-1] - c.start(of) + directorySize(of.end-of.begin)
}

// value is what stands in the log for a chunk. It is valid until the next plan.
func (c *chunks) value(of chunk) []byte {
	start, begin := c.start(of), len(c.values)
	c.values = append(c.values, c.frames[start:c.ends[of.end-1]]...)
	c.values = appendDirectory(c.values, start, c.ends[of.begin:of.end])
	return c.values[begin:len(c.values):len(c.values)]
}

// write puts the chunks into a transaction.
func (c *chunks) write(tx *bbolt.Tx) error {
	log := tx.Bucket([]byte(bucketLog))
	// Positions only grow, so pages of the log are never written into again: fill them to the brim.
	log.FillPercent = 1.0
	for _, of := range c.list {
		if err := log.Put(number(of.last), c.value(of)); err != nil {
			return err
		}
	}
	return nil
}
