// Package money is the one type for money: a count of minor units and an ISO 4217 code, written one way everywhere.
//
//	price := money.Amount{Minor: 1050, Currency: "EUR"}
//	fmt.Println(price) // EUR 10.50
//
// Packages events, order and apo call it by the names of their fields; all of these are this type. Sums are checked for
// overflow, and no float is ever involved.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Amount is an amount in minor units (cents, yen) of an ISO 4217 currency. The zero value is no money in no currency.
// It is a plain value; == compares it.
type Amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

// The sentinels that this package's errors wrap.
var (
	// ErrCurrency: a code that is not in ISO 4217, or two amounts of different currencies.
	ErrCurrency = errors.New("unusable currency")
	// ErrAmount: a text that is no amount.
	ErrAmount = errors.New("unusable amount")
	// ErrOverflow: a sum that 64 bits cannot hold.
	ErrOverflow = errors.New("amount out of range")
)

// New returns an amount of minor units. The error wraps [ErrCurrency] for a code that is not in ISO 4217.
func New(minor int64, currency string) (Amount, error) {
	if err := CheckCurrency(currency); err != nil {
		return Amount{}, err
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

// Parse reads what [Amount.String] writes: "USD 10.00", "JPY 1000", "USD -0.05". The decimals must be exactly as many
// as the currency has, so that nobody's cents are guessed. Errors wrap [ErrCurrency], [ErrAmount] or [ErrOverflow].
func Parse(text string) (Amount, error) {
	currency, number, _ := strings.Cut(text, " ")
	digits, known := Digits(currency)
	if !known {
		return Amount{}, CheckCurrency(currency)
	}
	bad := func() (Amount, error) {
		return Amount{}, fmt.Errorf("%w %.60q: write it like %q", ErrAmount, text, Amount{Minor: 1000, Currency: currency})
	}
	unsigned, negative := strings.CutPrefix(number, "-")
	whole, fraction, dotted := strings.Cut(unsigned, ".")
	if len(fraction) != digits || dotted != (digits > 0) || !decimal(whole) || fraction != "" && !decimal(fraction) ||
		len(whole) > 1 && whole[0] == '0' {
		return bad()
	}
	value := whole + fraction
	if negative {
		value = "-" + value
	}
	minor, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return Amount{}, fmt.Errorf("%w: %.60q: 64 bits of minor units cannot hold it", ErrOverflow, text)
	case negative && minor == 0:
		return bad()
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

func decimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// String is the amount with its currency's decimals: "USD 10.00", "JPY 1000". Where the currency is not in ISO 4217 it
// counts minor units: "1000 minor units of ?".
func (m Amount) String() string {
	b, known := m.AppendDecimal(append(append(make([]byte, 0, decimalRoom), m.Currency...), ' '))
	if !known {
		if m == (Amount{}) {
			return "no money"
		}
		return fmt.Sprintf("%d minor units of %q", m.Minor, m.Currency)
	}
	return string(b)
}

// decimalRoom is what a code, a space and the longest decimal take.
const decimalRoom = 32

// AppendDecimal appends the amount's number alone, with its currency's decimals: "10.00", "1000", "-0.05". known is
// false, and dst as it was, where the currency is not in ISO 4217: nobody can say how many decimals it has. Cost: no
// allocation where dst has room.
func (m Amount) AppendDecimal(dst []byte) (b []byte, known bool) {
	decimals, known := Digits(m.Currency)
	if !known {
		return dst, false
	}
	if m.Minor < 0 {
		dst = append(dst, '-')
	}
	var room [decimalRoom]byte
	number := strconv.AppendUint(room[:0], magnitude(m.Minor), 10)
	whole := len(number) - decimals
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, number[:whole]...)
	}
	if decimals == 0 {
		return dst, true
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, number[whole:]...), true
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// IsZero reports whether it is no money, in whichever currency.
func (m Amount) IsZero() bool { return m.Minor == 0 }

// Add returns the sum. Errors wrap [ErrCurrency] for two currencies and [ErrOverflow].
func (m Amount) Add(other Amount) (Amount, error) {
	if err := m.same(other); err != nil {
		return Amount{}, err
	}
	if other.Minor > 0 && m.Minor > math.MaxInt64-other.Minor || other.Minor < 0 && m.Minor < math.MinInt64-other.Minor {
		return Amount{}, fmt.Errorf("%w: %s + %s: 64 bits of minor units cannot hold it", ErrOverflow, m, other)
	}
	return Amount{Minor: m.Minor + other.Minor, Currency: m.Currency}, nil
}

// Sub returns the difference. Errors as for [Amount.Add].
func (m Amount) Sub(other Amount) (Amount, error) {
	if err := m.same(other); err != nil {
		return Amount{}, err
	}
	if other.Minor < 0 && m.Minor > math.MaxInt64+other.Minor || other.Minor > 0 && m.Minor < math.MinInt64+other.Minor {
		return Amount{}, fmt.Errorf("%w: %s - %s: 64 bits of minor units cannot hold it", ErrOverflow, m, other)
	}
	return Amount{Minor: m.Minor - other.Minor, Currency: m.Currency}, nil
}

func (m Amount) same(other Amount) error {
	if m.Currency != other.Currency {
		return fmt.Errorf("%w: %s and %s are of two; convert one first", ErrCurrency, m, other)
	}
	return nil
}

// CheckCurrency says whether a code is in ISO 4217. The error wraps [ErrCurrency].
func CheckCurrency(code string) error {
	if _, known := Digits(code); known {
		return nil
	}
	return fmt.Errorf("%w %.20q: give an ISO 4217 code in capitals, for instance USD", ErrCurrency, code)
}
