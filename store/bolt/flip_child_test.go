package bolt_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// The memory that a process may use for one small image, and what it says when it is used up. A page whose links lead
// in a circle makes bbolt go round until then.
const (
	imageMemory = 256 << 20
	imageStack  = 64 << 20
	outOfMemory = "the image uses up the memory"
)

// writeEvery thins out the images that are written to, outside the heads of pages: what a log reads before it writes is
// read of every image.
const writeEvery = 8

// moreAppends follow on an image that seems sound: damage to what bbolt writes next shows only then.
const moreAppends = 12

// childCheck makes one damaged image after another from the sound file, as its input says, and tells what became of
// each.
func childCheck(path string) {
	debug.SetMaxStack(imageStack)
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapAlloc+m.StackInuse > imageMemory {
				fmt.Fprintln(os.Stderr, outOfMemory)
				os.Exit(1)
			}
		}
	}()
	sound, err := os.ReadFile(path)
	must(err)
	look := &looker{path: path + ".image"}
	look.truths = truths()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var kind string
		var at, by int
		_, err := fmt.Sscanf(lines.Text(), "%q %d %d", &kind, &at, &by)
		must(err)
		image, err := damaged(sound, kind, at, by)
		must(err)
		must(logfile.Write(look.path, image))
		class, err := look.at(kind != "flip a bit" || at%pageSize < pageHead || at%writeEvery == 0)
		if err != nil {
			class += ": " + fmt.Sprintf("%.300q", err.Error())
		}
		fmt.Println(class)
	}
}

// damaged returns the image that a line of the parent's asks for.
func damaged(sound []byte, kind string, at, by int) ([]byte, error) {
	image := bytes.Clone(sound)
	switch kind {
	case "flip a bit":
		image[at] ^= 1 << by
	case "flip a run":
		for i := range by {
			image[at+i] ^= 1 << (i * 3 % 8)
		}
	case "cut":
		image = image[:min(at, len(image))]
	case "grow":
		image = append(image, bytes.Repeat([]byte{byte(by)}, at)...)
	default:
		return nil, errors.New("unknown damage " + kind)
	}
	return image, nil
}

// answers are a log's to all that can be asked of it, as sums.
type answers struct{ records, others [sha256.Size]byte }

// truths are the answers after each number of appends, by a log that has no file.
func truths() (all []answers) {
	log := memory.New()
	for n := range flipAppends + moreAppends + 1 {
		a, err := ask(log)
		must(err)
		all = append(all, a)
		must(appendNext(log, n))
	}
	return all
}

func appendNext(log store.Log, n int) error {
	stream, records := flipAppend(n)
	h, err := log.Head(context.Background(), stream)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, err = log.Append(context.Background(), stream, h.Version, records...)
	return err
}

// ask asks everything, of what was appended and of what is yet to be.
func ask(log store.Log) (a answers, err error) {
	ctx, sum := context.Background(), sha256.New()
	for r, err := range log.All(ctx, store.Start()) {
		if err := addRecord(sum, r, err); err != nil {
			return a, err
		}
	}
	sum.Sum(a.records[:0])
	for f, err := range log.(store.Framer).Frames(ctx, store.Start()) {
		if err != nil {
			return a, err
		}
		sum.Write(f.Bytes)
	}
	for n := range flipOrders {
		stream, _ := flipAppend(n)
		for r, err := range log.Read(ctx, stream, 0) {
			if err := addRecord(sum, r, err); err != nil {
				return a, err
			}
		}
		h, err := log.Head(ctx, stream)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return a, err
		}
		fmt.Fprintln(sum, h)
	}
	for _, filter := range []store.Filter{store.AllOrders(), store.DueBy(noon), store.InStatus("created"),
		store.Attention(events.AttentionParked), store.InStatus("paid")} {
		for h, err := range log.Heads(ctx, filter) {
			if err != nil {
				return a, err
			}
			fmt.Fprintln(sum, h)
		}
	}
	for n := range flipAppends + moreAppends {
		_, records := flipAppend(n)
		for _, r := range records {
			owner, err := log.Lookup(ctx, r.Keys[0])
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return a, err
			}
			fmt.Fprintln(sum, owner)
		}
	}
	sum.Sum(a.others[:0])
	return a, nil
}

func addRecord(sum hash.Hash, r events.Record, err error) error {
	if err != nil {
		return err
	}
	frame, err := events.AppendFrame(nil, r)
	sum.Write(frame)
	return err
}

// looker looks at one image after another.
type looker struct {
	path   string
	truths []answers
}

// at tells what becomes of the image: read first, then, if it is to be written to, appended to and opened again.
func (l *looker) at(write bool) (class string, err error) {
	n, class, err := l.read(&bolt.Config{MapSize: 1, ReadOnly: true}, flipAppends)
	switch {
	case class != harmless:
		return class, err
	case n < flipAppends:
		class = takenBack
	}
	if !write {
		return class, nil
	}
	log, err := bolt.Open(l.path, &bolt.Config{MapSize: 1})
	if err != nil {
		return l.found(refused, err)
	}
	for more := range moreAppends {
		if err = appendNext(log, n+more); err != nil {
			break
		}
	}
	if closed := log.Close(); closed != nil && err == nil {
		err = closed
	}
	if err != nil {
		return l.found(unappended, err)
	}
	if _, after, err := l.read(&bolt.Config{MapSize: 1}, n+moreAppends); after != harmless {
		return after, err
	}
	return class, nil
}

// read opens the image, asks it everything and has it verified. It holds at most so many appends, and tells how many.
func (l *looker) read(config *bolt.Config, most int) (n int, class string, err error) {
	log, err := bolt.Open(l.path, config)
	if err != nil {
		class, err = l.found(refused, err)
		return 0, class, err
	}
	defer func() { _ = log.Close() }()
	defer func() {
		// Asked last, and counted only where every answer was right: to be told later does not mend a false one.
		if wrong := log.Verify(context.Background(), nil); wrong != nil && class == harmless {
			class, err = l.found(unverified, wrong)
		}
	}()
	a, err := ask(log)
	if err != nil {
		class, err = l.found(unread, err)
		return 0, class, err
	}
	for n = most; n >= 0; n-- {
		if l.truths[n] == a {
			if n < most-1 { // a page of bbolt's header keeps the commit before the last, and none before that
				return n, undetected, fmt.Errorf("%d appends of %d are left", n, most)
			}
			return n, harmless, nil
		}
	}
	if a.records == l.truths[most].records {
		return most, undetected, errors.New("the records are right; a head, a lookup or a stream is not")
	}
	return most, undetected, errors.New("other records")
}

// found is a class of damage that the log found, if it says so by an error of the contract.
func (l *looker) found(class string, err error) (string, error) {
	if !isContract(err) {
		return undetected, fmt.Errorf("an error outside the contract: %w", err)
	}
	return class, nil
}
