package rooms_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/reports"
	"github.com/tilltape/tilltape/money"
)

// Each form is written in the one spelling of docs/reference/json.md, and read back as it was.
func TestFormsOfTimesStretchesAndMoney(t *testing.T) {
	type all struct {
		At   reports.Time    `json:"at,omitzero"`
		For  reports.Seconds `json:"for,omitzero"`
		Sum  reports.Money   `json:"sum"`
		None reports.Time    `json:"none,omitzero"`
	}
	was := all{At: reports.Time{Time: time.Date(2026, 11, 30, 9, 0, 0, 50, time.UTC)},
		For: reports.Seconds(36*time.Hour + 5),
		Sum: reports.MoneyOf(money.Amount{Minor: -5, Currency: "USD"})}
	text, err := json.Marshal(was)
	require.NoError(t, err)
	assert.JSONEq(t, `{"at":"2026-11-30T09:00:00.000000050Z","for":"129600.000000005",
		"sum":{"currency":"USD","minor":"-5","value":"-0.05"}}`, string(text))
	var read all
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, was, read)
	assert.Equal(t, money.Amount{Minor: -5, Currency: "USD"}, read.Sum.Amount())

	zone, err := json.Marshal(reports.Time{Time: was.At.In(time.FixedZone("", 8*3600))})
	require.NoError(t, err)
	assert.JSONEq(t, `"2026-11-30T09:00:00.000000050Z"`, string(zone), "in UTC")
	unknown, err := json.Marshal(reports.MoneyOf(money.Amount{Minor: 5, Currency: "XQQ"}))
	require.NoError(t, err)
	assert.JSONEq(t, `{"currency":"XQQ","minor":"5"}`, string(unknown), "nobody knows how many decimals it has")
	for _, bad := range []string{`{"at":"yesterday"}`, `{"at":1}`, `{"for":"1h"}`, `{"for":1}`, `{"sum":{"minor":5}}`} {
		assert.Error(t, json.Unmarshal([]byte(bad), &read), bad)
	}
}
