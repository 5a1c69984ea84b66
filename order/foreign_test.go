package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// Money of another currency has no place in an order's amounts: a raise, or a dispute, that is told in one stands in
// the way of commands, as everything else does, until a person has said that it was not.
func TestForeign_ARaiseStandsInTheWay(t *testing.T) {
	for _, names := range [][2]string{{"", "u1"}, {"I1", ""}, {"", ""}} {
		for _, inquired := range []bool{false, true} {
			x := in(t, Authorized)
			f := Fact{Kind: PaymentRaised, PaymentID: "P1", TransferID: names[0], RequestID: names[1],
				Amount: Money{Minor: 1500, Currency: "EUR"}}
			tell := func() {
				x.observe(f)
				if inquired {
					x.inquire(tells(StateSuccess, authorized(), f))
				}
			}
			tell()
			for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "k", Amount: usd(100)}} {
				_, err := x.do(c)
				assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, "%s", names)
			}
			assert.EqualValues(t, theAmount, x.o.Authorized)
			x.inquire(tells(StateSuccess, authorized(), f))
			require.Len(t, x.o.Doubts(), 1)
			_, err := x.do(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
			assert.Equal(t, ReasonCurrency, rejected(t, err).Reason)
			x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
			tell()
			require.Empty(t, x.o.Doubts(), "a person's word holds: %s", names)
			replayIsLive(t, x)
			x.must(Capture{CommandID: "k", Amount: usd(100)})
		}
	}
	x := in(t, Authorized)
	x.observe(Fact{Kind: PaymentRaised, PaymentID: "P1", RequestID: "u1", Amount: Money{Minor: 1500, Currency: "EUR"}})
	x.inquire(tells(StateSuccess, authorized(), raised("u1", 1500)))
	assert.Empty(t, x.o.Doubts(), "APO's newest word is that it was in the order's")
	assert.EqualValues(t, 1500, x.o.Authorized)
	replayIsLive(t, x)
}

func TestForeign_ADisputeStandsInACapturesWay(t *testing.T) {
	eur := Money{Minor: 300, Currency: "EUR"}
	open := disputed(DisputeOpened, "D1", 300)
	open.Amount = eur
	for name, c := range map[string]struct {
		facts []Fact
		legal bool
	}{
		"open":                           {[]Fact{open}, false},
		"of the order's currency":        {[]Fact{disputed(DisputeOpened, "D1", 300)}, true},
		"won":                            {[]Fact{open, ended(events.DisputeWon, opened, Money{})}, true},
		"lost":                           {[]Fact{open, ended(events.DisputeLost, opened, eur)}, false},
		"lost, of nobody knows how much": {[]Fact{open, ended(events.DisputeLost, opened, Money{})}, false},
		"lost, in the order's currency":  {[]Fact{open, ended(events.DisputeLost, opened, usd(200))}, true},
		"it was in the order's, and lost": {[]Fact{disputed(DisputeOpened, "D1", 300),
			ended(events.DisputeLost, opened, eur)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Authorized)
			for _, f := range c.facts {
				x.observe(f)
			}
			_, err := x.do(Capture{CommandID: "k", Amount: usd(100)})
			if c.legal {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, ReasonDisputed, rejected(t, err).Reason)
			replayIsLive(t, x)
		})
	}
	x := in(t, Authorized)
	x.observe(open)
	x.later(time.Hour)
	x.must(Resolve{CommandID: "s", Record: x.o.Disputes()[0].Version, Resolution: events.ResolvedFailed, Statement: "won"})
	x.must(Capture{CommandID: "k", Amount: usd(100)})
	replayIsLive(t, x)
}
