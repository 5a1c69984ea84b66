package events

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// An order can need a person for several reasons at once, and none hides another.
func TestHeadsTellEveryReason(t *testing.T) {
	for _, tt := range []struct {
		head Head
		want []string
	}{
		{Head{Status: "paid", StatusSince: noon, OperationSince: noon, Due: noon}, nil},
		{Head{ParkedSince: noon}, []string{"parked"}},
		{Head{AnomalySince: noon}, []string{"anomaly"}},
		{Head{ParkedSince: noon, AnomalySince: noon.Add(-1)}, []string{"parked", "anomaly"}},
		{Head{DisputeBy: noon}, []string{"dispute"}},
		{Head{AnomalySince: noon, DisputeBy: noon.Add(1)}, []string{"anomaly", "dispute"}},
	} {
		assert.Equal(t, tt.want, tt.head.Attention())
	}
	h := Head{ParkedSince: noon, AnomalySince: noon.Add(1), DisputeBy: noon.Add(2)}
	assert.Equal(t, []time.Time{noon, noon.Add(1), noon.Add(2)},
		[]time.Time{h.Since(AttentionParked), h.Since(AttentionAnomaly), h.Since(AttentionDispute)})
	assert.Zero(t, h.Since(0))
	assert.Zero(t, h.Since(Attention(len(attentionNames))))
}

// The words stand in indexes and reports: each reason has one, and no two the same.
func TestAttentionsHaveWords(t *testing.T) {
	words := map[string]bool{}
	for _, a := range Attentions() {
		assert.NotEmpty(t, a.String())
		words[a.String()] = true
	}
	assert.Len(t, words, len(attentionNames)-1, "Attentions lists all there are")
	assert.Empty(t, Attention(0).String())
	assert.Empty(t, Attention(200).String())
}
