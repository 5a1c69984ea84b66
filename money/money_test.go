package money_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/money"
)

func ExampleAmount() {
	price, err := money.New(12345, "USD")
	if err != nil {
		fmt.Println(err)
		return
	}
	shipping, err := money.Parse("USD 4.99")
	if err != nil {
		fmt.Println(err)
		return
	}
	total, err := price.Add(shipping)
	fmt.Println(total, err)

	_, err = total.Sub(money.Amount{Minor: 1000, Currency: "JPY"})
	fmt.Println(err)
	// Output:
	// USD 128.44 <nil>
	// unusable currency: USD 128.44 and JPY 1000 are of two; convert one first
}

func ExampleParse() {
	for _, text := range []string{"JPY 1000", "KWD 1.500", "USD 10", "usd 10.00"} {
		m, err := money.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(m.Minor, m.Currency)
	}
	// Output:
	// 1000 JPY
	// 1500 KWD
	// unusable amount "USD 10": write it like "USD 10.00"
	// unusable currency "usd": give an ISO 4217 code in capitals, for instance USD
}

func TestMoneyString(t *testing.T) {
	for want, m := range map[string]money.Amount{
		"USD 10.00":                      {Minor: 1000, Currency: "USD"},
		"USD 0.00":                       {Currency: "USD"},
		"USD 0.05":                       {Minor: 5, Currency: "USD"},
		"USD -0.05":                      {Minor: -5, Currency: "USD"},
		"USD -10.50":                     {Minor: -1050, Currency: "USD"},
		"JPY 1000":                       {Minor: 1000, Currency: "JPY"},
		"JPY 0":                          {Currency: "JPY"},
		"JPY -7":                         {Minor: -7, Currency: "JPY"},
		"IDR 1500000.00":                 {Minor: 150_000_000, Currency: "IDR"},
		"KWD 0.001":                      {Minor: 1, Currency: "KWD"},
		"CLF 1.2345":                     {Minor: 12345, Currency: "CLF"},
		"USD 92233720368547758.07":       {Minor: math.MaxInt64, Currency: "USD"},
		"USD -92233720368547758.08":      {Minor: math.MinInt64, Currency: "USD"},
		"no money":                       {},
		`1000 minor units of "BTC"`:      {Minor: 1000, Currency: "BTC"},
		`5 minor units of ""`:            {Minor: 5},
		`1 minor units of "a\nb\x00\"c"`: {Minor: 1, Currency: "a\nb\x00\"c"},
	} {
		assert.Equal(t, want, m.String())
	}
}

func TestNewMoney(t *testing.T) {
	for _, minor := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		m, err := money.New(minor, "EUR")
		require.NoError(t, err)
		assert.Equal(t, money.Amount{Minor: minor, Currency: "EUR"}, m)
		assert.Equal(t, minor == 0, m.IsZero())
	}
	m, err := money.New(1, "eur")
	assert.ErrorIs(t, err, money.ErrCurrency)
	assert.Equal(t, money.Amount{}, m)
}

func TestParseMoney(t *testing.T) {
	for text, want := range map[string]money.Amount{
		"USD 10.00":                 {Minor: 1000, Currency: "USD"},
		"USD 0.00":                  {Currency: "USD"},
		"USD -0.01":                 {Minor: -1, Currency: "USD"},
		"JPY 0":                     {Currency: "JPY"},
		"USD -92233720368547758.08": {Minor: math.MinInt64, Currency: "USD"},
	} {
		m, err := money.Parse(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, m, text)
	}
	for text, sentinel := range map[string]error{
		"":                          money.ErrCurrency,
		"10.00":                     money.ErrCurrency,
		"$10.00":                    money.ErrCurrency,
		"USDT 1.00":                 money.ErrCurrency,
		" USD 1.00":                 money.ErrCurrency,
		"USD":                       money.ErrAmount,
		"USD ":                      money.ErrAmount,
		"USD 10":                    money.ErrAmount, // ten dollars or ten cents?
		"USD 10.0":                  money.ErrAmount,
		"USD 10.000":                money.ErrAmount,
		"USD 10,00":                 money.ErrAmount,
		"USD .50":                   money.ErrAmount,
		"USD 1.":                    money.ErrAmount,
		"USD 1.-5":                  money.ErrAmount,
		"USD 1.5 ":                  money.ErrAmount,
		"USD +1.00":                 money.ErrAmount,
		"USD --1.00":                money.ErrAmount,
		"USD -0.00":                 money.ErrAmount, // one amount, one text
		"USD 01.00":                 money.ErrAmount,
		"USD 00.00":                 money.ErrAmount,
		"USD 1e2":                   money.ErrAmount,
		"USD 1_0.00":                money.ErrAmount,
		"USD  1.00":                 money.ErrAmount,
		"USD 1.00\n":                money.ErrAmount,
		"USD ١.٠٠":                  money.ErrAmount,
		"JPY 10.00":                 money.ErrAmount,
		"JPY 10.":                   money.ErrAmount,
		"JPY 0x1":                   money.ErrAmount,
		"USD 92233720368547758.08":  money.ErrOverflow,
		"USD -92233720368547758.09": money.ErrOverflow,
	} {
		m, err := money.Parse(text)
		assert.ErrorIs(t, err, sentinel, "%q", text)
		assert.Equal(t, money.Amount{}, m, "%q", text)
	}
	_, err := money.Parse("USD " + strings.Repeat("9", 1<<16))
	assert.Less(t, len(err.Error()), 200, "an error stays short")
}

