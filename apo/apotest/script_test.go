package apotest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/apo/apotest"
)

func TestParseScript(t *testing.T) {
	want := []apotest.Fault{
		{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided},
		{Op: apotest.OpCancel, From: 2, To: 3, Do: apotest.Timeout, After: true, For: "pay-1"},
		{Op: apotest.AnyOp, Do: apotest.HTTPError, HTTPStatus: 503},
		{Op: apotest.OpCapture, From: 1, Do: apotest.Refuse, Code: "PROCESS_FAIL"},
		{Op: apotest.OpRefund, From: 4, Do: apotest.Delay, Delay: 2 * time.Second},
		{Op: apotest.OpNotifyRefund, From: 1, Do: apotest.Duplicate, Times: 2},
	}
	text, err := apotest.ParseScript([]byte(`
# the whole line
cancel 1 unknown            # the rest of one
	cancel  2-3 timeout after for pay-1
* * status 503 before
capture 1 fail PROCESS_FAIL
refund 4 delay 2s
notifyRefund 1 duplicate 2
`))
	require.NoError(t, err)
	assert.Equal(t, want, text)
	asJSON, err := apotest.ParseScript([]byte(`
[{"op": "cancel", "calls": "1", "do": "unknown"},
 {"op": "cancel", "calls": "2-3", "do": "timeout after", "for": "pay-1"},
 {"op": "*", "do": "status 503"},
 {"op": "capture", "calls": "1", "do": "fail PROCESS_FAIL"},
 {"op": "refund", "calls": "4", "do": "delay 2s"},
 {"op": "notifyRefund", "calls": "1", "do": "duplicate 2"}]`))
	require.NoError(t, err)
	assert.Equal(t, want, asJSON)
	none, err := apotest.ParseScript([]byte("# nothing\n"))
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestParseScriptNamesTheLine(t *testing.T) {
	for _, line := range []string{
		"cancel", "cancel 1", "cancle 1 unknown", "cancel 0 unknown", "cancel 3-2 unknown", "cancel x unknown",
		"cancel 1- unknown",
		"cancel 1 explode", "cancel 1 fail", "cancel 1 fail lower", "cancel 1 status", "cancel 1 status 200",
		"cancel 1 status x",
		"cancel 1 delay", "cancel 1 delay -1s", "cancel 1 delay 25h", "cancel 1 cut 5", "cancel 1 unsigned after",
		"cancel 1 in-process",
		"cancel 1 duplicate", "cancel 1 unknown A B", "cancel 1 unknown for", "notifyRefund 1 timeout",
		"notifyRefund 1 duplicate 101",
		"notifyRefund 1 duplicate -1", "cancel 1 unknown for " + strings.Repeat("x", 65),
	} {
		_, err := apotest.ParseScript([]byte("cancel 1 unknown\n" + line + "\n"))
		require.ErrorIs(t, err, apotest.ErrScript, line)
		assert.Contains(t, err.Error(), "line 2", line)
	}
	for text, names := range map[string]string{
		`[{"op":"cancel","do":"explode"}]`:                  "entry 1",
		`[{"op":"cancel","when":"1","do":"unknown"}]`:       "when",
		`[{"op":"cancel","do":"unknown"}] cancel 1 unknown`: "follows",
		`[`:                             "JSON",
		strings.Repeat("# x\n", 300000): "bytes",
	} {
		_, err := apotest.ParseScript([]byte(text))
		require.ErrorIs(t, err, apotest.ErrScript)
		assert.Contains(t, err.Error(), names)
	}
}

func TestFaultsReadBackAsWritten(t *testing.T) {
	ops := []apotest.Op{
		apotest.OpPay, apotest.OpCancel, apotest.OpCapture, apotest.OpRefund, apotest.OpInquirePayment,
		apotest.OpInquireRefund,
		apotest.AnyOp,
	}
	dos := []apotest.Do{
		apotest.Undecided, apotest.Timeout, apotest.Cut, apotest.HTTPError, apotest.Refuse, apotest.Delay, apotest.Truncated,
	}
	rapid.Check(t, func(t *rapid.T) {
		f := apotest.Fault{Op: rapid.SampledFrom(ops).Draw(t, "op"), From: rapid.IntRange(0, 5).Draw(t, "from")}
		if f.From > 0 && rapid.Bool().Draw(t, "ranged") {
			f.To = f.From + rapid.IntRange(1, 5).Draw(t, "more")
		}
		if rapid.Bool().Draw(t, "named") {
			f.For = rapid.StringMatching(`[a-z0-9/_-]{1,64}`).Draw(t, "for")
		}
		f.Do = rapid.SampledFrom(dos).Draw(t, "do")
		switch f.Do {
		case apotest.HTTPError:
			f.HTTPStatus = rapid.IntRange(300, 599).Draw(t, "status")
		case apotest.Refuse:
			f.Code = "PROCESS_FAIL"
		case apotest.Delay:
			f.Delay = time.Duration(rapid.IntRange(1, 9999).Draw(t, "ms")) * time.Millisecond
		}
		if f.Do == apotest.Undecided || f.Do == apotest.Cut {
			f.After = rapid.Bool().Draw(t, "after")
		}
		back, err := apotest.ParseScript([]byte(f.String()))
		require.NoError(t, err, f.String())
		require.Equal(t, []apotest.Fault{f}, back)
	})
}

func FuzzParseScript(f *testing.F) {
	f.Add([]byte("cancel 1 unknown # x\nnotifyRefund * duplicate 2"))
	f.Add([]byte(`[{"op":"cancel","calls":"2-3","do":"timeout after","for":"a"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		faults, err := apotest.ParseScript(text)
		if err != nil {
			require.ErrorIs(t, err, apotest.ErrScript)
			return
		}
		for _, fault := range faults {
			back, err := apotest.ParseScript([]byte(fault.String()))
			require.NoError(t, err, fault.String())
			require.Equal(t, []apotest.Fault{fault}, back)
		}
	})
}
