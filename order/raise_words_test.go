package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A raise that no message names is known by its total, which is of a currency: one of equal minor units in another is
// another raise, whichever comes first and whoever tells it.
func TestRaise_WithoutANameInTwoCurrencies(t *testing.T) {
	for _, facts := range [][]Fact{{raised("", 1500), raisedIn("", 1500)}, {raisedIn("", 1500), raised("", 1500)}} {
		for _, inquired := range []bool{false, true} {
			x := in(t, Authorized)
			for _, f := range facts {
				if inquired {
					x.inquire(tells(StateSuccess, authorized(), f))
				} else {
					x.observe(f)
				}
			}
			assert.Equal(t, []any{int64(1500), 1, true}, []any{x.o.Capturable(), len(x.o.Doubts()), x.o.Unaccounted()})
			assert.Len(t, x.o.Anomalies, 1)
			for i := range x.o.book {
				if r := &x.o.book[i]; r.kind == raises {
					assert.NotEqual(t, x.o.Anomalies[0].Version == uint64(r.version), r.is(transferCounted))
				}
			}
			replayIsLive(t, x)
			assert.Len(t, x.inquire(tells(StateSuccess, authorized(), facts[0], facts[1])), 1, "nothing is new")
			x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
			x.must(Capture{CommandID: "k", Amount: usd(1500)})
		}
	}
}

// A raise that counts is told again with another of its names: that it came after the cancel is on record by then.
func TestRaise_ToldAgainAfterItsCancelIsNoAnomaly(t *testing.T) {
	at := cancelledAt.Add(time.Second)
	x := placed(t, CaptureManual)
	x.observe(paidAtTime(paidAt))
	x.observe(raised("u1", 1500))
	x.must(Cancel{CommandID: "k"})
	x.answer(Verdict{Class: VerdictSucceeded, Code: "SUCCESS", At: cancelledAt})
	require.Equal(t, Cancelled, x.o.Status)
	before := x.o.Authorized
	x.observe(raised("u1", 1500).line("T1", at))
	assert.Empty(t, x.o.Anomalies)
	assert.Equal(t, before, x.o.Authorized)
	replayIsLive(t, x)
}

// Nor does it open the anomaly of late money again that a person has closed.
func TestRaise_ToldAgainIsNoNewLateMoney(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(captured("C1", theAmount))
	x.observe(raised("u1", 1200))
	require.Len(t, x.o.Anomalies, 1)
	x.must(ClearAnomaly{CommandID: "k", Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
	x.observe(raised("u1", 1200).line("T1", x.now))
	assert.Empty(t, x.o.Anomalies)
	replayIsLive(t, x)
}

// A word about another payment's raise is none on this one's, whatever it says: neither that it failed, nor that there
// is a newer word than an inquiry's that was begun before.
func TestRaise_AnotherPaymentsWord(t *testing.T) {
	another := func(f Fact) Fact { f.PaymentID = "P2"; return f }
	failed := raiseFailed("u1")
	failed.Amount = Money{Minor: 1500, Currency: "EUR"}
	for _, own := range []Fact{raised("u1", 1500), raisedIn("u1", 1500)} {
		for _, word := range []Fact{failed, raised("u1", 1700)} {
			x := in(t, Authorized)
			x.observe(own)
			x.inquire(tells(StateSuccess, authorized()))
			was := append([]transfer{}, x.o.book...)
			x.observe(another(word))
			assert.Equal(t, was, x.o.book)
			replayIsLive(t, x)
		}
	}
}
