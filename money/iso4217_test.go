package money_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/money"
)

// currencies is ISO 4217's list one a second time, in another order than the table's: by continent. "=n" sets the
// decimals of the codes after it.
const currencies = `
	Europe
	=2 EUR ALL AMD AZN BAM BYN CHF CZK DKK GBP GEL GIP HUF MDL MKD NOK PLN RON RSD RUB SEK TRY UAH
	=0 ISK
	Africa
	=2 AOA BWP CDF CVE DZD EGP ERN ETB GHS GMD KES LRD LSL MAD MGA MRU MUR MWK MZN NAD NGN SCR SDG SHP SLE SOS SSP STN SZL
	   TZS ZAR ZMW ZWG
	=0 BIF DJF GNF KMF RWF UGX XAF XOF
	=3 LYD TND
	America
	=2 ARS AWG BBD BMD BOB BRL BSD BZD CAD COP CRC CUP DOP FKP GTQ GYD HNL HTG JMD KYD MXN NIO PAB PEN SRD SVC TTD USD UYU
	   VED VES XCD XCG
	=0 CLP PYG
	=4 CLF UYW
	Asia
	=2 AED AFN BDT BND BTN CNY HKD IDR ILS INR IRR KGS KHR KPW KZT LAK LBP LKR MMK MNT MOP MVR MYR NPR PHP PKR QAR SAR SGD
	   SYP THB TJS TMT TWD UZS YER
	=0 JPY KRW VND
	=3 BHD IQD JOD KWD OMR
	Oceania
	=2 AUD FJD NZD PGK SBD TOP WST
	=0 VUV XPF`

func listed(t *testing.T) map[string]int {
	t.Helper()
	list, digits := map[string]int{}, -1
	for _, word := range strings.Fields(currencies) {
		switch {
		case word[0] == '=':
			digits = int(word[1] - '0')
		case len(word) == 3:
			assert.NotContains(t, list, word, "typed twice")
			list[word] = digits
		}
	}
	return list
}

// TestDigits compares the table with the list for every combination of three capitals, so that neither may have a code
// that the other has not.
func TestDigits(t *testing.T) {
	list := listed(t)
	require.Greater(t, len(list), 150)
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	found := 0
	for _, a := range letters {
		for _, b := range letters {
			for _, c := range letters {
				code := string([]rune{a, b, c})
				want, active := list[code]
				digits, known := money.Digits(code)
				if active != known || want != digits {
					assert.Fail(t, "table and list differ", "%s: the list says %d, %t; the table %d, %t", code, want, active, digits,
						known)
				}
				if known {
					found++
				}
			}
		}
	}
	assert.Equal(t, len(list), found)
}

// TestDigitsThatOthersGetWrong names what libraries made from CLDR give other decimals for.
func TestDigitsThatOthersGetWrong(t *testing.T) {
	for code, want := range map[string]int{
		"IDR": 2, "IQD": 3, "COP": 2, "PKR": 2, "LAK": 2, "MMK": 2, "IRR": 2, "KPW": 2, "LBP": 2, "SOS": 2, "YER": 2,
		"ALL": 2,
		"BHD": 3, "KWD": 3, "JOD": 3, "OMR": 3, "TND": 3, "LYD": 3,
		"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "UGX": 0, "PYG": 0, "XAF": 0, "XOF": 0, "XPF": 0,
		"CLF": 4, "UYW": 4, "MRU": 2, "MGA": 2, "HUF": 2, "TWD": 2,
	} {
		digits, known := money.Digits(code)
		assert.True(t, known, code)
		assert.Equal(t, want, digits, code)
	}
}

func TestCheckCurrency(t *testing.T) {
	assert.NoError(t, money.CheckCurrency("USD"))
	for what, code := range map[string]string{
		"nothing": "", "small letters": "usd", "a symbol": "$", "a sign of three bytes": "€", "four letters": "USDT",
		"two letters":    "US",
		"a space inside": "U D", "two codes' ends": "D A", "a space before": " US", "a space after": "SD ", "a metal": "XAU",
		"a test code": "XTS",
		"no currency": "XXX", "historic, the lev": "BGN", "historic, the kuna": "HRK", "historic, the guilder": "ANG",
		"historic, Zimbabwe's dollar": "ZWL", "historic, the leone": "SLL", "NUL": "US\x00", "not UTF-8": "\xff\xfe\xfd",
	} {
		err := money.CheckCurrency(code)
		assert.ErrorIs(t, err, money.ErrCurrency, what)
		assert.ErrorContains(t, err, "ISO 4217", what)
	}
	assert.EqualError(t, money.CheckCurrency("usd"),
		`unusable currency "usd": give an ISO 4217 code in capitals, for instance USD`)
	assert.Less(t, len(money.CheckCurrency(strings.Repeat("x", 1<<20)).Error()), 200, "an error stays short")
}

func TestDigitsAllocatesNothing(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if digits, _ := money.Digits("ZWG"); digits != 2 {
			panic("wrong")
		}
	}))
}
