package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/reconcile"
)

// An auditor with a backup asks APO, over HTTP: a refund that was made in its dashboard shows, what fits does not, and
// neither the backup nor APO's books change, also where a service would have sent a call again.
func TestReconcileHoldsALogAgainstAPO(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	d, err := newDemoOf(terminal{out: io.Discard, err: io.Discard}, filepath.Join(dir, "orders.tilltape"), nil)
	require.NoError(t, err)
	defer d.close()
	for _, id := range []string{"o-1", "o-2"} {
		_, err = d.authorized(ctx, id, order.CaptureManual)
		require.NoError(t, err)
		_, err = d.captured(ctx, id)
		require.NoError(t, err)
	}
	require.NoError(t, d.unsure(ctx, "o-3", apotest.Fault{Do: apotest.Cut})) // APO never heard of that cancel
	_, err = d.apo.DashboardRefund("pay-o-2", demoAmount/4)
	require.NoError(t, err)
	copied := filepath.Join(dir, "copy.tilltape")
	require.NoError(t, d.log.Backup(ctx, copied, nil))
	keys := filepath.Join(dir, "keys")
	require.NoError(t, d.apo.WriteKeys(keys))
	before, err := os.ReadFile(copied)
	require.NoError(t, err)
	acted := d.apo.Count(apotest.OpCancel, apotest.OpCapture, apotest.OpRefund)
	asked := d.apo.Count(apotest.OpInquirePayment)

	for name, value := range reaching(d.apo, keys) {
		t.Setenv(name, value)
	}
	month := []string{"reconcile", copied, "--from", "2026-11-01", "--until", "2026-12-01"}
	code, out, errs := asks(t, month...)
	require.Equal(t, exitOpen, code, errs)
	assert.Contains(t, out, "3 orders: 2 as APO says, 1 differ, 0 unanswered.")
	assert.Regexp(t, `(?m)^o-2 .*refund\.succeeded .*25\.00`, out)
	assert.NotContains(t, out, "booked now", "nothing is booked by looking")

	code, out, errs = asks(t, append(month, "-o", "json")...)
	require.Equal(t, exitOpen, code, errs)
	var report reconcile.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.True(t, report.Whole)
	require.Len(t, report.Lines, 1)
	assert.Equal(t, order.Money{Minor: demoAmount / 4, Currency: "USD"}, report.Lines[0].Differences[0].Amount)

	resumed := filepath.Join(dir, "report.json")
	require.NoError(t, os.WriteFile(resumed, []byte(out), 0o600))
	so := d.apo.Count(apotest.OpInquirePayment)
	code, _, errs = asks(t, append(month, "--resume", resumed)...)
	require.Equal(t, exitOpen, code, errs)
	assert.Equal(t, so, d.apo.Count(apotest.OpInquirePayment), "a report that is whole asks nobody again")

	code, out, errs = asks(t, append(month, "-o", "csv")...)
	require.Equal(t, exitOpen, code, errs)
	assert.True(t, strings.HasPrefix(out, "order,outcome,status,fact,id,currency,amount,"), out)

	exported := filepath.Join(dir, "orders.jsonl")
	code, _, errs = execute(t, "export", copied, exported)
	require.Equal(t, exitOK, code, errs)
	code, fromExport, errs := asks(t, "reconcile", exported, "--from", "2026-11-01", "--until", "2026-12-01", "-o", "csv")
	require.Equal(t, exitOpen, code, errs)
	assert.Equal(t, out, fromExport, "an export is as good")

	after, err := os.ReadFile(copied)
	require.NoError(t, err)
	assert.Equal(t, before, after, "the log is as it was")
	assert.Equal(t, acted, d.apo.Count(apotest.OpCancel, apotest.OpCapture, apotest.OpRefund), "nothing but inquiries")
	assert.Greater(t, d.apo.Count(apotest.OpInquirePayment), asked)
	reachesAs(t, copied)
	require.NoError(t, d.apo.Close())
	code, out, _ = asks(t, month...)
	assert.Equal(t, exitOpen, code)
	assert.Contains(t, out, "3 unanswered")
}

// reachesAs asks about spans in which no order began, with more and less before them.
func reachesAs(t *testing.T, log string) {
	t.Helper()
	code, out, errs := asks(t, "reconcile", log, "--from", "2025-11-01", "--until", "2025-12-01")
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "0 orders")
	later := []string{"reconcile", log, "--from", "2027-11-01", "--until", "2027-12-01"}
	code, out, errs = asks(t, later...)
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "0 orders")
	code, out, _ = asks(t, append(later, "--reach", "366")...)
	assert.Equal(t, exitOpen, code)
	assert.NotContains(t, out, "0 orders", "what was silent before the span is asked about too")
	code, _, errs = asks(t, append(later, "--reach", "-1")...)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "--reach")
}

