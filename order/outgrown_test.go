package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What somebody else captured or refunded meanwhile can leave too little for what we have asked for and not heard of.
// It is asked about and not sent again; once APO says that it knows nothing of it, it has failed, unless a doubt may
// make room for it again.
func TestOutgrown_NothingIsSentAgainThatNoLongerFits(t *testing.T) {
	for name, c := range map[string]struct {
		status  Status
		command Command
		foreign Fact
		fits    bool
	}{
		"a capture":                {Authorized, Capture{CommandID: "c", Amount: usd(700)}, captured("C9", 400), false},
		"a capture that fits":      {Authorized, Capture{CommandID: "c", Amount: usd(600)}, captured("C9", 400), true},
		"a refund":                 {Paid, Refund{CommandID: "c", Amount: usd(700)}, refunded("F9", 400), false},
		"a refund that fits":       {Paid, Refund{CommandID: "c", Amount: usd(600)}, refunded("F9", 400), true},
		"of a payment that failed": {Paid, Refund{CommandID: "c", Amount: usd(100)}, failed(), false},
		"of an amount in doubt": {Authorized, Capture{CommandID: "c", Amount: usd(900)},
			Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(800)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, c.status)
			x.must(c.command)
			x.answer(silence)
			x.observe(c.foreign)
			x.later(2 * time.Second)
			call, ok := x.o.Due(x.now)
			require.True(t, ok)
			assert.Equal(t, !c.fits, call.IsInquiry())
			if c.fits {
				return
			}
			sent, unknown := len(x.log), notExist
			if _, is := c.command.(Capture); is { // an inquiry about the payment tells nothing of it
				unknown = tells(StateSuccess)
			}
			for range 3 {
				x.inquire(unknown)
				x.later(time.Hour)
				if call, ok := x.o.Due(x.now); ok {
					assert.True(t, call.IsInquiry())
				}
			}
			for _, r := range x.log[sent:] {
				assert.NotEqual(t, "attempt.started.v1", string(r.Event.Kind()))
			}
			if x.o.inDoubt() {
				assert.True(t, x.o.Operation.Outstanding(), "there may be room for it after all")
			} else {
				assert.Equal(t, OutcomeFailed, x.o.Command("c").Outcome)
			}
			replayIsLive(t, x)
		})
	}
}
