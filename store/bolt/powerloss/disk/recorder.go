package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Recorder keeps what happens to one log's file and to its journals. It is safe for many goroutines at once.
type Recorder struct {
	// SyncTakes is how long a sync lasts: long enough for appends to gather meanwhile, as they do on a real disk.
	SyncTakes time.Duration
	// Fault is what fails; nil: nothing.
	Fault *Fault

	mu       sync.Mutex
	ops      []Op
	made     int              // journals
	openings map[*os.File]int // that were synced
}

// opening is the number of an opening of a file.
func (r *Recorder) opening(file *os.File) int {
	if r.openings == nil {
		r.openings = map[*os.File]int{}
	}
	if r.openings[file] == 0 {
		r.openings[file] = len(r.openings) + 1
	}
	return r.openings[file]
}

// Recorded returns a recorder that goes on after ops.
func Recorded(ops []Op) *Recorder {
	r := &Recorder{ops: slices.Clone(ops)}
	for _, op := range ops {
		if op.Kind == Made {
			r.made++
		}
	}
	return r
}

// Fault makes one operation of a file fail, or one and all like it afterwards.
type Fault struct {
	Kind    Kind // Wrote, Sized or Synced
	At      int  // which of its kind, from 1
	Err     syscall.Errno
	Forever bool // the disk stays broken
	Torn    int  // bytes of a failed write that reached the file all the same

	count int
	hit   bool
	op    int
}

// Hit tells whether the fault has struck. It may be asked after the workload only, as [Fault.Struck].
func (f *Fault) Hit() bool { return f.hit }

// Struck is the number of ops that had been recorded when the fault struck first.
func (f *Fault) Struck() int { return f.op }

// strikes tells whether the next operation, of the kind k, after so many recorded ops, is to fail.
func (f *Fault) strikes(k Kind, ops int) bool {
	if f == nil || f.Kind != k {
		return false
	}
	f.count++
	if f.count < f.At || f.count > f.At && !f.Forever {
		return false
	}
	if !f.hit {
		f.hit, f.op = true, ops
	}
	return true
}

// attached is the recorder of this process's one recorded file. The engine's own types leave no other way to hand it
// down: bbolt's functions know nothing but an *os.File.
var attached atomic.Pointer[attachment]

type attachment struct {
	path     string
	recorder *Recorder
}

// Attach makes r record what happens to the file at path from now on; [Detach] ends that. One file at a time.
func Attach(path string, r *Recorder) { attached.Store(&attachment{path, r}) }

// Detach ends what [Attach] began.
func Detach() { attached.Store(nil) }

// JournalSuffix ends the name of a log's journal, and AsideSuffix that of one that is made.
const (
	JournalSuffix = "-journal"
	AsideSuffix   = JournalSuffix + ".partial"
)

// PartialSuffix ends the name of a log that is made; it begins with the log's.
const PartialSuffix = ".partial"

// recorderOf is the recorder of a file, and which file it is: 0 the log's, n its n-th journal.
func recorderOf(name string) (r *Recorder, file int) {
	a := attached.Load()
	switch {
	case a == nil:
		return nil, 0
	case a.path == name:
		return a.recorder, 0
	case a.path+AsideSuffix == name, a.path+JournalSuffix == name:
		a.recorder.mu.Lock()
		defer a.recorder.mu.Unlock()
		return a.recorder, a.recorder.made
	case strings.HasPrefix(name, a.path+".") && strings.HasSuffix(name, PartialSuffix):
		return a.recorder, 0
	}
	return nil, 0
}

// Create records that a journal is made, and makes it.
func Create(aside string, create func(string) (*os.File, error)) (*os.File, error) {
	file, err := create(aside)
	if r, _ := recorderOf(aside); r != nil && err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.made++
		r.ops = append(r.ops, Op{Kind: Made, File: r.made})
	}
	return file, err
}

// Name records that a log or a journal gets its name; for good once its folder is synced.
func Name(aside, path string, name func(aside, path string) error) error {
	err := name(aside, path)
	if r, file := recorderOf(aside); r != nil && err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ops = append(r.ops, Op{Kind: Named, File: file})
	}
	return err
}

// SyncFolder records that names are durable, and makes them so.
func SyncFolder(path string, sync func(string) error) error {
	err := sync(path)
	if a := attached.Load(); a != nil && filepath.Dir(a.path) == path && err == nil {
		a.recorder.mu.Lock()
		defer a.recorder.mu.Unlock()
		a.recorder.ops = append(a.recorder.ops, Op{Kind: Settled})
	}
	return err
}

// Remove records that a journal is taken away.
func Remove(path string, remove func(string) error) error {
	err := remove(path)
	if r, _ := recorderOf(path); r != nil && err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ops = append(r.ops, Op{Kind: Removed})
	}
	return err
}

// WriteAt is file.WriteAt, recorded.
func WriteAt(file *os.File, data []byte, offset int64) (int, error) {
	r, number := recorderOf(file.Name())
	if r == nil {
		return file.WriteAt(data, offset)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := r.Fault.strikes(Wrote, len(r.ops))
	if failed {
		data = data[:min(r.Fault.Torn, len(data))]
	}
	n, err := file.WriteAt(data, offset)
	if n > 0 {
		r.ops = append(r.ops, Op{Kind: Wrote, File: number, Offset: offset, Data: bytes.Clone(data[:n])})
	}
	if failed {
		return n, &os.PathError{Op: "write", Path: file.Name(), Err: r.Fault.Err}
	}
	return n, err
}

// Truncate is file.Truncate, recorded.
func Truncate(file *os.File, size int64) error {
	r, number := recorderOf(file.Name())
	if r == nil {
		return file.Truncate(size)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Fault.strikes(Sized, len(r.ops)) {
		return &os.PathError{Op: "truncate", Path: file.Name(), Err: r.Fault.Err}
	}
	if err := file.Truncate(size); err != nil {
		return err
	}
	r.ops = append(r.ops, Op{Kind: Sized, File: number, Size: size})
	return nil
}

// Sync stands for fsync and fdatasync. It is recorded and never done: this machine keeps its power, and what the sync
// promises is the trace's matter.
func Sync(file *os.File) error {
	r, number := recorderOf(file.Name())
	if r == nil {
		return nil
	}
	r.mu.Lock()
	since := len(r.ops)
	failed := r.Fault.strikes(Synced, since)
	r.mu.Unlock()
	time.Sleep(r.SyncTakes)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, Op{Kind: Synced, File: number, Since: since, Failed: failed, By: r.opening(file)})
	if failed {
		return &os.PathError{Op: "sync", Path: file.Name(), Err: r.Fault.Err}
	}
	return nil
}

// Told records that the file's user was given these records, as an [Acked] or a [Seen].
func (r *Recorder) Told(kind Kind, records []Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, Op{Kind: kind, Records: records})
}

// Len is the number of ops so far.
func (r *Recorder) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// Ops returns what was recorded. The caller must not change it.
func (r *Recorder) Ops() []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ops[:len(r.ops):len(r.ops)]
}