// askedAt keeps what is printed, with how many inquiries APO had been asked by then.
type askedAt struct {
	bytes.Buffer
	apo    *apotest.Server
	writes []int
}

func (a *askedAt) Write(b []byte) (int, error) {
	a.writes = append(a.writes, a.apo.Count(apotest.OpInquirePayment))
	return a.Buffer.Write(b)
}

// The first row is printed before the last order is asked about, and the code at the end is the same in every form.
func TestReconcilePrintsWhatItFindsAsItFindsIt(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	d, err := newDemoOf(terminal{out: io.Discard, err: io.Discard}, filepath.Join(dir, "orders.tilltape"), nil)
	require.NoError(t, err)
	defer d.close()
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		_, err = d.authorized(ctx, id, order.CaptureManual)
		require.NoError(t, err)
		_, err = d.captured(ctx, id)
		require.NoError(t, err)
	}
	for _, id := range []string{"o-1", "o-2", "o-3"} { // at APO alone: nobody hears of it
		_, err = d.apo.DashboardRefund("pay-"+id, demoAmount/4)
		require.NoError(t, err)
	}
	copied := filepath.Join(dir, "copy.tilltape")
	require.NoError(t, d.log.Backup(ctx, copied, nil))
	keys := filepath.Join(dir, "keys")
	require.NoError(t, d.apo.WriteKeys(keys))
	for name, value := range reaching(d.apo, keys) {
		t.Setenv(name, value)
	}
	for format, first := range map[string]string{formatText: "ORDER ", formatCSV: "order,",
		formatJSONL: `{"order":"o-1",`} {
		before := d.apo.Count(apotest.OpInquirePayment)
		out, errs := &askedAt{apo: d.apo}, bytes.Buffer{}
		code := run(ctx, []string{"reconcile", copied, "--from", "2026-11-01", "--until", "2026-12-01", "-o", format},
			terminal{out: out, err: &errs, env: os.Getenv})
		assert.Equal(t, exitOpen, code, errs.String())
		assert.True(t, strings.HasPrefix(out.String(), first), out.String())
		require.GreaterOrEqual(t, len(out.writes), 3)
		for row := range 3 {
			assert.Equal(t, before+row+1, out.writes[row], "row %d, -o %s", row, format)
		}
		assert.Equal(t, 1, strings.Count(out.String(), "o-3"), format)
	}
}

// A disk that is full ends it: nobody is asked about for a row that nobody gets, and it is told once.
func TestReconcileThatCannotPrintEnds(t *testing.T) {
	aDay(t)
	for name, value := range anAPO(t) {
		t.Setenv(name, value)
	}
	for _, format := range []string{formatText, formatCSV, formatJSONL, formatJSON} {
		var errs bytes.Buffer
		code := run(t.Context(), []string{"reconcile", dayLog, "--from", "2026-11-01", "--until", "2026-12-01", "-o", format},
			terminal{out: fullDisk{}, err: &errs, env: os.Getenv})
		assert.Equal(t, exitFailure, code, format)
		assert.Equal(t, 1, strings.Count(errs.String(), "no space left on device"), errs.String())
	}
}

// reaching are the variables by which reconcile reaches an APO whose keys are in that directory.
func reaching(s *apotest.Server, keys string) map[string]string {
	return map[string]string{"TILLTAPE_APO": s.URL(), "TILLTAPE_CLIENT": s.ClientID(),
		"TILLTAPE_MERCHANT_KEY": filepath.Join(keys, apotest.MerchantPrivateFile),
		"TILLTAPE_APO_KEY":      filepath.Join(keys, apotest.APOPublicFile), "TILLTAPE_PER_MINUTE": "6000"}
}

// asks is execute with the environment.
func asks(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, terminal{out: &o, err: &e, env: os.Getenv})
	return code, o.String(), e.String()
}

// anAPO is one that knows none of the fixture's orders, in the environment of a test.
func anAPO(t *testing.T) map[string]string {
	t.Helper()
	s, err := apotest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	keys := t.TempDir()
	require.NoError(t, s.WriteKeys(keys))
	return reaching(s, keys)
}
