// Package reports has the JSON of what a verification and a reconciliation found, in the rules of
// docs/reference/json.md. The rooms that make these reports write them by it, and the command line's schema and tables
// are made of it.
package reports

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/money"
)

// stamp is how a time is written: in UTC, with nine decimals, always as long.
const stamp = "2006-01-02T15:04:05.000000000Z"

// Time is a time; one that is not set is left out by omitzero.
type Time struct{ time.Time }

// MarshalJSON writes it in the one form that the page has.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UTC().Format(stamp)) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) (err error) {
	var text string
	if err = json.Unmarshal(b, &text); err == nil {
		t.Time, err = time.Parse(stamp, text)
	}
	return err
}

// Seconds is a stretch of time; none is left out by omitzero.
type Seconds time.Duration

// MarshalJSON writes whole seconds and nine decimals.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(fmt.Sprintf("%d.%09d", time.Duration(s)/time.Second, time.Duration(s)%time.Second))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text + "s")
	*s = Seconds(d)
	return err
}

// Money is an amount: its minor units count, its value is for people and is not there of a currency that ISO 4217 has
// not.
type Money struct {
	Currency string `json:"currency"`
	Minor    int64  `json:"minor,string"`
	Value    string `json:"value,omitempty"`
}

// MoneyOf is an amount's form.
func MoneyOf(m money.Amount) Money {
	form := Money{Currency: m.Currency, Minor: m.Minor}
	if value, known := m.AppendDecimal(nil); known {
		form.Value = string(value)
	}
	return form
}

// Amount is the amount of a form.
func (m Money) Amount() money.Amount { return money.Amount{Minor: m.Minor, Currency: m.Currency} }
