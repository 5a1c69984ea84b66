package main

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
	"github.com/tilltape/tilltape/store/bolt/powerloss/judge"
)

// thoroughEvery is which share of the images is opened twice and checked by bbolt too.
const thoroughEvery = 4

// judgeAll judges a shard of a trace's images. It prints "at N" before image N, a line that begins with "bad" for one
// that is not as it should be, and at the end how many of each class it judged and how many it met again.
func judgeAll(f *flag.FlagSet, args []string) error {
	path := f.String("trace", "", "file to read")
	seed := f.Uint64("seed", 1, "of the plan")
	n := f.Int("images", 1000, "to draw")
	shard := f.Int("shard", 0, "judge the images whose sum is this one")
	shards := f.Int("shards", 1, "modulo this one")
	from := f.Int("from", 0, "the first image to judge")
	stop := f.Int("stop", 0, "end after this many wrong images; 0: never")
	dir := f.String("dir", os.TempDir(), "for the images")
	if err := f.Parse(args); err != nil {
		return err
	}
	trace, err := disk.LoadTrace(*path)
	if err != nil {
		return err
	}
	file := filepath.Join(*dir, fmt.Sprintf("image-%d.log", *shard))
	defer clear(file)
	met := map[situation]bool{}
	count := map[disk.Class]int{}
	equal := 0
	platter, verdict := new(disk.Folder), judge.New(trace)
	var buffer []byte
	done, bad := 0, 0
	for i, shot := range disk.Plan(trace, *seed, *n) {
		for ; done < shot.Cut; done++ {
			platter.Do(trace.Ops[done])
		}
		verdict.Advance(shot.Cut)
		image := shot.Take(platter, buffer)
		buffer = image.Log
		here := situation{image.Size, sum(image.Log), image.JournalSize, sum(image.Journal), image.There, image.Named,
			verdict.Told(), shot.Cut == len(trace.Ops)}
		if (here.sum^here.journalSum)%uint64(*shards) != uint64(*shard) {
			continue
		}
		if met[here] {
			equal++
			continue
		}
		met[here] = true
		if i < *from {
			continue
		}
		if err := put(file, image); err != nil {
			return err
		}
		fmt.Println("at", i)
		count[shot.Class]++
		if err := verdict.Image(file, i / *shards % thoroughEvery == 0); err != nil {
			fmt.Printf("bad image %d (%s), power lost after op %d of %d (%s): %v\n", i, shot.Class, shot.Cut,
				len(trace.Ops), trace.Ops[shot.Cut-1].Kind, err)
			if bad++; bad == *stop {
				break
			}
		}
	}
	for class, n := range count {
		fmt.Printf("class %d %s\n", n, class)
	}
	fmt.Println("equal", equal)
	return nil
}

// situation is all that a verdict depends on. Many of the images that a plan draws are equal to one before them, say
// because a header page is new in its first sector only; judging them again would show nothing.
type situation struct {
	size         int64
	sum          uint64
	journalSize  int64
	journalSum   uint64
	there, named bool
	told         int
	ended        bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the same in every process, and fast.
func sum(image []byte) uint64 {
	return uint64(crc32.Checksum(image, castagnoli))<<32 | uint64(crc32.ChecksumIEEE(image))
}

// put makes the image a log and its journal, if it has them.
func put(path string, image disk.Image) error {
	if err := clear(path); err != nil {
		return err
	}
	if image.Named {
		if err := putFile(path+disk.JournalSuffix, image.Journal, image.JournalSize); err != nil {
			return err
		}
	}
	if !image.There {
		return nil
	}
	return putFile(path, image.Log, image.Size)
}

// clear removes a log with its journals.
func clear(path string) (err error) {
	for _, name := range []string{path, path + disk.JournalSuffix, path + disk.AsideSuffix} {
		if removed := os.Remove(name); removed != nil && !os.IsNotExist(removed) {
			err = errors.Join(err, removed)
		}
	}
	return err
}

// putFile makes a file. The zeros after its content are a hole.
func putFile(path string, content []byte, size int64) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}
