package export_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store/memory"
)

// aShop is a sealed log with two orders.
func aShop() *memory.Log {
	log, err := memory.NewSealed(memory.Config{Origin: "shop.example/orders"})
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, id := range []string{"o-1", "o-2"} {
		_, err := log.Append(context.Background(), events.OrderStream(id), 0, events.Record{ID: "first-of-" + id,
			Recorded: at, Occurred: at, Actor: "shop", Head: events.Head{Status: "created", StatusSince: at, Phase: "idle"},
			Event: events.PaymentPending{PaymentID: "pay-" + id}})
		if err != nil {
			panic(err)
		}
	}
	return log
}

// An export of everything: an auditor reads it on a machine that has no log.
func ExampleWrite() {
	ctx := context.Background()
	var file bytes.Buffer
	if _, err := export.Write(ctx, &file, aShop(), nil); err != nil {
		fmt.Println(err)
		return
	}
	log, err := export.New("orders.jsonl", bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(log.Header().Proves())
	fmt.Println(log.Header().Count, "records:", log.Verify(ctx, nil))
	// Output:
	// these are all records that the log had: together they come to its root
	// 2 records: <nil>
}

// An export of one order: each record with the proof that it is in the log.
func ExampleWrite_filter() {
	ctx := context.Background()
	var file bytes.Buffer
	header, err := export.Write(ctx, &file, aShop(), &export.Config{Filter: export.Filter{Orders: []string{"o-2"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(header.Count, "of", header.Checkpoint.Size)
	fmt.Println(header.Proves())
	// Output:
	// 1 of 2
	// each of these records is in the log; not that the log has no others that fit the filter
}

// An export in a file is opened as a log is.
func ExampleOpen() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	var file bytes.Buffer
	path := filepath.Join(folder, "orders.jsonl")
	if _, err := export.Write(ctx, &file, aShop(), nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	log, err := export.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	for record, err := range log.Read(ctx, events.OrderStream("o-2"), 0) {
		fmt.Println(record.Position, record.Event.Kind(), err)
	}
	// Output:
	// 2 payment.pending.v1 <nil>
}

// A log is made of an export again, with the same root.
func ExampleImport() {
	ctx := context.Background()
	var file bytes.Buffer
	header, err := export.Write(ctx, &file, aShop(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	from, err := export.New("orders.jsonl", bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	to, err := memory.NewSealed(memory.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	was, err := export.Import(ctx, from, to, nil)
	fmt.Println(was == header.Checkpoint, err)
	is, err := to.Tree(ctx)
	fmt.Println(is.Root == was.Root, err)
	// Output:
	// true <nil>
	// true <nil>
}

// A file is recognised by how it begins.
func ExampleIs() {
	fmt.Println(export.Is([]byte(`{"export":"tilltape","version":"1","origin":"shop.example/orders/6120`)))
	fmt.Println(export.Is([]byte(`{"position":"1"`)))
	// Output:
	// true
	// false
}
