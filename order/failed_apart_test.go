package order

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An authorization of less than was ordered, whose own capture fails, told once or twice: whichever comes first, APO's
// capture has failed, and the same stands open.
func TestFailedApart_TheOrderOfMessagesDoesNotMatter(t *testing.T) {
	less := authorized()
	less.Amount = usd(600)
	for _, id := range []string{"", "C9"} {
		failed := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: id, Amount: usd(600), Code: "X"}
		for _, words := range append(permutations([]Fact{less, failed}), permutations([]Fact{less, failed, failed})...) {
			x := placed(t, CaptureAutomatic)
			for _, f := range words {
				x.observe(f)
			}
			var open []string
			for _, a := range x.o.Anomalies {
				open = append(open, a.Reason.String())
			}
			assert.Equal(t, []any{Authorized, GatewayFailed, int64(600), []string{"contradicts the payment"}, 0},
				[]any{x.o.Status, x.o.Gateway, x.o.Authorized, open, len(x.o.Doubts())}, "%q, %s first", id, words[0].Kind)
			x.must(Cancel{CommandID: "c"})
			replayIsLive(t, x)
		}
	}
}

// Where all was authorized, the failure was another's: APO goes on capturing, until its own has failed.
func TestFailedApart_OfAnotherCapture(t *testing.T) {
	for _, id := range []string{"", "C9"} {
		other := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: id, Amount: usd(600), Code: "X"}
		x := placed(t, CaptureAutomatic)
		x.observe(other)
		x.observe(authorized())
		assert.Empty(t, x.observe(other))
		assert.Equal(t, GatewayOutstanding, x.o.Gateway)
		assert.Len(t, x.o.Anomalies, 1)
		_, err := x.do(Cancel{CommandID: "c"})
		assert.Equal(t, ReasonGatewayCapture, rejected(t, err).Reason)
		again := other
		if again.Amount = (Money{}); id != "" {
			assert.Empty(t, x.observe(again), "the same failure, of which no amount is told now")
			assert.Equal(t, GatewayOutstanding, x.o.Gateway)
			assert.True(t, slices.ContainsFunc(x.o.book, func(k transfer) bool { return k.failedApart() }))
		}
		own := other
		own.Amount = usd(theAmount)
		x.observe(own)
		assert.Equal(t, GatewayFailed, x.o.Gateway)
		x.must(Cancel{CommandID: "c"})
		replayIsLive(t, x)
	}
}
