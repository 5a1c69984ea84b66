package bolt

import "go.etcd.io/bbolt"

// SmallGenerations is a configuration whose generations hold so many entries: what takes hours of traffic otherwise
// happens at every few appends.
func SmallGenerations(entries int) *Config { return &Config{generation: entries} }

// WithJournal is a configuration with a journal that begins with so many bytes, grows by as many up to four times that,
// and is moved into the file from an eighth of that on, each transaction half of it.
func WithJournal(c Config, step int64) Config {
	c.Journal = true
	c.moveBounds = moveBounds{step: step, max: 4 * step, moveAt: step / 8, moveMax: int(step / 16)}
	return c
}

// AwaitFlush waits until the flush that is under way, if one is, can be carried on by appends. What it does lies with a
// goroutine that a busy machine may leave without a processor for hundreds of appends.
func AwaitFlush(l *Log) {
	l.writing.Lock()
	f := l.flush
	l.writing.Unlock()
	if f != nil {
		<-f.prepared
	}
}

// Summed is what a lazy bucket has for the value of a key, with a sum as a forger would make it.
func Summed(key string, value []byte) []byte { return summed([]byte(key), value) }

// Chunk is what the log has for these frames, with their directory.
func Chunk(frames ...[]byte) (chunk []byte) {
	var ends []int
	for _, frame := range frames {
		chunk = append(chunk, frame...)
		ends = append(ends, len(chunk))
	}
	return appendDirectory(chunk, 0, ends)
}

// SetBack has the file say that it has come to f in the order that it follows, with a sum that fits.
func SetBack(l *Log, f Followed) error {
	h := l.header()
	h.follows = f.text()
	return l.db.Update(func(tx *bbolt.Tx) error { return h.put(tx) })
}
