package salvage_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// damaged makes a log of four orders and loses the third in it.
func damaged(path string) error {
	log, err := bolt.Open(path, nil)
	if err != nil {
		return err
	}
	for i := range 4 {
		id := fmt.Sprintf("o-%d", i+1)
		if _, err := log.Append(context.Background(), events.OrderStream(id), 0, record("of-"+id, 0)); err != nil {
			return err
		}
	}
	if err := log.Close(); err != nil {
		return err
	}
	image, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.ReplaceAll(image, []byte("of-of-o-3"), []byte("?????????")), 0o600)
}

func ExampleRead() {
	directory, err := os.MkdirTemp("", "tilltape")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "orders.log")
	if err := damaged(path); err != nil {
		fmt.Println(err)
		return
	}
	_, err = bolt.Open(path, nil)
	fmt.Println("opens:", err == nil)

	found, err := salvage.Read(context.Background(), path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer found.Close()
	report := found.Report()
	fmt.Println("found:", report.Frames.Whole, "of", report.End, "missing:", report.Missing)
	fmt.Println("whole behind the hole:", report.Orders.Behind)
	if err := found.Write(context.Background(), filepath.Join(directory, "salvaged.log"), nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the new log has", found.Report().Written.Records, "records")
	// Output:
	// opens: false
	// found: 3 of 4 missing: [{3 3}]
	// whole behind the hole: [o-4]
	// the new log has 2 records
}
