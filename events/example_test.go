package events_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
)

// cancelRequested is the second record of an order's stream.
func cancelRequested() events.Record {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return events.Record{
		ID: "r-2", Stream: events.OrderStream("order-1"), Version: 2, Position: 17, Previous: 12, Recorded: noon,
		Occurred:  noon,
		CommandID: "c-1", Actor: "zoe@shop",
		Event: events.CancelRequested{
			By:     events.Identifier{PaymentID: "2026112319401080"},
			Reason: "the buyer changed their mind",
			Lease:  noon.Add(30 * time.Second),
		},
	}
}

func ExampleAppendFrame() {
	frame, err := events.AppendFrame(nil, cancelRequested())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes: %x…\n", len(frame), frame[:5])

	tooLong := cancelRequested()
	tooLong.Event = events.AnomalyCleared{Anomaly: 4, Reason: string(make([]byte, events.TextMax+1))}
	_, err = events.AppendFrame(nil, tooLong)
	fmt.Println(err)
	// Output:
	// 130 bytes: 0080011063…
	// anomaly.cleared.v1: reason has 1025 bytes; give at most 1024
}

// A file of frames is in memory as a whole, and nobody writes to it: its records need no copies.
func ExampleDecoder() {
	file, err := events.AppendFrame(nil, cancelRequested())
	if err != nil {
		fmt.Println(err)
		return
	}
	var decoder events.Decoder
	var record events.Record
	for len(file) > 0 {
		size, err := events.FrameSize(file)
		if err == nil {
			err = decoder.Decode(&record, file[:size])
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(record.Position, record.Stream.ID, record.Event.Kind())
		file = file[size:]
	}
	// Output: 17 order-1 cancel.requested.v1
}

func ExampleDecodeFrame() {
	frame, err := events.AppendFrame(nil, cancelRequested())
	if err != nil {
		fmt.Println(err)
		return
	}
	record, err := events.DecodeFrame(frame)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := record.Event.(type) {
	case events.CancelRequested:
		fmt.Printf("%s %s, version %d: %s wants payment %s cancelled: %s\n",
			record.Stream.Category, record.Stream.ID, record.Version, record.Actor, e.By.PaymentID, e.Reason)
	default:
		fmt.Println("another fact:", e.Kind())
	}
	// Output:
	// order order-1, version 2: zoe@shop wants payment 2026112319401080 cancelled: the buyer changed their mind
}

// What a newer version wrote is told apart from damage: the one needs an upgrade, the other a backup.
func ExampleDecodeFrame_errors() {
	frame, err := events.AppendFrame(nil, cancelRequested())
	if err != nil {
		fmt.Println(err)
		return
	}
	frame[2] = 2 // the format's version
	_, err = events.DecodeFrame(frame)
	fmt.Println(err)
	fmt.Println(errors.Is(err, events.ErrUpgrade), errors.Is(err, events.ErrDamaged))

	_, err = events.DecodeFrame(frame[:100])
	fmt.Println(errors.Is(err, events.ErrTruncated), errors.Is(err, events.ErrDamaged))
	// Output:
	// frame: found format 2; this version knows format 1; upgrade first: a newer one wrote the log
	// true false
	// true true
}

// Frames that were written one after another are parted by their lengths.
func ExampleFrameSize() {
	var group []byte
	for i, id := range []string{"r-1", "r-2", "r-3"} {
		record := cancelRequested()
		record.ID, record.Position = id, uint64(i+1)
		var err error
		if group, err = events.AppendFrame(group, record); err != nil {
			fmt.Println(err)
			return
		}
	}
	for len(group) > 0 {
		size, err := events.FrameSize(group)
		if err != nil {
			fmt.Println(err)
			return
		}
		record, err := events.DecodeFrame(group[:size])
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(record.Position, record.ID)
		group = group[size:]
	}
	// Output:
	// 1 r-1
	// 2 r-2
	// 3 r-3
}

func ExampleCheckID() {
	fmt.Println(events.CheckID("order id", "2026-11-23.42"))
	fmt.Println(events.CheckID("order id", ""))
	fmt.Println(events.CheckID("order id", "INV/2026/00001"))
	fmt.Println(events.CheckID("order id", "a\nb"))
	// Output:
	// <nil>
	// order id is empty; give 1 to 64 bytes
	// <nil>
	// order id "a\nb" has the control character U+000A at byte 2, which breaks lines of logs and headers; leave it out
}

func ExampleRecord_Validate() {
	record := cancelRequested()
	fmt.Println(record.Validate())
	record.Actor = "night\tshift"
	fmt.Println(record.Validate())
	// Output:
	// <nil>
	// actor "night\tshift" has the control character U+0009 at byte 6, which breaks lines of logs and headers; leave it out
}
