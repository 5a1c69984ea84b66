package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func ExampleOpen() {
	directory, err := os.MkdirTemp("", "tilltape")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "orders.log")

	log, err := bolt.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, events.Record{
		ID:       "record-1",
		Recorded: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
		Event: events.OrderCreated{PaymentRequestID: "request-1", Amount: events.Money{Minor: 1000, Currency: "USD"},
			Method: "CARD"},
	})
	fmt.Println("on the disk:", err == nil)

	// A second process, here a second handle: told so after LockTimeout, not made to hang.
	_, err = bolt.Open(path, &bolt.Config{LockTimeout: 50 * time.Millisecond})
	fmt.Println("locked:", errors.Is(err, bolt.ErrLocked))

	fmt.Println("closed:", log.Close() == nil)
	log, err = bolt.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	head, err := log.Head(ctx, events.OrderStream("o-1"))
	fmt.Println("there again: version", head.Version, err)
	// Output:
	// on the disk: true
	// locked: true
	// closed: true
	// there again: version 1 <nil>
}

// openExample is a log of three orders in a directory of its own, which end removes.
func openExample(config *bolt.Config) (log *bolt.Log, directory string, end func()) {
	directory, err := os.MkdirTemp("", "tilltape")
	if err != nil {
		panic(err)
	}
	if log, err = bolt.Open(filepath.Join(directory, "orders.log"), config); err != nil {
		panic(err)
	}
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		if err := created(log, id); err != nil {
			panic(err)
		}
	}
	return log, directory, func() { _ = log.Close(); _ = os.RemoveAll(directory) }
}

func created(log *bolt.Log, id string) error {
	_, err := log.Append(context.Background(), events.OrderStream(id), 0, events.Record{
		ID:       "record of " + id,
		Recorded: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
		Event: events.OrderCreated{PaymentRequestID: "request of " + id,
			Amount: events.Money{Minor: 1000, Currency: "USD"}, Method: "CARD"},
	})
	return err
}

func ExampleLog_Watch() {
	log, _, end := openExample(nil)
	defer end()
	cursor := store.Start() // kept with what the loop does, it makes the log an outbox
	go func() { _ = created(log, "o-4") }()
	for record, err := range log.Watch(context.Background(), cursor) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(record.Position, record.Stream.ID)
		if cursor = store.After(record); record.Stream.ID == "o-4" {
			break
		}
	}
	// Output:
	// 1 o-1
	// 2 o-2
	// 3 o-3
	// 4 o-4
}

func ExampleLog_Backup() {
	log, directory, end := openExample(nil)
	defer end()
	path := filepath.Join(directory, "backup.log")
	err := log.Backup(context.Background(), path, func(done, total uint64) { fmt.Println("copied", done, "of", total) })
	fmt.Println("verified and in its place:", err == nil)

	backup, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backup.Close()
	head, err := backup.Head(context.Background(), events.OrderStream("o-3"))
	fmt.Println("o-3 is at version", head.Version, err)
	// Output:
	// copied 3 of 3
	// verified and in its place: true
	// o-3 is at version 1 <nil>
}

func ExampleCompact() {
	log, directory, end := openExample(nil)
	defer end()
	if err := log.Close(); err != nil { // nobody may have it open
		fmt.Println(err)
		return
	}
	size, err := bolt.Compact(context.Background(), filepath.Join(directory, "orders.log"), nil)
	fmt.Println("smaller:", size.After <= size.Before, err)
	// Output:
	// smaller: true <nil>
}

func ExampleLog_Prove() {
	key, public, err := seal.GenerateKey(nil, "shop.example/orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := seal.NewSigner(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	log, _, end := openExample(&bolt.Config{Signer: signer})
	defer end()
	proof, err := log.Prove(context.Background(), 2)
	if err != nil {
		fmt.Println(err)
		return
	}

	// Elsewhere, with the record's bytes, the proof and the log's public key:
	verifier, err := seal.NewVerifier(public)
	if err != nil {
		fmt.Println(err)
		return
	}
	var frame []byte
	for record := range log.Read(context.Background(), events.OrderStream("o-2"), 0) {
		frame, _ = events.AppendFrame(nil, record)
	}
	checkpoint, err := proof.Verify(frame, verifier)
	fmt.Println("in a log of", checkpoint.Size, "records:", err == nil)
	frame[len(frame)-1] ^= 1
	_, err = proof.Verify(frame, verifier)
	fmt.Println("a bit of it changed:", errors.Is(err, seal.ErrProof))
	// Output:
	// in a log of 3 records: true
	// a bit of it changed: true
}

func ExampleLog_Verify() {
	log, _, end := openExample(nil)
	defer end()
	err := log.Verify(context.Background(), func(done, total uint64) { fmt.Println("read", done, "of", total) })
	fmt.Println("whole:", err == nil)
	// Output:
	// read 3 of 3
	// whole: true
}

func ExampleOpenDamaged() {
	log, directory, end := openExample(nil)
	defer end()
	if err := log.Close(); err != nil { // nobody may have it open
		fmt.Println(err)
		return
	}
	left, err := bolt.OpenDamaged(filepath.Join(directory, "orders.log"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer left.Close()
	records := 0
	for _, err := range left.Surviving(context.Background()) { // audit.VerifyDamaged judges them
		if err == nil {
			records++
		}
	}
	seal, _ := left.DamagedSeal()
	fmt.Println(records, "of", seal[len(seal)-1].Size, "refused:", left.Refusal() != nil)
	// Output:
	// 3 of 3 refused: false
}

func ExampleConfig_journal() {
	directory, err := os.MkdirTemp("", "tilltape")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "orders.log")

	log, err := bolt.Open(path, &bolt.Config{Journal: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = log.Append(context.Background(), events.OrderStream("o-1"), 0, events.Record{
		ID:       "record-1",
		Recorded: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
		Event: events.OrderCreated{PaymentRequestID: "request-1", Amount: events.Money{Minor: 1000, Currency: "USD"},
			Method: "CARD"},
	})
	fmt.Println("on the disk:", err == nil)
	_, err = os.Stat(path + "-journal")
	fmt.Println("beside it a journal:", err == nil)
	if err := log.Close(); err != nil {
		fmt.Println(err)
	}
	_, err = os.Stat(path + "-journal")
	fmt.Println("and after Close none:", errors.Is(err, os.ErrNotExist))
	// Output:
	// on the disk: true
	// beside it a journal: true
	// and after Close none: true
}
