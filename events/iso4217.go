package events

import "strings"

// The active national currencies of ISO 4217, list one, as published by its maintenance agency SIX (state of January
// 2026), by the number of decimals of their minor unit, and the two units of account with four. Other codes of funds, and
// those of metals and tests, are left out: nobody pays in them. Tables elsewhere follow CLDR, which gives the decimals people write, not those banks count (IDR, COP, PKR …).
const (
	decimals0 = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF "
	decimals2 = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC" +
		" CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES" +
		" KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR" +
		" NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT" +
		" TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "
	decimals3 = " BHD IQD JOD KWD LYD OMR TND "
	decimals4 = " CLF UYW "
)

// Digits returns how many decimals a currency's minor unit stands for; known is false for a code that is not in ISO
// 4217. Cost: a search in a constant, no allocation.
func Digits(code string) (digits int, known bool) {
	if len(code) != 3 || strings.Contains(code, " ") {
		return 0, false
	}
	for _, row := range [...]struct {
		codes  string
		digits int
	}{{decimals2, 2}, {decimals0, 0}, {decimals3, 3}, {decimals4, 4}} {
		if i := strings.Index(row.codes, code); i > 0 && row.codes[i-1] == ' ' && row.codes[i+3] == ' ' {
			return row.digits, true
		}
	}
	return 0, false
}