func TestAddAndSubRefuse(t *testing.T) {
	dollars := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "USD"} }
	for _, over := range []func() (money.Amount, error){
		func() (money.Amount, error) { return dollars(math.MaxInt64).Add(dollars(1)) },
		func() (money.Amount, error) { return dollars(math.MinInt64).Add(dollars(-1)) },
		func() (money.Amount, error) { return dollars(math.MinInt64).Sub(dollars(1)) },
		func() (money.Amount, error) { return dollars(0).Sub(dollars(math.MinInt64)) },
	} {
		m, err := over()
		assert.ErrorIs(t, err, money.ErrOverflow)
		assert.ErrorContains(t, err, "64 bits")
		assert.Equal(t, money.Amount{}, m)
	}
	for _, mixed := range []func() (money.Amount, error){
		func() (money.Amount, error) { return dollars(1).Add(money.Amount{Minor: 1, Currency: "EUR"}) },
		func() (money.Amount, error) { return dollars(1).Sub(money.Amount{}) },
		func() (money.Amount, error) { return money.Amount{}.Add(dollars(1)) },
	} {
		m, err := mixed()
		assert.ErrorIs(t, err, money.ErrCurrency)
		assert.Equal(t, money.Amount{}, m)
	}
}

// TestMoneyReadsWhatItWrites: text and amount are two forms of one thing.
func TestMoneyReadsWhatItWrites(t *testing.T) {
	var codes []string
	for code := range listed(t) {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	rapid.Check(t, func(t *rapid.T) {
		m := money.Amount{Minor: rapid.Int64().Draw(t, "minor"), Currency: rapid.SampledFrom(codes).Draw(t, "currency")}
		back, err := money.Parse(m.String())
		require.NoError(t, err)
		require.Equal(t, m, back)
	})
}

// TestMoneySums holds Add and Sub to arithmetic without bounds.
func TestMoneySums(t *testing.T) {
	edges := rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64})
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.OneOf(rapid.Int64(), edges)
		a, b := minor.Draw(t, "a"), minor.Draw(t, "b")
		x, y := money.Amount{Minor: a, Currency: "USD"}, money.Amount{Minor: b, Currency: "USD"}
		sum, sumErr := x.Add(y)
		diff, diffErr := x.Sub(y)
		for _, c := range []struct {
			want *big.Int
			got  money.Amount
			err  error
		}{
			{new(big.Int).Add(big.NewInt(a), big.NewInt(b)), sum, sumErr},
			{new(big.Int).Sub(big.NewInt(a), big.NewInt(b)), diff, diffErr},
		} {
			if !c.want.IsInt64() {
				require.ErrorIs(t, c.err, money.ErrOverflow)
				continue
			}
			require.NoError(t, c.err)
			require.Equal(t, money.Amount{Minor: c.want.Int64(), Currency: "USD"}, c.got)
		}
	})
}

// The number is what String says after the code, whatever the sign and the decimals.
func TestAppendDecimalIsTheNumberOfString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := money.Amount{Minor: rapid.Int64().Draw(t, "minor"),
			Currency: rapid.SampledFrom([]string{"JPY", "USD", "KWD", "CLF"}).Draw(t, "currency")}
		b, known := m.AppendDecimal([]byte("before "))
		require.True(t, known)
		require.Equal(t, m.String(), m.Currency+strings.TrimPrefix(string(b), "before"))
	})
	for want, m := range map[string]money.Amount{"-0.05": {Minor: -5, Currency: "USD"}, "0.00": {Currency: "USD"},
		"0.0001": {Minor: 1, Currency: "CLF"}, "-9223372036854775808": {Minor: math.MinInt64, Currency: "JPY"}} {
		b, _ := m.AppendDecimal(nil)
		assert.Equal(t, want, string(b))
	}
	b, known := money.Amount{Minor: 1, Currency: "XXX"}.AppendDecimal([]byte("before"))
	assert.False(t, known)
	assert.Equal(t, "before", string(b))
}
