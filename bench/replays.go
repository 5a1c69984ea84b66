package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// replayResult is what decoding, judging and folding a whole log takes.
type replayResult struct {
	Orders, Events int
	OneCore        replayRate
	TwoCores       replayRate
	// Live and Peak are bytes in memory for each order: what the replay came to, and the most there was on the way,
	// garbage included.
	Live, Peak float64
	// The same loop over frames that are in memory already, on one core, in events a second: our payloads, payloads in
	// JSON after our header, and whole records in JSON.
	MemoryEvents                            int
	MemoryOurs, MemoryPayload, MemoryRecord float64
	// VerifyBytes and VerifyLegality are how many times as fast as a replay these levels of a verification are.
	VerifyBytes, VerifyLegality float64
}

// replayRate is in events a second.
type replayRate struct{ Warm, Cold float64 }

// rememberedIDs is how many identifiers the library keeps, hashed, of an order of this workload: a capture under two
// and the commands that placed and captured it.
const rememberedIDs = 4

// memoryOrders is how many orders the loop over memory has.
const memoryOrders = 25_000

func (b *bench) replays() error {
	t, err := b.theTape()
	if err != nil {
		return err
	}
	res := &replayResult{Orders: t.orders, Events: t.orders * eventsPerOrder}
	one, two := &samples{}, &samples{}
	for round := range b.Rounds {
		for _, s := range []struct {
			cores int
			into  *samples
		}{{1, one}, {2, two}} {
			for _, cold := range []bool{true, false} {
				b.progress("replaying, round %d of %d, %d cores, cold %t", round+1, b.Rounds, s.cores, cold)
				if err := t.replay(s.cores, cold, s.into); err != nil {
					return err
				}
			}
		}
	}
	res.OneCore, res.TwoCores = one.rate(), two.rate()
	res.Live, res.Peak = median(one.live), median(one.peak)
	if err := b.verifies(t, res); err != nil {
		return err
	}
	if err := b.replayMemory(res); err != nil {
		return err
	}
	b.out.Replay = res
	return b.exports(t)
}

// samples are what replays came to.
type samples struct{ warm, cold, live, peak []float64 }

func (s *samples) rate() replayRate { return replayRate{median(s.warm), median(s.cold)} }

// replay replays the tape once. Warm means that all of the file is in the system's memory.
func (t *tape) replay(cores int, cold bool, into *samples) error {
	if err := t.temper(cold); errors.Is(err, errNoCold) {
		return nil
	} else if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	return t.withLog(func(log store.Log) error {
		r, err := replayOnce(log, t.orders)
		if err != nil {
			return err
		}
		if cold {
			into.cold = append(into.cold, r.rate)
		} else {
			into.warm = append(into.warm, r.rate)
		}
		into.live, into.peak = append(into.live, r.live), append(into.peak, r.peak)
		return nil
	})
}

var errNoCold = errors.New("no cold figures on this system")

// temper makes the file's pages leave the system's memory, or come into it.
func (t *tape) temper(cold bool) error {
	if cold {
		if err := forget(t.path); err != nil {
			return errors.Join(errNoCold, err)
		}
		return nil
	}
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

type replayOutcome struct{ rate, live, peak float64 }

// replayOnce replays a log of whole orders; live and peak are bytes for each.
func replayOnce(log store.Log, orders int) (replayOutcome, error) {
	runtime.GC()
	before, peak := heap(), uint64(0)
	from := time.Now()
	p, err := audit.Replay(context.Background(), log, &audit.Config{Progress: func(uint64) { peak = max(peak, heap()) }})
	took := time.Since(from)
	if err != nil {
		return replayOutcome{}, err
	}
	peak = max(peak, heap())
	runtime.GC()
	live := heap()
	if n := p.Statuses()[order.Captured]; n < orders {
		return replayOutcome{}, fmt.Errorf("replay found %d captured orders of %d", n, orders)
	}
	each := func(bytes uint64) float64 { return ratio(float64(bytes)-float64(before), float64(p.Len())) }
	out := replayOutcome{rate: ratio(float64(p.Records), took.Seconds()), live: each(live), peak: each(peak)}
	runtime.KeepAlive(p)
	return out, nil
}

// heap is how many bytes objects take, garbage included.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// replayMemory compares payloads, all else equal: the same records, judged and folded by the same code.
func (b *bench) replayMemory(res *replayResult) error {
	n := min(memoryOrders, b.Tape)
	res.MemoryEvents = n * eventsPerOrder
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, c := range []struct {
		name string
		make func(orders int) (store.Log, error)
		into *float64
	}{
		{"our frames", binaryLog, &res.MemoryOurs},
		{"JSON payloads", jsonPayloadLog, &res.MemoryPayload},
		{"JSON records", jsonRecordLog, &res.MemoryRecord},
	} {
		b.progress("replaying %d events from memory: %s", res.MemoryEvents, c.name)
		log, err := c.make(n)
		if err != nil {
			return err
		}
		var rates []float64
		for range b.Rounds {
			r, err := replayOnce(log, n)
			if err != nil {
				return err
			}
			rates = append(rates, r.rate)
		}
		*c.into = median(rates)
	}
	return nil
}
