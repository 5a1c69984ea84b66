package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
	"github.com/tilltape/tilltape/store/bolt/powerloss/judge"
	"github.com/tilltape/tilltape/store/bolt/powerloss/work"
)

// failing is one way in which a disk can fail.
type failing struct {
	name  string
	fault disk.Fault // without At
}

// tornAt is how much of a write gets through that fails halfway: a header page's first sector, which is all of it that
// counts, and an odd piece of any other.
const tornAt = disk.SectorSize + 100

var failings = []failing{
	{"full on write", disk.Fault{Kind: disk.Wrote, Err: syscall.ENOSPC}},
	{"full on write, halfway", disk.Fault{Kind: disk.Wrote, Err: syscall.ENOSPC, Torn: tornAt}},
	{"full for good on write", disk.Fault{Kind: disk.Wrote, Err: syscall.ENOSPC, Forever: true}},
	{"I/O error on write", disk.Fault{Kind: disk.Wrote, Err: syscall.EIO}},
	{"I/O error on write, halfway", disk.Fault{Kind: disk.Wrote, Err: syscall.EIO, Torn: tornAt}},
	{"full on growing", disk.Fault{Kind: disk.Sized, Err: syscall.ENOSPC}},
	{"full for good on growing", disk.Fault{Kind: disk.Sized, Err: syscall.ENOSPC, Forever: true}},
	{"I/O error on growing", disk.Fault{Kind: disk.Sized, Err: syscall.EIO}},
	{"I/O error on sync", disk.Fault{Kind: disk.Synced, Err: syscall.EIO}},
	{"I/O error for good on sync", disk.Fault{Kind: disk.Synced, Err: syscall.EIO, Forever: true}},
}

// faults runs a script once for each way to fail and each operation that can fail so, up to a number of them, and
// judges what is left. It prints "at N" before run N, a line like judgeAll's for what is wrong, and at the end how
// often each way struck and what came of it.
func faults(f *flag.FlagSet, args []string) error {
	script := scriptFlags(f)
	most := f.Int("most", 30, "runs of each way to fail; its operations are spread over the whole script")
	images := f.Int("images", 20, "to draw after each run")
	from := f.Int("from", 0, "the first run")
	dir := f.String("dir", os.TempDir(), "for the files")
	if err := f.Parse(args); err != nil {
		return err
	}
	plain, err := once(*script, *dir, nil)
	if err != nil {
		return err
	}
	count := map[disk.Kind]int{}
	for _, op := range plain.Ops {
		count[op.Kind]++
	}
	number := 0
	for _, way := range failings {
		sum := new(outcome)
		runs := min(*most, count[way.fault.Kind])
		for i := range runs {
			number++
			if number <= *from {
				continue
			}
			fmt.Println("at", number-1)
			fault := way.fault
			fault.At = 1 + i*count[fault.Kind]/runs
			sum.wrong = nil
			trace, err := once(*script, *dir, &fault)
			if err == nil {
				err = sum.take(trace, &fault, *dir, *images)
			}
			if err != nil {
				return err
			}
			for _, line := range sum.wrong {
				fmt.Printf("bad run %d, %s at %s %d: %s\n", number-1, way.name, fault.Kind, fault.At, line)
			}
		}
		fmt.Printf("fault %s: %d runs, struck in %d; %d appends acknowledged, %d of them after it, %d failed; %d images "+
			"judged\n",
			way.name, runs, sum.struck, sum.acked, sum.ackedAfter, sum.failed, sum.images)
	}
	return nil
}

// once runs the script on a new file, and leaves the file where it is.
func once(script work.Script, dir string, fault *disk.Fault) (*disk.Trace, error) {
	path := filepath.Join(dir, "faulty.log")
	if err := clear(path); err != nil {
		return nil, err
	}
	trace, err := script.Run(path, &disk.Recorder{SyncTakes: syncTakes, Fault: fault}, nil)
	if err != nil {
		return nil, err
	}
	if left, _ := filepath.Glob(path + ".*" + disk.PartialSuffix); len(left) > 0 {
		return nil, fmt.Errorf("a creation that failed left %v", left)
	}
	return trace, nil
}

// outcome is what came of the runs of one way to fail.
type outcome struct {
	struck, acked, ackedAfter, failed, images int
	wrong                                     []string // with the last run
}

// take counts a run and judges what it left: the file as it is, which is what a restart finds, and what a power loss at
// the end could make of it.
func (o *outcome) take(trace *disk.Trace, fault *disk.Fault, dir string, images int) error {
	if fault.Hit() {
		o.struck++
	}
	o.failed += len(trace.Replies)
	for i, op := range trace.Ops {
		if op.Kind != disk.Acked {
			continue
		}
		o.acked++
		if fault.Hit() && i >= fault.Struck() {
			o.ackedAfter++
		}
	}
	if err := complete(trace); err != nil {
		return err
	}
	verdict, platter := judge.New(trace), new(disk.Folder)
	for _, op := range trace.Ops {
		platter.Do(op)
	}
	verdict.Advance(len(trace.Ops))
	path := filepath.Join(dir, "fault-image.log")
	defer clear(path)
	for i := range images {
		shot := disk.Shot{Cut: len(trace.Ops), Class: disk.Prefix, Seed: uint64(i)}
		if i > 0 && platter.Pending() == 0 {
			break
		}
		if i > 0 {
			shot.Class = disk.Classes[1+i%(len(disk.Classes)-1)]
		}
		if err := put(path, shot.Take(platter, nil)); err != nil {
			return err
		}
		o.images++
		err := verdict.Image(path, true)
		if err == nil {
			continue
		}
		line := fmt.Sprintf("%s image of the end: %v", shot.Class, err)
		if len(o.wrong) == 0 { // once a run
			line = fmt.Sprintf("%s; replies: %.600q", line, trace.Replies)
		}
		o.wrong = append(o.wrong, line)
	}
	return nil
}
