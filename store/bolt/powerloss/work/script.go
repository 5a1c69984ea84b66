package work

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
)

// Script is a workload. Equal scripts try equal appends; how they gather in commits is the scheduler's matter.
type Script struct {
	Seed    uint64
	Name    string // begins the records' ids; scripts that go on one after another need different ones
	Writers int
	Appends int // of each writer
	Streams int // shared by all writers; at most [StreamsMax]
	MapSize int // of the log, in bytes; small ones make the file grow in small steps
	Follow  bool
	Journal bool // appends go to a journal first
}

// Run opens the log at path, does the workload and closes the log. The trace goes on after before, whose ops the
// recorder must hold already and whose image the file must be; nil is the beginning of a new file. An append that fails
// is a result and no error. The error is what the engine must never do, whatever the disk does: fail to open on a disk
// without a fault, or not to come to an end.
func (s Script) Run(path string, recorder *disk.Recorder, before *disk.Trace) (*disk.Trace, error) {
	disk.Attach(path, recorder)
	defer disk.Detach()
	if before == nil {
		before = new(disk.Trace)
	}
	r := &run{script: s, recorder: recorder, trace: before}
	log, err := bolt.Open(path, &bolt.Config{MapSize: s.MapSize, Journal: s.Journal})
	if r.trace.Begin == 0 {
		r.trace.Ready = recorder.Len()
	}
	switch {
	case err == nil:
		err = r.all(log)
	case recorder.Fault != nil && recorder.Fault.Hit():
		r.trace.Replies = append(r.trace.Replies, err.Error())
		err = nil
	}
	if err != nil {
		return nil, err
	}
	r.trace.Ops = recorder.Ops()
	if r.trace.Finished, err = os.ReadFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if r.trace.Beside, err = os.ReadFile(path + disk.JournalSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return r.trace, nil
}

// patience is how long a workload, which takes a second or two, may last before it counts as hung.
const patience = 60 * time.Second

type run struct {
	script   Script
	recorder *disk.Recorder

	mu    sync.Mutex
	trace *disk.Trace
}

// all runs the writers and the reader, and closes the log.
func (r *run) all(log *bolt.Log) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var writers, reader sync.WaitGroup
		if r.script.Follow {
			reader.Go(func() { r.follow(ctx, log) })
		}
		for w := range r.script.Writers {
			writers.Go(func() { r.write(log, w) })
		}
		writers.Wait()
		cancel()
		reader.Wait()
		// A log that has failed says nothing when it is closed: every caller that has to know was told by then.
		r.trace.Closed = log.Close() == nil && r.recorder.Fault == nil
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the workload hangs: not at its end after %s", patience)
	}
}

// write is one writer.
func (r *run) write(log *bolt.Log, writer int) {
	random := rand.New(rand.NewPCG(r.script.Seed, uint64(writer)))
	ctx := context.Background()
	for n := range r.script.Appends {
		stream := Stream(random.IntN(min(r.script.Streams, StreamsMax)))
		after := uint64(0)
		if head, err := log.Head(ctx, stream); err == nil {
			after = head.Version
		}
		records := appendOf(random, fmt.Sprintf("%sw%d-%d", r.script.Name, writer, n), stream, after)
		written, err := log.Append(ctx, stream, after, records...)
		if err == nil {
			r.recorder.Told(disk.Acked, recorded(written))
		}
		r.note(records, err)
	}
}

// note keeps what was tried and how it ended.
func (r *run) note(records []events.Record, err error) {
	a := disk.Append{Nothing: err != nil && nothing(err)}
	for _, record := range records {
		a.IDs = append(a.IDs, record.ID)
		for _, key := range record.Keys {
			a.Keys = append(a.Keys, string(key))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace.Appends = append(r.trace.Appends, a)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		r.trace.Replies = append(r.trace.Replies, err.Error())
	}
}

// nothing tells whether the error says that the append has not happened.
func nothing(err error) bool {
	for _, sentinel := range []error{store.ErrConflict, store.ErrKeyTaken, store.ErrInvalid, store.ErrFull,
		store.ErrReadOnly} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// follow reads along, and records what it was shown, until ctx ends.
func (r *run) follow(ctx context.Context, log *bolt.Log) {
	cursor := store.Start()
	for ctx.Err() == nil {
		var seen []events.Record
		for record, err := range log.All(ctx, cursor) {
			if err != nil {
				break
			}
			seen = append(seen, record)
			cursor = store.After(record)
		}
		if len(seen) > 0 {
			r.recorder.Told(disk.Seen, recorded(seen))
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(r.recorder.SyncTakes / 4):
		}
	}
}

// recorded is the records as a trace has them. A frame that cannot be made again is left empty, which no judge accepts.
func recorded(records []events.Record) []disk.Record {
	all := make([]disk.Record, len(records))
	for i, record := range records {
		frame, err := events.AppendFrame(nil, record)
		if err != nil {
			frame = nil
		}
		all[i] = disk.Record{Position: record.Position, Frame: frame}
	}
	return all
}
