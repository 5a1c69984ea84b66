package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// Two tills have read the same version of an order. One append wins; the other is told what to do.
func ExampleConflictError() {
	log, ctx := memory.New(), context.Background()
	order := events.OrderStream("o-1")
	_, _ = log.Append(ctx, order, 0, good("from-till-1"))

	_, err := log.Append(ctx, order, 0, good("from-till-2"))
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		fmt.Println("seen:", conflict.Want, "there:", conflict.Have)
	}
	fmt.Println(err)
	// Output:
	// seen: 0 there: 1
	// order "o-1": append refused: meant for version 0, but the stream is already at version 1; read what was added, decide again and append after version 1
}

// A service's metrics ask the log what it has done; not every engine counts.
func ExampleMeasured() {
	ctx := context.Background()
	var log store.Log = memory.New()
	order := events.OrderStream("o-1")
	_, _ = log.Append(ctx, order, 0, good("r-1"), good("r-2"))
	_, err := log.Append(ctx, order, 0, good("from-a-slower-till"))
	fmt.Println(errors.Is(err, store.ErrConflict))

	if measured, ok := log.(store.Measured); ok {
		f := measured.Figures()
		fmt.Println(f.Appends, "append of", f.Records, "records,", f.Refused, "refused; the log ends at", f.Last)
	}
	// Output:
	// true
	// 1 append of 2 records, 1 refused; the log ends at 2
}

// The bytes of all records are what a sealed log's root is over: whoever has them needs no log to make it.
func ExampleFramer() {
	ctx := context.Background()
	log, err := memory.NewSealed(memory.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = log.Append(ctx, events.OrderStream("o-1"), 0, good("r-1"), good("r-2"))

	var exported []byte
	for frame, err := range store.Framer(log).Frames(ctx, store.Start()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		exported = append(exported, frame.Bytes...) // they are good until the loop goes on
	}

	var tree seal.Tree
	for len(exported) > 0 {
		size, err := events.FrameSize(exported)
		if err != nil {
			fmt.Println(err)
			return
		}
		tree.Append(seal.LeafHash(exported[:size]))
		exported = exported[size:]
	}
	sealed, _ := log.Tree(ctx)
	fmt.Println(tree.Size(), tree.Root() == sealed.Root)
	// Output: 2 true
}

// A reader that keeps its cursor as text goes on where it was, whatever happened in between.
func ExampleParseCursor() {
	log, ctx := memory.New(), context.Background()
	order := events.OrderStream("o-1")
	_, _ = log.Append(ctx, order, 0, good("r-1"), good("r-2"))

	kept := store.Start().String()
	follow := func() {
		cursor, err := store.ParseCursor(kept)
		if err != nil {
			fmt.Println(err)
			return
		}
		for record, err := range log.All(ctx, cursor) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(record.Position, record.ID)
			kept = store.After(record).String()
		}
	}
	follow()
	_, _ = log.Append(ctx, order, 2, good("r-3"))
	follow()
	fmt.Println(kept)
	// Output:
	// 1 r-1
	// 2 r-2
	// 3 r-3
	// after-3
}

// A list in pages: each begins after the last head of the one before.
func ExampleFilter_After() {
	log, ctx := memory.New(), context.Background()
	noon := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	for i := range 5 {
		id := fmt.Sprintf("o-%d", i+1)
		record := good("first-of-" + id)
		record.Head = events.Head{Status: "paid", StatusSince: noon.Add(time.Duration(i/2) * time.Minute)}
		_, _ = log.Append(ctx, events.OrderStream(id), 0, record)
	}
	const size = 2
	for filter, more := store.InStatus("paid").Limit(size), true; more; {
		page := []string{}
		for head, err := range log.Heads(ctx, filter) {
			if err != nil {
				fmt.Println(err)
				return
			}
			page = append(page, head.Stream.ID)
			filter = filter.After(head) // it can be kept, and asked with tomorrow
		}
		fmt.Println(page)
		more = len(page) == size
	}
	// Output:
	// [o-1 o-2]
	// [o-3 o-4]
	// [o-5]
}

// What is due, earliest first.
func ExampleFilter() {
	log, ctx := memory.New(), context.Background()
	noon := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	for id, due := range map[string]time.Time{"o-1": noon.Add(time.Minute), "o-2": noon, "o-3": noon.Add(time.Hour),
		"o-4": {}} {
		record := good("first-of-" + id)
		record.Head = events.Head{Status: "created", StatusSince: noon, Due: due}
		_, _ = log.Append(ctx, events.OrderStream(id), 0, record)
	}
	for head, err := range log.Heads(ctx, store.DueBy(noon.Add(time.Minute))) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(head.Stream.ID, head.Due.Format(time.TimeOnly))
	}
	// Output:
	// o-2 12:00:00
	// o-1 12:01:00
}
