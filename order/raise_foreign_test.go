package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// raisedIn is a raise under that request, in another currency than the order's.
func raisedIn(request string, minor int64) Fact {
	f := raised(request, minor)
	f.Amount.Currency = "EUR"
	return f
}

// A raise in another currency is in doubt. Its failure, whichever currency that names, leaves two words, and by APO's
// newest word nothing of it; in a message of the order's currency it is told of what it was before.
func TestRaise_InAnotherCurrencyEndsByItsFailure(t *testing.T) {
	for _, currency := range []string{"EUR", "USD", ""} {
		failed := raiseFailed("u1")
		if failed.Amount = (Money{}); currency != "" {
			failed.Amount = Money{Minor: 1500, Currency: currency}
		}
		x := in(t, Authorized)
		x.observe(raisedIn("u1", 1500))
		x.observe(failed)
		_, err := x.do(Cancel{CommandID: "c"})
		assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, currency)
		assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
		x.inquire(tells(StateSuccess, authorized(), failed))
		assert.Empty(t, x.o.Doubts(), currency)
		assert.EqualValues(t, theAmount, x.o.Capturable())
		assert.Len(t, x.inquire(tells(StateSuccess, authorized(), failed)), 1, "and once")
		x.must(Cancel{CommandID: "c"})
		replayIsLive(t, x)
	}
}

// A capture that goes by the request of a raise in doubt says nothing of the raise.
func TestRaise_InDoubtBesideACaptureOfItsRequest(t *testing.T) {
	x := in(t, Authorized)
	x.observe(raisedIn("u1", 1500))
	x.observe(Fact{Kind: CaptureSucceeded, PaymentID: "P1", TransferID: "C1", RequestID: "u1", Amount: usd(theAmount)})
	_, err := x.do(Cancel{CommandID: "c"})
	require.Error(t, err)
	assert.Len(t, x.o.Doubts(), 1, "the raise")
	replayIsLive(t, x)
}

// Equal minor units of two currencies are two amounts.
func TestRaise_InTwoCurrencies(t *testing.T) {
	x := in(t, Authorized)
	x.observe(raisedIn("u1", 1500))
	a := x.observe(raised("u1", 1500))[0].(events.AnomalyObserved)
	assert.Equal(t, "raised to USD 15.00 now, and in another currency before", a.Detail)
	assert.True(t, x.o.Unaccounted(), "neither word is the newest")
	x.inquire(tells(StateSuccess, authorized(), raised("u1", 1500)))
	assert.Equal(t, []any{0, int64(1500)}, []any{len(x.o.Doubts()), x.o.Capturable()})
	replayIsLive(t, x)

	for _, word := range []Fact{raisedIn("u1", 1500), raisedIn("u1", 1200)} { // and the other way round
		x = in(t, Authorized)
		x.observe(raised("u1", 1500))
		x.observe(word)
		_, err := x.do(Capture{CommandID: "k", Amount: usd(1500)})
		rejected(t, err)
		x.inquire(tells(StateSuccess, authorized(), word))
		require.Len(t, x.o.Doubts(), 1, "it stays in doubt")
		replayIsLive(t, x)
		x.inquire(tells(StateSuccess, authorized(), raised("u1", 1500)))
		assert.Equal(t, []any{0, int64(1500)}, []any{len(x.o.Doubts()), x.o.Capturable()})
		replayIsLive(t, x)
	}
}

// What had been raised fails by a message in another currency too, unless that is about another payment.
func TestRaise_FailsInAnotherCurrency(t *testing.T) {
	failed := raiseFailed("u1")
	failed.Amount = Money{Minor: 1500, Currency: "EUR"}
	x := in(t, Authorized)
	x.observe(raised("u1", 1500))
	other := failed
	other.PaymentID = "P2"
	x.observe(other)
	assert.EqualValues(t, 1500, x.o.Capturable())
	x.observe(failed)
	assert.EqualValues(t, theAmount, x.o.Capturable())
	x.inquire(tells(StateSuccess, authorized(), raised("u1", 1500)))
	assert.EqualValues(t, 1500, x.o.Capturable())
	replayIsLive(t, x)
}

// Of a raise in another currency and its failure, neither is known to be the newer, in whichever order they came. What
// a person has called not done each answer may tell again.
func TestRaise_InAnotherCurrencyAfterItsFailure(t *testing.T) {
	failed, failedIn := raiseFailed("u1"), raiseFailed("u1")
	failedIn.Amount = Money{Minor: 1500, Currency: "EUR"}
	for _, f := range []Fact{failed, failedIn} {
		for _, words := range permutations([]Fact{raisedIn("u1", 1500), f}) {
			x := in(t, Authorized)
			for _, w := range words {
				x.observe(w)
			}
			for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "k", Amount: usd(100)}} {
				_, err := x.do(c)
				assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, "%s first, %T", words[0].Kind, c)
			}
			assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			replayIsLive(t, x)
			x.inquire(tells(StateSuccess, authorized(), f))
			assert.Empty(t, x.o.Doubts())
			x.inquire(tells(StateSuccess, authorized(), raisedIn("u1", 1500)))
			require.Len(t, x.o.Doubts(), 1, "by APO's newest word it may stand again")
			x.inquire(tells(StateSuccess, authorized(), raisedIn("u1", 1500)))
			x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
			x.inquire(tells(StateSuccess, authorized(), raisedIn("u1", 1500)))
			assert.Empty(t, x.o.Doubts())
			x.must(Cancel{CommandID: "c"})
			replayIsLive(t, x)
		}
	}
}
