package order

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/order/window"
)

var update = flag.Bool("update", false, "rewrite testdata")

// refusalCase is one way to be refused.
type refusalCase struct {
	reason Reason
	x      *till
	c      Command
}

// refusals has every reason at least once, each met by a real order.
func refusals(t *testing.T) []refusalCase {
	return slices.Concat(refusalsByStatus(t), refusalsOfLateMoney(t), refusalsByGuard(t), refusalsOfPeople(t))
}

func refusalsByStatus(t *testing.T) []refusalCase {
	t.Helper()
	all := in(t, Captured)
	all.observe(refunded("F1", 600))
	other := create(CaptureManual)
	other.CommandID, other.Amount = "", usd(5)
	return []refusalCase{
		{ReasonExists, in(t, Created), other},
		{ReasonCaptured, in(t, Captured), Cancel{}},
		{ReasonRefunded, in(t, Refunded), Cancel{}},
		{ReasonRefunded, all, Cancel{}},
		{ReasonRefunded, in(t, Refunded), Capture{Amount: usd(1)}},
		{ReasonCancelled, in(t, Cancelled), Capture{Amount: usd(1)}},
		{ReasonCancelled, in(t, Cancelled), Refund{Amount: usd(1)}},
		{ReasonFailed, in(t, Failed), Capture{Amount: usd(1)}},
		{ReasonNotAuthorized, in(t, Created), Capture{Amount: usd(1)}},
		{ReasonOneStep, in(t, Paid), Capture{Amount: usd(1)}},
		{ReasonNothingCaptured, in(t, Authorized), Refund{Amount: usd(1)}},
		{ReasonNothingCaptured, capturing(t), Refund{Amount: usd(1)}},
	}
}

func refusalsOfLateMoney(t *testing.T) []refusalCase {
	t.Helper()
	late := in(t, Cancelled)
	late.observe(authorized())
	expired := in(t, Cancelled)
	expired.observe(captured("C1", 600))
	expired.observe(refunded("F1", 600))
	doubted := in(t, Cancelled)
	doubted.observe(captured("C1", 600))
	doubted.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
	return []refusalCase{
		{ReasonNoLateMoney, in(t, Paid), Compensate{}},
		{ReasonNoLateMoney, in(t, Cancelled), Compensate{}},
		{ReasonNoLateMoney, expired, Compensate{}},
		{ReasonStaleInquiry, late, Compensate{}},
		{ReasonReversal, doubted, Compensate{}},
	}
}

