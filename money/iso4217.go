package money

import "strings"

// The currencies that ISO 4217's list one holds as active, as its maintenance agency SIX publishes it, with amendments
// up to number 180 (in force since 2026-01-01: Bulgaria has the euro), by the decimals of their minor unit. Of the
// units of account only the two with four decimals are here, since card schemes quote in them; other funds, metals and
// test codes are left out: nobody pays in them. Tables made from CLDR give the decimals people write, not those that
// banks count, and are wrong for IDR, IQD, COP, PKR and others.
const (
	decimals0 = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF "
	decimals2 = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY" +
		" COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR" +
		" IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD" +
		" NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC" +
		" SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "
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
