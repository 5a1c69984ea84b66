package order

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
)

// The kinds of words on a transfer: done, in a state not known here, not to be read, failed.
var (
	captureWords = []FactKind{CaptureSucceeded, CaptureUnclear, CaptureUnread, CaptureFailed}
	refundWords  = []FactKind{RefundSucceeded, RefundUnclear, RefundUnread, RefundFailed}
)

// wordsOnAny are all words on captures and refunds that have these names and amounts, and on transactions of a kind not
// known here.
func wordsOnAny(names [][2]string, amounts []Money) (words []Fact) {
	for _, n := range names {
		for _, k := range slices.Concat(captureWords, refundWords, []FactKind{OtherTransaction}) {
			f := Fact{Kind: k, TransferID: n[0], RequestID: n[1]}
			if f.Kind != CaptureSucceeded && f.Kind != RefundSucceeded {
				f.Code = "X"
			}
			if f.unread() || f.fails() { // which say it, or may
				words = append(words, f)
			}
			for _, a := range amounts {
				if f.Amount = a; !f.unread() {
					words = append(words, f)
				}
			}
		}
	}
	return words
}

// refutes reports whether a failure may be of what the word tells of, as far as kinds and names say. One request is one
// transfer, whatever id an attempt of it has.
func refutes(failure, word Fact) bool {
	kind := captureWords
	if failure.Kind == RefundFailed {
		kind = refundWords
	}
	return failure.fails() && (word.Kind == OtherTransaction || slices.Contains(kind, word.Kind)) &&
		(word.RequestID != "" && word.RequestID == failure.RequestID ||
			(word.RequestID == "" || failure.RequestID == "") &&
				(word.TransferID == "" || failure.TransferID == "" || word.TransferID == failure.TransferID))
}

// unrefuted requires that no cancel is sent beside a word on a capture or refund that no failure can be of.
func (x *till) unrefuted(told []Fact) {
	if !x.takes(Cancel{CommandID: "k"}) {
		return
	}
	for _, word := range told {
		if word.Kind == PaymentSucceeded || word.fails() ||
			slices.ContainsFunc(told, func(f Fact) bool { return refutes(f, word) }) {
			continue
		}
		var all []string
		for _, f := range told {
			all = append(all, fmt.Sprintf("%s %q %q %s", f.Kind, f.TransferID, f.RequestID, f.Amount))
		}
		require.Fail(x.t, "a cancel is sent", "%s: %s", x.o.CaptureMode, strings.Join(all, "; "))
	}
}

// Whatever APO says of captures and refunds, by notifications or by an answer, in whichever order: a cancel is refused
// as long as one of them is not known to have failed. The rule here knows nothing of the book: it looks for a failure
// of the same kind whose names do not say that it is of another one.
func TestCancel_IsNotSentBesideWhatNoFailureRefutes(t *testing.T) {
	names := [][2]string{{}, {"T1", ""}, {"", "r1"}, {"T2", "r1"}}
	amounts := []Money{usd(400)}
	if long.Walks() {
		names = append(names, [2]string{"T1", "r1"}, [2]string{"T2", ""})
		amounts = []Money{usd(400), usd(theAmount), usd(1200), {Minor: theAmount, Currency: "EUR"}}
	}
	pay := Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount)}
	words := wordsOnAny(names, amounts)
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone} {
		for _, a := range words {
			for _, b := range words {
				for _, told := range [][]Fact{{a, b, pay}, {a, pay, b}, {pay, a, b}} {
					x := placed(t, mode)
					for _, f := range told {
						x.observe(f)
					}
					x.unrefuted(told)
				}
				if !b.unread() { // which is no answer's
					x := placed(t, mode)
					x.observe(a)
					x.inquire(tells(StateSuccess, pay, b))
					x.unrefuted([]Fact{a, pay, b})
				}
			}
		}
	}
}
