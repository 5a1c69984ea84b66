package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
)

// tellsOfRefunds is a picture with so many refunds that nobody here asked for, each of one cent.
func tellsOfRefunds(count int) Picture {
	p := tells(StateSuccess)
	for i := range count {
		p.Facts = append(p.Facts, refunded(fmt.Sprint("F", i), 1))
	}
	return p
}

// Everything that one answer tells is one append. What would be more than an append takes is unknown, with the reason,
// and does not come back as if nobody had heard it.
func TestAnAnswerIsOneAppendOrUnknown(t *testing.T) {
	if !long.Walks() {
		t.Skip("left out: an answer of 8192 facts takes two seconds; set " + long.Variable + "=1")
	}
	x := placed(t, CaptureNone)
	x.observe(paid())
	x.must(Claim{Inquire: true})
	p := tells(StateSuccess)
	p.Evidence = signed()
	for i := range AnswerRecordsMax {
		p.Facts = append(p.Facts, Fact{Kind: OtherTransaction, PaymentID: "P1", TransferID: fmt.Sprint("T", i)})
	}
	decided := x.must(RecordInquiry{Number: 1, Picture: p})
	require.Len(t, decided, 1, "with the answer itself it is one fact too many")
	answered := decided[0].(events.InquiryAnswered)
	assert.Equal(t, events.InquiryUnknown, answered.Outcome)
	assert.Equal(t, StateSuccess, answered.State, "what the message says of itself is kept beside it")
	assert.NotNil(t, answered.Evidence)
	assert.Contains(t, answered.Problem, "more than can be recorded at once, 8192 facts; have APO's support")
	assert.Empty(t, x.o.Anomalies)
	assert.False(t, x.o.Inquiry.Open)
	_, due := x.o.Due(x.now)
	assert.False(t, due, "APO is not asked again at once")
}

// With everything that makes more of it, the longest answer that APO's client reads still fits into one append: a
// refund beyond what there is, and its anomaly, for each transaction.
func TestTheLongestAnswerFitsIntoOneAppend(t *testing.T) {
	const transactions = 4096 // apo.TransactionsMax; a test of internal/translate holds the two together
	x := placed(t, CaptureNone)
	x.observe(paid())
	x.must(Claim{Inquire: true})
	facts, err := Decide(x.o, RecordInquiry{Number: 1, Picture: tellsOfRefunds(transactions)}, x.env())
	require.NoError(t, err)
	assert.Greater(t, len(facts), transactions)
	assert.LessOrEqual(t, len(facts), AnswerRecordsMax)
	assert.LessOrEqual(t, 2*AnswerRecordsMax, events.AppendMax, "each may need an anomaly for a key that is taken")
}

// An answer that comes too late, when another inquiry was started, is kept beside each of its facts: of a long one that
// is only as many as have room. The other inquiry tells the rest.
func TestALateLongAnswerIsHeardInPart(t *testing.T) {
	for _, tt := range []struct{ body, facts, want int }{
		{1 << 10, 50, 50},
		{events.BodyMax / 4, 50, 4},
		{events.BodyMax, 50, 1},
	} {
		x := placed(t, CaptureNone)
		x.observe(paid())
		x.must(Claim{Inquire: true})
		x.later(time.Hour)
		x.must(Claim{Inquire: true})
		p := tellsOfRefunds(tt.facts)
		p.Evidence = &events.Evidence{Body: make([]byte, tt.body)}
		facts := x.must(RecordInquiry{Number: 1, Picture: p})
		assert.Len(t, facts, tt.want, "%d bytes", tt.body)
		x.must(RecordInquiry{Number: 2, Picture: tellsOfRefunds(tt.facts)})
		assert.EqualValues(t, tt.facts, x.o.Refunded, "%d bytes", tt.body)
	}
}
