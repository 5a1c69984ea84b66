package disk

import (
	"bytes"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Recorder keeps what happens to one file. It is safe for many goroutines at once.
type Recorder struct {
	// SyncTakes is how long a sync lasts: long enough for appends to gather meanwhile, as they do on a real disk.
	SyncTakes time.Duration
	// Fault is what fails; nil: nothing.
	Fault *Fault

	mu  sync.Mutex
	ops []Op
}

// Recorded returns a recorder that goes on after ops.
func Recorded(ops []Op) *Recorder { return &Recorder{ops: slices.Clone(ops)} }

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

func recorderOf(file *os.File) *Recorder {
	if a := attached.Load(); a != nil && a.path == file.Name() {
		return a.recorder
	}
	return nil
}

// WriteAt is file.WriteAt, recorded.
func WriteAt(file *os.File, data []byte, offset int64) (int, error) {
	r := recorderOf(file)
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
		r.ops = append(r.ops, Op{Kind: Wrote, Offset: offset, Data: bytes.Clone(data[:n])})
	}
	if failed {
		return n, &os.PathError{Op: "write", Path: file.Name(), Err: r.Fault.Err}
	}
	return n, err
}

// Truncate is file.Truncate, recorded.
func Truncate(file *os.File, size int64) error {
	r := recorderOf(file)
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
	r.ops = append(r.ops, Op{Kind: Sized, Size: size})
	return nil
}

// Sync stands for fsync and fdatasync. It is recorded and never done: this machine keeps its power, and what the sync
// promises is the trace's matter.
func Sync(file *os.File) error {
	r := recorderOf(file)
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
	r.ops = append(r.ops, Op{Kind: Synced, Since: since, Failed: failed})
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