func refusalsByGuard(t *testing.T) []refusalCase {
	t.Helper()
	several := in(t, Authorized)
	several.policy.SeveralCaptures = []string{"CARD"}
	several.must(Capture{Amount: usd(400), Last: true})
	several.answer(Verdict{Class: VerdictSucceeded, TransferID: "C7"})
	held := in(t, Authorized)
	held.observe(refunded("F1", 100))
	closing := func(w window.Rule) *till {
		x := in(t, Authorized)
		x.policy.Windows = window.Rules{"ACME": {"CARD": w}}
		x.later(48 * time.Hour)
		return x
	}
	expiring := placed(t, CaptureManual)
	expiring.observe(Fact{Kind: PaymentAuthorized, PaymentID: "P1", Expires: opened.Add(time.Hour)})
	expiring.later(2 * time.Hour)
	nameless := newTill(t)
	c := create(CaptureManual)
	c.PaymentID = ""
	nameless.must(c)
	nameless.observe(Fact{Kind: PaymentAuthorized})
	reversed := in(t, Captured)
	reversed.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
	automatic := capturing(t)
	automatic.observe(captured("C1", theAmount))
	all := in(t, Captured)
	all.observe(refunded("F1", 600))
	twice := asked(t, CallCancel)
	twice.retry()
	opened, lost := in(t, Captured), in(t, Captured)
	opened.observe(disputed(DisputeOpened, "D1", 300))
	lost.observe(disputed(DisputeClosed, "D1", 300))
	return []refusalCase{
		{ReasonCancelling, asked(t, CallCancel), Capture{Amount: usd(1)}},
		{ReasonCancelling, twice, Cancel{}},
		{ReasonCapturing, asked(t, CallCapture), Cancel{}},
		{ReasonRefunding, asked(t, CallRefund), Refund{Amount: usd(1)}},
		{ReasonParked, parked(t), Cancel{}},
		{ReasonRefunding, working(t), Cancel{}},
		{ReasonParked, givenUp(t), Cancel{}},
		{ReasonRefunds, crowded(t), Refund{Amount: usd(1)}},
		{ReasonGatewayCapture, capturing(t), Cancel{}},
		{ReasonGatewayCapture, capturing(t), Capture{Amount: usd(1)}},
		{ReasonAutomatic, automatic, Capture{Amount: usd(1)}},
		{ReasonHeldRefund, held, Cancel{}},
		{ReasonUnaccounted, strangers()["a capture above the authorization"].tell(t), Cancel{}},
		{ReasonWindow, closing(window.Rule{Kind: window.AfterPayment, Length: time.Hour}), Cancel{}},
		{ReasonWindow, closing(window.Rule{Kind: window.UntilPaid}), Cancel{}},
		{ReasonNeverCancels, closing(window.Rule{Kind: window.Never}), Cancel{}},
		{ReasonSingleCapture, in(t, Captured), Capture{Amount: usd(1)}},
		{ReasonLastCapture, several, Capture{Amount: usd(1)}},
		{ReasonExpired, expiring, Capture{Amount: usd(1)}},
		{ReasonAmount, in(t, Authorized), Capture{Amount: usd(0)}},
		{ReasonRemainder, in(t, Authorized), Capture{Amount: usd(1001)}},
		{ReasonRemainder, in(t, Captured), Refund{Amount: usd(601)}},
		{ReasonRemainder, all, Refund{Amount: usd(1)}},
		{ReasonCurrency, in(t, Captured), Refund{Amount: Money{Minor: 1, Currency: "EUR"}}},
		{ReasonNoPaymentID, nameless, Capture{Amount: usd(1)}},
		{ReasonReversal, reversed, Refund{Amount: usd(1)}},
		{ReasonDisputed, opened, Refund{Amount: usd(1)}},
		{ReasonRemainder, lost, Refund{Amount: usd(301)}},
	}
}

func refusalsOfPeople(t *testing.T) []refusalCase {
	t.Helper()
	stale := parked(t)
	stale.later(time.Hour)
	silent := silentlyParked(t, CallCapture)
	silent.later(time.Hour)
	silent.inquire(refusedQuery)
	silent3 := silentlyParked(t, CallCapture)
	for range DefaultUnansweredInquiries {
		silent3.later(time.Hour)
		silent3.inquire(refusedQuery)
	}
	only := asked(t, CallCancel)
	only.park()
	only.inquire(tells(StateSuccess))
	denied := asked(t, CallRefund)
	denied.park()
	denied.inquire(notExist)
	resolve := Resolve{Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"}
	return []refusalCase{
		{ReasonNotParked, in(t, Authorized), resolve},
		{ReasonNoDoubt, in(t, Authorized), Resolve{Record: 2, Resolution: events.ResolvedFailed, Statement: "APO ticket 7"}},
		{ReasonStaleInquiry, stale, resolve},
		{ReasonStaleInquiry, silent, resolve},
		{ReasonStaleInquiry, silent3, resolve},
		{ReasonContradicts, denied, resolve},
		{ReasonOnlyAPO, only, resolve},
		{ReasonNoAnomaly, in(t, Authorized), ClearAnomaly{Anomaly: 2}},
	}
}

func TestRejections_EveryReasonNamesCauseAndRemedy(t *testing.T) {
	met := map[Reason]bool{}
	uncaused := map[Reason]bool{ReasonAmount: true, ReasonCurrency: true, ReasonNoAnomaly: true}
	for _, c := range refusals(t) {
		_, err := c.x.do(c.c)
		r := rejected(t, err)
		met[r.Reason] = true
		require.Equal(t, c.reason, r.Reason, err.Error())
		assert.NotEmpty(t, r.Remedy)
		assert.Equal(t, r.Remedy, r.Hint())
		assert.Equal(t, "o-1", r.OrderID)
		assert.Equal(t, c.x.o.Status, r.Status)
		if !uncaused[r.Reason] {
			assert.NotZero(t, r.Cause.Version, err.Error())
			assert.LessOrEqual(t, r.Cause.Version, c.x.o.Version)
		}
	}
	for _, a := range (Order{}).Actions(Env{Now: opened}) {
		met[ReasonUnknownOrder] = true
		assert.Equal(t, a.Verb == VerbCreate, a.Legal)
		assert.True(t, a.Legal || a.Rejected.Reason == ReasonUnknownOrder, "what is not placed takes nothing but create")
	}
	for reason := ReasonExists; reason <= ReasonContradicts; reason++ {
		assert.True(t, met[reason], "%s refuses nothing here", reason)
	}
}

func TestRejections_AnExpiredAuthorizationNamedAfterItsCapture(t *testing.T) {
	x := placed(t, CaptureManual)
	x.policy.SeveralCaptures = []string{"CARD"}
	x.observe(captured("C1", 100))
	x.observe(Fact{Kind: PaymentAuthorized, Expires: opened.Add(time.Hour)})
	x.later(2 * time.Hour)
	_, err := x.do(Capture{Amount: usd(1)})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonExpired, uint64(3)}, []any{r.Reason, r.Cause.Version})
}

