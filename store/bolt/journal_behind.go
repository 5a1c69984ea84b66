package bolt

// Behind is what a log's journal has that its file does not have yet, at one moment.
type Behind struct {
	Records uint64 // in the journal alone
	Bytes   int64  // of the journal that they take
	// Stuck is why the last try to move records into the file failed, which is tried again and again: an error of package
	// store, store.ErrFull before all. Appends go on until the journal is full. Nil: nothing is wrong.
	Stuck error
}

// Behind tells how far the file is behind the journal; the zero Behind, where there is none. It asks neither of them.
// Safe for many goroutines.
func (l *Log) Behind() Behind {
	var b Behind
	for _, g := range l.waiting.now() {
		b.Records += uint64(g.count)
		b.Bytes += g.span()
	}
	if stuck := l.stuck.Load(); stuck != nil {
		b.Stuck = stuck.err
	}
	return b
}
