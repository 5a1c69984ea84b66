package main

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
	"github.com/tilltape/tilltape/store/bolt/powerloss/work"
)

// scriptFlags are those that make a script.
func scriptFlags(f *flag.FlagSet) *work.Script {
	s := new(work.Script)
	f.Uint64Var(&s.Seed, "seed", 1, "of the workload")
	f.StringVar(&s.Name, "name", "", "begins the records' ids")
	f.IntVar(&s.Writers, "writers", 8, "goroutines that append")
	f.IntVar(&s.Appends, "appends", 30, "of each of them")
	f.IntVar(&s.Streams, "streams", 24, "shared by all of them")
	f.IntVar(&s.MapSize, "map", 1<<15, "the log's MapSize in bytes")
	f.BoolVar(&s.Journal, "journal", false, "appends go to a journal first")
	f.BoolVar(&s.Follow, "follow", true, "a reader follows the log")
	return s
}

// syncTakes makes appends gather in groups, and is no longer than that needs.
const syncTakes = 200 * time.Microsecond

// record runs a script and saves its trace. With -after it goes on where the power of another trace was lost.
func record(f *flag.FlagSet, args []string) error {
	script := scriptFlags(f)
	out := f.String("trace", "", "file to write")
	after := f.String("after", "", "trace whose power is lost first")
	pick := f.Int("pick", 0, "which of its images to go on with")
	if err := f.Parse(args); err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(*out), "recorded.log")
	defer clear(path)
	recorder := new(disk.Recorder)
	var before *disk.Trace
	if *after != "" {
		var err error
		if before, err = goOn(path, *after, *pick); err != nil {
			return err
		}
		recorder = disk.Recorded(before.Ops)
	}
	recorder.SyncTakes = syncTakes
	trace, err := script.Run(path, recorder, before)
	if err != nil {
		return err
	}
	if err := complete(trace); err != nil {
		return err
	}
	for _, reply := range trace.Replies {
		fmt.Println("reply", reply)
	}
	count := map[disk.Kind]int{}
	records := 0
	for _, op := range trace.Ops {
		count[op.Kind]++
		if op.Kind == disk.Acked {
			records += len(op.Records)
		}
	}
	fmt.Printf("%d ops: %d writes, %d resizes, %d syncs, %d acknowledged appends (%d records), %d sightings, %d bytes\n",
		len(trace.Ops), count[disk.Wrote], count[disk.Sized], count[disk.Synced], count[disk.Acked], records,
		count[disk.Seen],
		len(trace.Finished))
	return trace.Save(*out)
}

// goOn loses the power of a trace and makes its file what the disk then holds: not a prefix, which a killed process
// could leave as well, but something that only a power loss leaves.
func goOn(path, tracePath string, pick int) (*disk.Trace, error) {
	trace, err := disk.LoadTrace(tracePath)
	if err != nil {
		return nil, err
	}
	shots := slices.DeleteFunc(disk.Plan(trace, uint64(pick), 2*len(trace.Ops)+1000), func(s disk.Shot) bool {
		return s.Cut < trace.Ready || s.Class == disk.Prefix || s.Class == disk.Bare
	})
	shot := shots[rand.New(rand.NewPCG(uint64(pick), 0)).IntN(len(shots))]
	before := trace.After(shot)
	fmt.Printf("power lost after op %d of %d (%s), image %s; ", shot.Cut, len(trace.Ops), trace.Ops[shot.Cut-1].Kind,
		shot.Class)
	p := new(disk.Folder)
	for _, op := range before.Ops {
		p.Do(op)
	}
	return before, put(path, disk.Shot{Cut: len(before.Ops), Class: disk.Prefix}.Take(p, nil))
}

// complete tells whether the trace holds everything that was done to the file: replayed, it is the file. A write that
// went past the recorder would make every image worthless.
func complete(t *disk.Trace) error {
	p := new(disk.Folder)
	for _, op := range t.Ops {
		p.Do(op)
	}
	whole := disk.Shot{Cut: len(t.Ops), Class: disk.Prefix}
	image := whole.Take(p, nil)
	if image.There != (t.Finished != nil) {
		return fmt.Errorf("the trace has a log: %t; there is one: %t", image.There, t.Finished != nil)
	}
	for _, f := range []struct {
		bytes []byte
		size  int64
		want  []byte
	}{{image.Log, image.Size, t.Finished}, {image.Journal, image.JournalSize, t.Beside}} {
		got := append(f.bytes, make([]byte, f.size-int64(len(f.bytes)))...)
		if !bytes.Equal(got, f.want) {
			return fmt.Errorf("the trace is not the file (%d bytes against %d): something wrote past the recorder", len(got),
				len(f.want))
		}
	}
	return nil
}
