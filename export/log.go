package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync"
	"sync/atomic"

	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
)

const (
	readBuffer   = 256 << 10
	checkedEvery = 256 // lines between two looks at the context
)

// Log is an export that is read as a log. It is a [store.Reader], and what a replay or an import asks of a log that
// proves its records. An export of everything answers all that the log would have answered when it was exported; one
// that is filtered by orders yields what it has, each record with its proof looked at, and answers for its orders; one
// that is filtered by time yields what it has and answers no more. The other questions fail with [ErrFiltered].
//
// Every line that is read is held to what [Write] writes, byte for byte; the error for one that is not is a
// [*LineError]. Reading costs some microseconds a record. [Log.Read], [Log.Lookup], [Log.Head] and [Log.Heads] need an
// index, which the first of them makes by reading the export once; it takes a few hundred bytes an order. All methods
// are safe for many goroutines at once.
type Log struct {
	name   string
	src    io.ReaderAt
	size   int64
	header *Header
	begin  int64 // of the second line
	closed atomic.Bool
	close  func() error

	mu       sync.Mutex
	index    *index // nil: not made yet
	indexing func(done, total uint64)
}

// Open opens the export at the path. The file must not change while it is open. The error wraps [fs.ErrNotExist] or
// [store.ErrStorage] where it cannot be read, and is as from [New] otherwise.
func Open(path string) (*Log, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, storageError(path, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file; write what it yields to a file first")
	}
	var l *Log
	if err != nil {
		err = storageError(path, err)
	} else {
		l, err = New(path, file, info.Size())
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	l.close = file.Close
	return l, nil
}

// New reads an export out of any bytes that do not change: size is how many there are, and name is what errors call
// it. It reads the header alone. The error wraps [ErrNotExport], [store.ErrNewerFormat], or [store.ErrDamaged].
func New(name string, src io.ReaderAt, size int64) (*Log, error) {
	l := &Log{name: name, src: src, size: size, close: func() error { return nil }}
	r := bufio.NewReader(io.NewSectionReader(src, 0, min(size, HeaderMax)))
	if begins, err := r.Peek(len(magic)); err != nil && !errors.Is(err, io.EOF) {
		return nil, storageError(name, err)
	} else if !Is(begins) {
		return nil, fmt.Errorf("%s is %w: it does not begin as one; name a file that export wrote", name, ErrNotExport)
	}
	line, err := r.ReadBytes('\n')
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, storageError(name, err)
	case err != nil && size > HeaderMax:
		return nil, &LineError{Name: name, Line: 1, Reason: "its header is longer than one can be"}
	case err != nil:
		return nil, &LineError{Name: name, Line: 1, Reason: "it ends within its header", Err: ErrCutOff}
	}
	if l.header, err = parseHeader(name, line[:len(line)-1]); err != nil {
		return nil, err
	}
	l.begin = int64(len(line))
	return l, nil
}

func storageError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("export %s: %w; check the path", name, fs.ErrNotExist)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("export %s: %w: %w; let this user read the file, or read a copy of it", name, store.ErrStorage, err)
}

// Header returns what the export is of. What it has of lists is not to be changed.
func (l *Log) Header() Header { return *l.header }

// Close closes the file that [Open] opened. Afterwards every method fails with [store.ErrClosed]; closing again does
// nothing.
func (l *Log) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	return l.close()
}

// usable tells whether a question can be answered now.
func (l *Log) usable(ctx context.Context, doing string) error {
	if l.closed.Load() {
		return fmt.Errorf("export %s: %w; open it again", l.name, store.ErrClosed)
	}
	return store.CheckContext(ctx, doing)
}

// line is one line of a record, without its line break.
type line struct {
	bytes  []byte // good until the loop goes on
	number uint64 // counted from 1
	offset int64  // in the export
}

// lines yields the lines of records. The last one's end is the export's, or the export is damaged.
func (l *Log) lines(ctx context.Context) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		r := bufio.NewReaderSize(io.NewSectionReader(l.src, l.begin, l.size-l.begin), readBuffer)
		var long []byte
		offset := l.begin
		for n := uint64(1); ; n++ {
			if n%checkedEvery == 1 {
				if err := l.usable(ctx, "read on in the export"); err != nil {
					yield(line{}, err)
					return
				}
			}
			text, err := oneLine(r, &long)
			if n > l.header.Count {
				if err != io.EOF || len(text) > 0 {
					yield(line{}, l.lineError(n+1, 0, fmt.Sprintf("there is something after the %s that the header counts",
						words.Counted(l.header.Count, "record")), nil))
				}
				return
			}
			switch {
			case err == io.EOF:
				err = l.lineError(n+1, 0, "the export ends here, and its header counts "+
					words.Counted(l.header.Count, "record"), ErrCutOff)
			case errors.Is(err, errLong):
				err = l.lineError(n+1, 0, fmt.Sprintf("the line is longer than the %d bytes that one can have", LineMax), nil)
			case err != nil:
				err = storageError(l.name, err)
			default:
				text = text[:len(text)-1]
			}
			if !yield(line{bytes: text, number: n + 1, offset: offset}, err) || err != nil {
				return
			}
			offset += int64(len(text)) + 1
		}
	}
}

var errLong = errors.New("the line is too long")

// oneLine reads a line with its line break. It is good until the next call.
func oneLine(r *bufio.Reader, long *[]byte) ([]byte, error) {
	text, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, err
	}
	*long = append((*long)[:0], text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(*long) > LineMax {
			return nil, errLong
		}
		text, err = r.ReadSlice('\n')
		*long = append(*long, text...)
	}
	return *long, err
}

func (l *Log) lineError(line, position uint64, reason string, err error) error {
	return &LineError{Name: l.name, Line: line, Position: position, Reason: reason, Err: err}
}
