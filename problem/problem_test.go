package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/store"
)

var (
	later  = time.Date(2026, 11, 23, 9, 0, 0, 1, time.UTC)
	result = tilltape.Result{CommandID: "c-1", Code: "UNKNOWN_EXCEPTION", AskAgain: later}
)

// secret is what the log's errors quote, and no client may see.
const secret = "/srv/shop/orders.tilltape"

var errLog = errors.New(secret + ": no space left on device")

// written is what a client gets.
func written(t *testing.T, r tilltape.Result, err error) (*httptest.ResponseRecorder, problem.Problem) {
	t.Helper()
	rec := httptest.NewRecorder()
	require.True(t, problem.Write(rec, httptest.NewRequest(http.MethodPost, "/orders/o%2F1/cancel?token=x", nil), r, err))
	var p problem.Problem
	decoder := json.NewDecoder(strings.NewReader(rec.Body.String()))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&p), rec.Body.String())
	assert.Equal(t, rec.Code, p.Status)
	assert.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
	assert.Equal(t, "/orders/o%2F1/cancel", p.Instance, "without what was asked for in the query")
	assert.NotEmpty(t, p.Title)
	assert.NotContains(t, rec.Body.String(), secret)
	return rec, p
}

func TestEachOutcomeHasItsStatus(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/errors.md")
	require.NoError(t, err)
	page := string(text)
	for name, c := range map[string]struct {
		give    error
		status  int
		section string
		retry   string
	}{
		"refused":   {&order.RejectedError{OrderID: "o-1", Remedy: "wait"}, 409, "refused", ""},
		"failed":    {&order.FailedError{OrderID: "o-1", Code: "RISK_REJECT"}, 502, "failed", ""},
		"invalid":   {&order.InvalidError{OrderID: "o-1", Field: "amount", Problem: "is 0"}, 400, "invalid", ""},
		"mismatch":  {&order.MismatchError{OrderID: "o-1", CommandID: "c-1"}, 422, "mismatch", ""},
		"key taken": {&store.KeyTakenError{Key: secret}, 409, "conflict", ""},
		"unknown": {&tilltape.UnresolvedError{OrderID: "o-1", AskAgain: later, Err: errLog}, 202, "unknown",
			"Mon, 23 Nov 2026 09:00:01 GMT"},
		"in doubt":     {fmt.Errorf("%w: %w", tilltape.ErrInDoubt, errLog), 503, "in-doubt", "1"},
		"no order":     {fmt.Errorf("order o-1: %w", order.ErrUnknownOrder), 404, "not-found", ""},
		"contended":    {tilltape.ErrContended, 503, "unavailable", "1"},
		"not due":      {order.ErrNotDue, 503, "unavailable", "1"},
		"closed":       {tilltape.ErrClosed, 503, "unavailable", "1"},
		"log is away":  {fmt.Errorf("%w: %w", store.ErrUnavailable, errLog), 503, "unavailable", "1"},
		"gone":         {context.Canceled, 503, "unavailable", "1"},
		"full":         {fmt.Errorf("%w: %w", store.ErrFull, errLog), 500, "broken", ""},
		"nobody's":     {errLog, 500, "broken", ""},
		"too large":    {fmt.Errorf("%w: %w", store.ErrInvalid, errLog), 400, "invalid", ""},
		"not verified": {tilltape.ErrUnverified, 400, "invalid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec, p := written(t, tilltape.Result{CommandID: "c-1"}, c.give)
			assert.Equal(t, c.status, rec.Code)
			assert.Equal(t, c.status, problem.Status(tilltape.Result{}, c.give))
			assert.Equal(t, problem.TypeBase+c.section, p.Type)
			assert.True(t, strings.Contains(page, "\n### "+strings.ReplaceAll(c.section, "-", " ")+"\n"),
				"the type leads somewhere")
			assert.Equal(t, c.retry, rec.Header().Get("Retry-After"))
			assert.NotEmpty(t, p.Remedy)
		})
	}
}

