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

// letters are of what a code is made, and codeLen is how many.
const (
	letters = 'Z' - 'A' + 1
	codeLen = 3
)

// digits is how many decimals each code of three capitals has, and one more; 0 for what is none.
var digits = func() (table [letters * letters * letters]uint8) {
	for n, codes := range [...]string{decimals0, decimals2, decimals3, decimals4} {
		for code := range strings.FieldsSeq(codes) {
			at, _ := placeOf(code)
			table[at] = [...]uint8{0, 2, 3, 4}[n] + 1
		}
	}
	return table
}()

// placeOf is a code's place in a table of all there could be.
func placeOf(code string) (at int, ok bool) {
	if len(code) != codeLen {
		return 0, false
	}
	for i := range codeLen {
		c := code[i]
		if c < 'A' || c > 'Z' {
			return 0, false
		}
		at = at*letters + int(c-'A')
	}
	return at, true
}

// Digits returns how many decimals a currency's minor unit stands for; known is false for a code that is not in ISO
// 4217. Cost: a look into a table, no allocation.
func Digits(code string) (decimals int, known bool) {
	at, ok := placeOf(code)
	if !ok || digits[at] == 0 {
		return 0, false
	}
	return int(digits[at]) - 1, true
}