// Actions says beforehand what Decide will say, for every command in every situation of this page.
func TestActions_AgreeWithDecide(t *testing.T) {
	commands := map[Verb]Command{VerbCancel: Cancel{}, VerbCapture: Capture{Amount: usd(1)},
		VerbRefund: Refund{Amount: usd(1)}}
	for _, c := range refusals(t) {
		actions := c.x.o.Actions(c.x.env())
		require.Len(t, actions, len(law.Verbs()))
		for _, a := range actions {
			command, ok := commands[a.Verb]
			if !ok {
				continue
			}
			_, err := Decide(c.x.o, command, c.x.env())
			require.Equal(t, err == nil, a.Legal, "%s: %v", a.Verb, err)
			if err != nil {
				assert.Equal(t, rejected(t, err).Reason, a.Rejected.Reason)
				assert.Equal(t, rejected(t, err).Cause, a.Rejected.Cause)
			}
			if a.Legal && a.Verb != VerbCancel {
				most := map[Verb]Command{VerbCapture: Capture{Amount: a.Max}, VerbRefund: Refund{Amount: a.Max}}[a.Verb]
				_, err := Decide(c.x.o, most, c.x.env())
				require.NoError(t, err, "the most it may be given with")
			}
		}
	}
	x := in(t, Cancelled)
	x.observe(authorized())
	for _, a := range x.o.Actions(x.env()) {
		assert.Equal(t, a.Verb == VerbCancel || a.Verb == VerbClearAnomaly, a.Legal, a.Verb.String())
	}
}

// Read testdata/rejections.txt aloud: it is what people get to see. Rewrite it with -update.
func TestRejections_ReadAloud(t *testing.T) {
	var b strings.Builder
	for _, c := range refusals(t) {
		_, err := c.x.do(c.c)
		fmt.Fprintf(&b, "%s\n    %v\n", rejected(t, err).Reason, err)
	}
	b.WriteString("\n# where neither time nor id is known\n")
	for reason := ReasonExists; reason <= ReasonContradicts; reason++ {
		e := &RejectedError{OrderID: "o-1", Command: VerbCancel, Reason: reason, Remedy: reason.Remedy()}
		fmt.Fprintf(&b, "%s\n    %v\n", reason, e)
	}
	const path = "testdata/rejections.txt"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
	for line := range strings.Lines(b.String()) {
		text := strings.TrimSpace(line)
		assert.NotContains(t, text, "  ", "double space")
		for _, bad := range []string{" ;", " ,", " (,", "since;", "since (", "was;", "%C", "..", "; ;", "Orders.",
			"Override", "{"} {
			assert.NotContains(t, text, bad)
		}
	}
}