func TestWhatIsTold(t *testing.T) {
	_, p := written(t, result, &order.RejectedError{OrderID: "o-1", Command: order.VerbCancel,
		Reason: order.ReasonGatewayCapture, LegalAt: later, Remedy: "wait for it"})
	assert.Equal(t, "gateway-capture", p.Reason)
	assert.Equal(t, "wait for it", p.Remedy)
	assert.Equal(t, later, p.LegalAt)
	assert.Contains(t, p.Detail, "order o-1: cancel rejected")

	_, p = written(t, tilltape.Result{}, &tilltape.UnresolvedError{OrderID: "o-1", Command: order.VerbCancel,
		CommandID: "c-1", Phase: order.Unresolved, Attempts: 2, Code: "UNKNOWN_EXCEPTION", AskAgain: later, Err: errLog})
	assert.Equal(t, "c-1", p.CommandID, "also where the result is not at hand")
	assert.Equal(t, "UNKNOWN_EXCEPTION", p.Code)
	assert.Equal(t, later, p.AskAgain)
	assert.Contains(t, p.Detail, "after 2 attempts")

	_, p = written(t, tilltape.Result{CommandID: "c-1"}, tilltape.ErrInDoubt)
	assert.Equal(t, "c-1", p.CommandID, "what to give it again under")
	assert.Contains(t, p.Remedy, "same id")

	rec, p := written(t, result, errLog)
	assert.Equal(t, problem.Problem{Type: problem.TypeBase + "broken", Title: "Internal error", Status: 500,
		Instance: p.Instance, Remedy: "it is in the service's log"}, p)
	assert.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
}

func TestWhatIsNoProblemIsLeftToTheCaller(t *testing.T) {
	rec := httptest.NewRecorder()
	done := tilltape.Result{Outcome: tilltape.Done}
	assert.False(t, problem.Write(rec, nil, done, nil))
	assert.Empty(t, rec.Header())
	assert.Equal(t, 200, problem.Status(done, nil))
	assert.Equal(t, 200, problem.Status(tilltape.Result{}, nil), "of a read")

	accepted := tilltape.Result{Outcome: tilltape.Accepted, AskAgain: later}
	assert.False(t, problem.Write(rec, nil, accepted, nil))
	assert.Equal(t, 202, problem.Status(accepted, nil))
	assert.Equal(t, http.Header{"Retry-After": {"Mon, 23 Nov 2026 09:00:01 GMT"}}, rec.Header(), "not before it is asked")
	assert.Zero(t, rec.Body.Len())
}

func ExampleWrite() {
	var orders *tilltape.Orders
	_ = func(w http.ResponseWriter, r *http.Request) {
		result, err := orders.Cancel(r.Context(), r.PathValue("id"), order.Cancel{CommandID: r.Header.Get("Idempotency-Key")})
		if problem.Write(w, r, result, err) {
			return
		}
		w.WriteHeader(problem.Status(result, err))
		fmt.Fprintln(w, result.Order.Words())
	}

	rec := httptest.NewRecorder()
	problem.Write(rec, nil, tilltape.Result{CommandID: "cancel-1"}, &order.RejectedError{OrderID: "o-1",
		Command: order.VerbCancel, Reason: order.ReasonCaptured, Cause: order.Cause{ID: "c-7"}, Remedy: "refund instead"})
	fmt.Print(rec.Code, " ", rec.Body)
	// Output:
	// 409 {
	//   "type": "https://github.com/tilltape/tilltape/blob/main/docs/reference/errors.md#refused",
	//   "title": "Refused",
	//   "status": 409,
	//   "detail": "order o-1: cancel rejected: captured by capture c-7; refund instead",
	//   "reason": "captured",
	//   "remedy": "refund instead",
	//   "commandId": "cancel-1"
	// }
}

// A remedy reaches who calls over HTTP: it names commands, and nothing of this library's.
func TestNoRemedySpeaksOfGo(t *testing.T) {
	texts := []string{(&tilltape.UnresolvedError{Phase: order.Unresolved}).Error(),
		(&tilltape.UnresolvedError{Phase: order.Accepted}).Error()}
	for r := order.ReasonExists; r.String() != "unknown"; r++ {
		texts = append(texts, r.Remedy(), (&order.RejectedError{Reason: r, Remedy: r.Remedy()}).Error())
	}
	for _, text := range texts {
		assert.NotRegexp(t, `Orders\.|Override|Resolve\b|\{|\bnil\b`, text)
	}
}
