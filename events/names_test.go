package events_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// words returns what every value of an enumeration is called, and which values have a name of their own.
func words[T interface {
	~uint8
	fmt.Stringer
}](first, last T) (named []string, others []string) {
	for v := 0; v <= math.MaxUint8; v++ {
		if v >= int(first) && v <= int(last) {
			named = append(named, T(v).String())
		} else {
			others = append(others, T(v).String())
		}
	}
	return named, others
}

// TestNames walks every value of every enumeration: each that has a meaning has a name that no other has, and all that
// have none are unknown. The names appear in what people read; changing one is a change they see.
func TestNames(t *testing.T) {
	check := func(enum string, named, others []string, want ...string) {
		t.Helper()
		assert.Equal(t, want, named, enum)
		seen := map[string]bool{}
		for _, word := range named {
			assert.False(t, seen[word], "%s: two values are called %q", enum, word)
			assert.Equal(t, strings.ToLower(word), word, enum)
			seen[word] = true
		}
		for _, word := range others {
			assert.Equal(t, "unknown", word, enum)
		}
	}
	named, others := words(events.ViaSelf, events.ViaOperator)
	check("channel", named, others, "ourselves", "answer", "notification", "inquiry", "operator")
	named, others = words(events.CaptureNone, events.CaptureManual)
	check("capture mode", named, others, "none", "automatic", "manual")
	named, others = words(events.CauseRequested, events.CauseGateway)
	check("cause", named, others, "requested", "expired", "never paid", "payment failed", "by gateway")
	named, others = words(events.SubjectPayment, events.SubjectRefund)
	check("subject", named, others, "payment", "refund")
	named, others = words(events.InquiryUnknown, events.InquiryNotExist)
	check("outcome", named, others, "unknown", "answered", "does not exist")
	named, others = words(events.ResolvedSucceeded, events.ResolvedFailed)
	check("resolution", named, others, "succeeded", "failed")
	named, others = words(events.LatePayment, events.NotUnderstood)
	check("anomaly", named, others, "late payment", "payment revived", "contradicts the status", "contradicts the payment",
		"contradicts the transfer", "beyond authorized", "reversal", "key taken", "late answer", "no result",
		"not understood")
	named, others = words(events.DisputeWon, events.DisputeInvalidated)
	check("dispute", named, others, "won", "lost", "accepted", "not defended", "withdrawn", "refunded by the scheme",
		"documents taken", "documents refused")
}
