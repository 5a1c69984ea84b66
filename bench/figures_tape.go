package main

import (
	"fmt"
	"time"
)

// Limits of what is read.
const (
	jsonLeast      = 5.0
	loadMax        = 10 * time.Microsecond
	storedMax      = 600.0 // bytes
	coldLeast      = 0.5
	bytesLeast     = 1.5  // times a replay
	legalityLeast  = 0.67 // times a replay
	openMax        = 2 * time.Second
	orderMemoryMax = 300.0 // bytes
	idMemoryMax    = 24.0  // bytes
	cancelsLeast   = 0.5
	decideMax      = 1500 * time.Nanosecond
	decideAllocs   = 4
	evolveMax      = 100 * time.Nanosecond
)

// tapeMusts are the limits for reading, opening and cancelling.
func (r *report) tapeMusts() []figure {
	json := figure{Must: true, What: "replay beside encoding/json payloads, one core", Limit: "≥ 5 ×"}
	memory := figure{Must: true, What: "memory of a replay, an order",
		Limit: fmt.Sprintf("≤ %.0f B", orderMemoryMax+rememberedIDs*idMemoryMax)}
	cold := figure{Must: true, What: "cold replay beside warm, one core", Limit: "≥ 50 %"}
	bytes := figure{Must: true, What: "verifying bytes beside replay", Limit: fmt.Sprintf("≥ %.2f ×", bytesLeast)}
	legality := figure{Must: true, What: "verifying legality beside replay", Limit: fmt.Sprintf("≥ %.2f ×", legalityLeast)}
	if p := r.Replay; p != nil {
		got := ratio(p.MemoryOurs, p.MemoryPayload)
		json.Measured, json.Met = fmt.Sprintf("%.1f ×", got), got >= jsonLeast
		json.Note = fmt.Sprintf("the same loop over frames in memory; whole records in JSON: %.1f ×",
			ratio(p.MemoryOurs, p.MemoryRecord))
		memory.Measured, memory.Met = fmt.Sprintf("%.0f B", p.Live), p.Live <= orderMemoryMax+rememberedIDs*idMemoryMax
		memory.Of = p.Live / (orderMemoryMax + rememberedIDs*idMemoryMax)
		memory.Note = fmt.Sprintf("%d identifiers remembered; %.0f B at the peak, garbage included", rememberedIDs, p.Peak)
		bytes.Measured, bytes.Met = fmt.Sprintf("%.2f ×", p.VerifyBytes), p.VerifyBytes >= bytesLeast
		legality.Measured, legality.Met = fmt.Sprintf("%.2f ×", p.VerifyLegality), p.VerifyLegality >= legalityLeast
		if p.OneCore.Cold > 0 {
			got := ratio(p.OneCore.Cold, p.OneCore.Warm)
			cold.Measured, cold.Met = fmt.Sprintf("%.0f %%", 100*got), got >= coldLeast
		}
	}
	load := figure{Must: true, What: "loading one order, warm, p50", Limit: "≤ 10 µs"}
	stored := figure{Must: true, What: "stored an event, the whole file", Limit: "≤ 600 B"}
	if l := r.Load; l != nil {
		load.Measured, load.Met = short(l.Warm.P50), l.Warm.P50 <= loadMax
		load.Note = fmt.Sprintf("among %d; its values alone, raw from bbolt: %s", l.Orders, short(l.RawWarm.P50))
		stored.Measured, stored.Met = fmt.Sprintf("%.0f B", l.Stored), l.Stored <= storedMax
		if blocksCounted {
			stored.Of = l.Stored / storedMax
		}
		stored.Note = fmt.Sprintf("payload %.0f, frame %.0f", r.Payload, r.Frame)
	}
	open := figure{Must: true, What: "open after a kill", Limit: "≤ 2 s"}
	if o := r.Open; o != nil {
		open.Measured, open.Met = short(o.KilledWorst), o.KilledWorst <= openMax
		open.Note = fmt.Sprintf("the slowest, %d orders on file", o.Orders)
	}
	return append([]figure{json, load, memory, bytes, legality, stored, cold, open}, r.cancelMusts()...)
}

func (r *report) cancelMusts() []figure {
	f := figure{Must: true, What: "whole cancels beside two durable appends, worst load", Limit: "≥ 0.50 ×"}
	worst := 0.0
	for i, c := range r.Cancels {
		if got := ratio(c.Cancels, c.Two); i == 0 || got < worst {
			worst = got
			f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got >= cancelsLeast
			f.Note = fmt.Sprintf("%d writers: %s to %s a second", c.Writers, count(c.Cancels), count(c.Two))
		}
	}
	return []figure{f}
}

// coreMusts are the limits of the pure core.
func (r *report) coreMusts() []figure {
	decide := figure{Must: true, What: "Decide, the slowest of those measured", Limit: "≤ 1.5 µs, 4 allocations"}
	evolve := figure{Must: true, What: stepEvolve, Limit: "≤ 100 ns, none"}
	met, most := true, 0.0
	var slowest time.Duration
	for _, c := range r.Core {
		measured := fmt.Sprintf("%s, %.0f allocations", short(c.Took), c.Allocs)
		switch {
		case c.Step == stepEvolve:
			evolve.Of = c.Allocs * decideAllocs // it has none: one is far above its limit
			evolve.Measured, evolve.Met = measured, c.Took <= evolveMax && c.Allocs == 0
		case c.decides():
			most = max(most, c.Allocs)
			met = met && c.Took <= decideMax && c.Allocs <= decideAllocs
			if c.Took > slowest {
				slowest = c.Took
				decide.Measured, decide.Note = measured, c.Step
			}
			decide.Met, decide.Of = met, most/decideAllocs
		}
	}
	return []figure{decide, evolve}
}
