package tilltape_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/internal/tests/pages"
	"github.com/tilltape/tilltape/order"
)

// The operators' code is code of the tested Examples, and their figures are the constants.
func TestThePageOfStuckOrdersShowsTestedCodeAndTrueFigures(t *testing.T) {
	text, err := os.ReadFile("docs/operating/stuck-orders.md")
	require.NoError(t, err)
	page := string(text)
	pages.ShowsCode(t, page, "operating_example_test.go", 8)
	list := func(waits []time.Duration) string {
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(waits), " ", ", "), "[]")
	}
	p := order.Policy{}.WithDefaults()
	for field, value := range map[string]any{
		"Lease": p.Lease, "Retries": list(p.Retries), "Waits": list(p.Waits), "Jitter": p.Jitter,
		"ParkAfter": p.ParkAfter, "ParkAccepted": p.ParkAccepted, "Reconciles": list(p.Reconciles),
		"ReconcileFor": p.ReconcileFor, "Margin": p.Margin, "Validity": p.Validity,
		"UnansweredInquiries": p.UnansweredInquiries,
		"Windows":             "none", "SeveralCaptures": "none", "ZeroLastCaptures": "none",
	} {
		assert.Contains(t, page, fmt.Sprintf("\n| `%s` | %v |", field, value))
	}
	for _, figure := range []string{
		fmt.Sprintf("`Config.CallTimeout` (%s), at most %s", tilltape.DefaultCallTimeout, order.LeaseMax),
		fmt.Sprintf("at most %d; `NoJitter`", order.JitterMax),
		fmt.Sprintf("once %d inquiries in a row since", order.DefaultUnansweredInquiries),
		fmt.Sprintf("without APO's word, at most %d |", order.UnansweredInquiriesMax),
		fmt.Sprintf("what is parked (%s), the %s of a fresh inquiry, the %s of silence", order.ParkedEvery,
			order.FreshInquiry, order.SilenceMax),
		fmt.Sprintf("the %d attempts", order.AttemptsMax),
		fmt.Sprintf("each time is at least %s and at most %s where", order.WaitMin, order.WaitMax),
		fmt.Sprintf("looked at so, at most %s;", order.ReconcileForMax),
		fmt.Sprintf("the %d calls that one order", order.CallsPerMinuteMax),
		fmt.Sprintf("first %d refusals", order.RefusalsMax),
		fmt.Sprintf("at most %d s at a time", tilltape.RunPauseMax/time.Second),
		fmt.Sprintf("under way get %d s", tilltape.DefaultGrace/time.Second),
		fmt.Sprintf("%d days after its command (%d days,", order.DefaultParkAfter/(24*time.Hour),
			order.DefaultParkAccepted/(24*time.Hour)),
	} {
		assert.Contains(t, strings.Join(strings.Fields(page), " "), figure)
	}
	for _, reason := range []order.Reason{order.ReasonNotParked, order.ReasonStaleInquiry, order.ReasonContradicts,
		order.ReasonOnlyAPO, order.ReasonNoLateMoney} {
		assert.Contains(t, page, "`"+reason.String()+"`")
	}
}
