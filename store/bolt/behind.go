package bolt

// Behind is what a log's journal has, or was applied of the order that it follows, and its file does not have yet, at
// one moment.
type Behind struct {
	Records uint64 // that are not in the file
	Bytes   int64  // of the journal that they take, or would take
	// Stuck is why the last try to move records into the file failed, which is tried again and again: an error of package
	// store, store.ErrFull before all. Appends go on until the journal is full, or 32 MiB of an order wait. Nil: nothing
	// is wrong.
	Stuck error
}

// Behind tells how far the file is behind; the zero Behind, where appends go into it at once. It asks no disk. Safe for
// many goroutines.
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
