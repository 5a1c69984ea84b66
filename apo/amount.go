package apo

import (
	"fmt"
	"strconv"

	"github.com/tilltape/tilltape/money"
)

// minorDigitsMax is the length of the longest int64 in decimal.
const minorDigitsMax = 19

// Amount is the amount in a request or an answer. It is [money.Amount]; on the wire its value is a decimal string.
type Amount = money.Amount

// unsaid reports an amount that a message does not have: neither currency nor value.
func unsaid(a Amount) bool { return a == Amount{} }

// checkAmount refuses what no request may carry.
func checkAmount(a Amount) error {
	if !isCurrency(a.Currency) {
		return fmt.Errorf("has currency %q, which is no ISO 4217 code in capitals", clip(a.Currency, currencyLength))
	}
	if a.Minor <= 0 {
		return fmt.Errorf("is %s, and has to be more than zero", a)
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
