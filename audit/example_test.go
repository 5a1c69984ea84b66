package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// exampleKeys are the shop's.
func exampleKeys() (*seal.Signer, *seal.Verifier) {
	key, _, err := seal.GenerateKey(nil, "shop.example/orders")
	if err != nil {
		panic(err)
	}
	signer, err := seal.NewSigner(key)
	if err != nil {
		panic(err)
	}
	return signer, signer.Verifier()
}

// exampleLog is what a service has written: two orders, one of them paid.
func exampleLog() store.Log { return fill(memory.New()) }

func fill(log store.Log) store.Log {
	w := newWriter(func(int) int { return 0 })
	w.log = log
	for _, id := range []string{"o-1", "o-2"} {
		w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: order.Money{Minor: 1000,
			Currency: "USD"}, Method: "CARD",
			CaptureMode: order.CaptureManual})
	}
	w.now = w.now.Add(time.Minute)
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-1", At: w.now,
		Amount: order.Money{Minor: 1000, Currency: "USD"}})})
	return w.log
}

func ExampleReplay() {
	log := exampleLog()
	defer log.Close()

	replayed, err := audit.Replay(context.Background(), log, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(replayed.Records, "records,", replayed.Len(), "orders")
	for o := range replayed.Orders() {
		fmt.Println(o.ID, o.Status, "since", o.StatusSince.Format(time.TimeOnly))
	}

	// Somebody makes the last record a cancellation.
	all := records(log)
	all[2].Event = events.CancelSucceeded{Cause: events.CauseRequested}
	_, err = audit.Replay(context.Background(), &tampered{records: all}, nil)
	var illegal *audit.IllegalError
	if errors.As(err, &illegal) {
		fmt.Println("position", illegal.Position, "in", illegal.Record.Stream.ID)
		fmt.Println(illegal.Err)
	}
	// Output:
	// 3 records, 2 orders
	// o-1 authorized since 09:01:00
	// o-2 created since 09:00:00
	// position 3 in o-1
	// order o-1, version 2: cancel.succeeded.v1 has no evidence: only APO's signed word, an inquiry or a failed payment cancels an order; the log was not written by these rules, or was altered
}

// The shop proves one order to somebody who has nothing but its public key.
func ExampleProve() {
	signer, verifier := exampleKeys()
	log, err := memory.NewSealed(memory.Config{Origin: "shop.example/orders"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	fill(log)

	proof, err := audit.Prove(context.Background(), log, "o-1", &audit.ProveConfig{Signer: signer})
	if err != nil {
		fmt.Println(err)
		return
	}
	file, _ := proof.AppendBinary(nil) // os.WriteFile("o-1.proof", file, 0o644)

	received, err := audit.ParseProof(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	proven, err := audit.VerifyProof(received, verifier)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(proven.Order.ID, proven.Order.Status, "after", len(proven.Records), "records; complete:", proven.Complete)
	// Output:
	// o-1 authorized after 2 records; complete: true
}

// An auditor who has the log, or an export of it, holds the shop to the roll that it signed.
func ExampleCheckRoll() {
	signer, verifier := exampleKeys()
	log, err := memory.NewSealed(memory.Config{Origin: "shop.example/orders"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	fill(log)

	_, roll, err := audit.Notarize(context.Background(), log, &audit.ProveConfig{Signer: signer})
	if err != nil {
		fmt.Println(err)
		return
	}
	said, err := audit.CheckRoll(context.Background(), log, roll, verifier)
	fmt.Println(said.Log.Size, err)
	// Output:
	// 3 <nil>
}

// The log goes into a folder that any web server can serve, and any client of C2SP tlog-tiles can read.
func ExampleExportTiles() {
	signer, verifier := exampleKeys()
	log, err := memory.NewSealed(memory.Config{Signer: signer})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	fill(log)
	dir, err := os.MkdirTemp("", "tiles-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	signed, err := log.Checkpoint(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := audit.ExportTiles(context.Background(), log, dir, signed, verifier)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Log.Size, "records in", out.Files, "files")
	for _, name := range []string{"checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"} {
		info, err := os.Stat(filepath.Join(dir, name))
		fmt.Println(name, err == nil && info.Size() > 0)
	}
	// Output:
	// 3 records in 3 files
	// checkpoint true
	// tile/0/000.p/3 true
	// tile/entries/000.p/3 true
}
