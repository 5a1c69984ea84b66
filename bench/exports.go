package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store"
)

// exportLeast is how many times as fast as a replay an export has to be.
const exportLeast = 0.8

// exportResult is what writing a whole log as text takes beside replaying it, warm and on two cores, in records a
// second.
type exportResult struct{ Export, Replay float64 }

// exports measures exports and replays in turns.
func (b *bench) exports(t *tape) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var exports, replays []float64
	for round := range b.Rounds {
		b.progress("exporting, round %d of %d", round+1, b.Rounds)
		if err := t.temper(false); err != nil {
			return err
		}
		err := t.withLog(func(log store.Log) error {
			r, err := replayOnce(log, t.orders)
			if err != nil {
				return err
			}
			rate, err := exportOnce(log, t.orders)
			replays, exports = append(replays, r.rate), append(exports, rate)
			return err
		})
		if err != nil {
			return err
		}
	}
	b.out.Export = &exportResult{Export: median(exports), Replay: median(replays)}
	return nil
}

// exportOnce exports a log of whole orders to nowhere.
func exportOnce(log store.Log, orders int) (float64, error) {
	source, ok := log.(export.Source)
	if !ok {
		return 0, fmt.Errorf("a log of %T cannot be exported", log)
	}
	runtime.GC()
	from := time.Now()
	h, err := export.Write(context.Background(), io.Discard, source, nil)
	took := time.Since(from)
	if err != nil {
		return 0, err
	}
	if want := uint64(orders * eventsPerOrder); h.Count != want {
		return 0, fmt.Errorf("an export of %d records of %d", h.Count, want)
	}
	return ratio(float64(h.Count), took.Seconds()), nil
}

// exportMusts is the limit of an export.
func (r *report) exportMusts() []figure {
	f := figure{Must: true, What: "export beside replay, two cores", Limit: fmt.Sprintf("≥ %.1f ×", exportLeast)}
	if e := r.Export; e != nil {
		got := ratio(e.Export, e.Replay)
		f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got >= exportLeast
		f.Note = fmt.Sprintf("%s to %s records a second", count(e.Export), count(e.Replay))
	}
	return []figure{f}
}
