package audit_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

func ExampleVerify() {
	log := exampleLog()
	defer log.Close()

	report, err := audit.Verify(context.Background(), log, nil) // with checkpoints and APO's keys it proves more
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range audit.Levels() {
		fmt.Printf("%s: %s; %s\n", l, report.Level(l).State, cmp.Or(report.Level(l).Why, "whole"))
	}
	for _, d := range report.Days {
		fmt.Println(d.Date, d.Currency, d.Authorized)
	}
	fmt.Println("clean:", report.Clean())
	// Output:
	// bytes: not checked; the log has no seal, and no checkpoint was given
	// legality: proven; whole
	// evidence: not checked; no key given
	// money: proven; whole
	// 2026-11-23 USD 1000
	// clean: true
}

func ExampleReadSettlement() {
	const file = `Kind;Reference;Cur;Minor;Day
CAPTURE;c-1;USD;1000;2026-11-23
FEE;f-1;USD;30;2026-11-23
REFUND;r-1;USD;-2.50;2026-11-24
`
	columns := &audit.SettlementColumns{Type: "Kind", ID: "Reference", Currency: "Cur", Amount: "Minor", Time: "Day",
		Ignore: []string{"FEE"}, Minor: true, Comma: ';'}
	_, err := audit.ReadSettlement(strings.NewReader(file), columns)
	fmt.Println(err)

	s, err := audit.ReadSettlement(strings.NewReader(strings.Replace(file, "2.50", "250", 1)), columns)
	fmt.Println(err)
	fmt.Println(s.From.Format(time.DateOnly), "to", s.Until.Format(time.DateOnly))
	// Output:
	// settlement, line 4, column "Minor": is no whole number of minor units; write it like 10000
	// <nil>
	// 2026-11-23 to 2026-11-25
}

// A log that its engine refuses to open: what is left of it is verified all the same.
func ExampleVerifyDamaged() {
	report, err := audit.VerifyDamaged(context.Background(), cutLog{}, nil) // or what bolt.OpenDamaged returns
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Findings {
		fmt.Printf("%s: %s, positions %d to %d\n", f.Level, f.Problem, f.Position, f.Until)
	}
	fmt.Println(report.Outcome())
	// Output:
	// bytes: cut off, positions 4 to 7
	// cut off
}

// cutLog is a log whose seal says that it is of more records than are there.
type cutLog struct{}

func (cutLog) Refusal() error { return nil }

func (cutLog) Surviving(ctx context.Context) iter.Seq2[store.Frame, error] {
	return exampleLog().(store.Framer).Frames(ctx, store.Start())
}

func (cutLog) DamagedSeal() (edges, past []seal.Checkpoint) {
	return []seal.Checkpoint{{Origin: "shop.example/orders", Size: 7}}, nil
}

func (cutLog) Faults() (ofSeal, ofIndexes []error) { return nil, nil }
