package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/store"
)

// verifies measures what a verification takes beside a replay of the same log, warm and on two cores, in turns.
func (b *bench) verifies(t *tape, res *replayResult) error {
	var replays, bytes, legality []float64
	for round := range b.Rounds {
		b.progress("verifying, round %d of %d", round+1, b.Rounds)
		if err := t.temper(false); err != nil {
			return err
		}
		err := t.withLog(func(log store.Log) error {
			r, err := replayOnce(log, t.orders)
			if err != nil {
				return err
			}
			replays = append(replays, r.rate)
			for level, into := range map[audit.Level]*[]float64{audit.LevelBytes: &bytes, audit.LevelLegality: &legality} {
				rate, err := verifyOnce(log, level)
				if err != nil {
					return err
				}
				*into = append(*into, rate)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	res.VerifyBytes = ratio(median(bytes), median(replays))
	res.VerifyLegality = ratio(median(legality), median(replays))
	return nil
}

// verifyOnce verifies one level of a log, without what the engine looks records up by, in records a second.
func verifyOnce(log store.Log, level audit.Level) (float64, error) {
	from := time.Now()
	report, err := audit.Verify(context.Background(), log, &audit.VerifyConfig{Levels: []audit.Level{level},
		SkipIndexes: true})
	took := time.Since(from)
	switch {
	case err != nil:
		return 0, err
	case report.Level(level).State != audit.StateProven:
		return 0, fmt.Errorf("the tape is not proven: %s", report.Verdict())
	}
	return ratio(float64(report.Records), took.Seconds()), nil
}
