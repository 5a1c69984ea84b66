package apo

import (
	"fmt"
	"strconv"
)

// minorDigitsMax is the length of the longest int64 in decimal.
const minorDigitsMax = 19

// Amount is money in minor units of a currency: {JPY 1000} is 1000 yen,
// {USD 1000} ten dollars. On the wire the value is a decimal string.
type Amount struct {
	// Currency is an ISO 4217 code: three capital letters.
	Currency string
	// Minor counts the currency's smallest unit.
	Minor int64
}

// IsZero reports an amount that was not given: neither currency nor value.
func (a Amount) IsZero() bool { return a == Amount{} }

// String writes the amount as "1000 JPY", in minor units.
func (a Amount) String() string { return strconv.FormatInt(a.Minor, 10) + " " + a.Currency }

// check refuses what no request may carry.
func (a Amount) check() error {
	if !isCurrency(a.Currency) {
		return fmt.Errorf("has currency %q", clip(a.Currency, currencyLength))
	}
	if a.Minor <= 0 {
		return fmt.Errorf("is %d", a.Minor)
	}
	return nil
}

const currencyLength = 3

func isCurrency(code string) bool {
	if len(code) != currencyLength {
		return false
	}
	for i := range currencyLength {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return true
}

// parseMinor reads a decimal value: digits alone, so no sign, space, fraction
// or exponent, and nothing beyond int64.
func parseMinor(text string) (int64, bool) {
	if text == "" || len(text) > minorDigitsMax {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	value, err := strconv.ParseInt(text, 10, 64)
	return value, err == nil
}
