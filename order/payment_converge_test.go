package order

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// standsAs is everything that an order comes to: whatever led there, and under whichever records.
func standsAs(x *till) []any {
	var book []Entry
	for _, e := range x.o.Book() {
		if e.Record, e.Doubt, e.TakenBack = 0, 0, false; !e.Failed { // what failed is history
			book = append(book, e)
		}
	}
	slices.SortFunc(book, func(a, b Entry) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return []any{x.o.Status, amounts(x.o), x.o.Capturable(), x.o.Refundable(), x.o.Late, x.o.Gateway, len(x.o.Held),
		x.takes(Cancel{}), book}
}

// APO signs that the payment was done, of one amount or another, that it failed and that its money moved, in any order
// and as often as it likes: what an inquiry says that was begun after all of it is what the order comes to, and until
// then nothing is legal that either word forbids.
func TestConverge_ThePaymentsOwnContradictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureManual, CaptureAutomatic}).Draw(t, "mode")
		amount := rapid.SampledFrom([]int64{800, theAmount, 1200})
		pay := func(minor int64) Fact { return Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(minor)} }
		moved := []Fact{refunded("F1", 200)}
		if mode != CaptureNone {
			moved = append(moved, captured("C1", 500))
		}
		x := placed(t, mode)
		smallest, failedEver := int64(0), false
		for range rapid.IntRange(1, 8).Draw(t, "words") {
			f := failed()
			switch rapid.IntRange(0, 2).Draw(t, "word") {
			case 0:
				f = rapid.SampledFrom(moved).Draw(t, "moved")
			case 1:
				f = pay(amount.Draw(t, "amount"))
				if smallest == 0 || f.Amount.Minor < smallest {
					smallest = f.Amount.Minor
				}
			default:
				failedEver = true
			}
			x.observe(f)
			if failedEver {
				require.LessOrEqual(t, x.o.Capturable(), int64(0), "it may have failed")
				require.Zero(t, x.o.Refundable(), "it may have failed")
			}
			if smallest > 0 {
				require.LessOrEqual(t, x.o.Capturable(), max(smallest-x.o.Captured, 0))
				require.LessOrEqual(t, x.o.Refundable(), smallest)
			}
		}
		truth, state := []Fact{failed()}, StateFail
		if rapid.Bool().Draw(t, "it was done") {
			truth, state = append([]Fact{pay(amount.Draw(t, "of"))}, moved...), StateSuccess
		}
		x.inquire(tells(state, truth...))
		want := placed(t, mode)
		want.inquire(tells(state, truth...))
		require.Equal(t, standsAs(want), standsAs(x))
		require.Empty(t, x.o.Doubts())
		require.Len(t, x.inquire(tells(state, truth...)), 1, "and it teaches nothing any more")
		replayIsLive(t, x)
	})
}
