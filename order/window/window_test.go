package window_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/order/window"
)

// The guide's rule: the expiration time of a cancellation depends on the acquirer.

const nanosecond = time.Nanosecond

// utc reads a time as people write it; without an offset of its own it is UTC.
func utc(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return at.UTC()
}

func ExampleAntom() {
	windows := window.Antom()
	windows["OUR-BANK"] = map[string]window.Rule{
		window.AnyMethod: {Kind: window.AfterPayment, Length: 24 * time.Hour},
	}
	for _, of := range [][2]string{{window.AcquirerAntom, "CARD"}, {window.AcquirerAntom, "GCASH"}, {"OUR-BANK", "CARD"},
		{"OTHER", "CARD"}} {
		rule := windows.For(of[0], of[1])
		fmt.Println(of[0], of[1], rule.Kind, rule.Length)
	}
	// Output:
	// ANTOM CARD after-payment 168h0m0s
	// ANTOM GCASH next-day 0s
	// OUR-BANK CARD after-payment 24h0m0s
	// OTHER CARD unknown 0s
}

func ExampleRule_Open() {
	paid := time.Date(2026, time.November, 23, 9, 30, 0, 0, time.UTC)
	rule := window.Antom().For(window.AcquirerAntom, "ALIPAY_CN")

	open, closes := rule.Open(paid.Add(time.Hour), paid)
	fmt.Println(open, closes)
	open, _ = rule.Open(paid.Add(24*time.Hour), paid)
	fmt.Println(open)
	// Output:
	// true 2026-11-23 16:15:00 +0000 UTC
	// false
}

// antomRows is the documented table again, written out by hand.
var antomRows = []struct {
	row     string
	rule    window.Rule
	methods string
}{
	{"cards", window.Rule{Kind: window.AfterPayment, Length: 168 * time.Hour}, "CARD"},
	{"Mercado Pago", window.Rule{Kind: window.AfterPayment, Length: 168 * time.Hour},
		"MERCADOPAGO_BR MERCADOPAGO_CL MERCADOPAGO_MX MERCADOPAGO_PE"},
	{"Thai online banking", window.Rule{Kind: window.UntilPaid},
		"ONLINEBANKING_BANGKOKBANK ONLINEBANKING_BANKOFAYUDHYA ONLINEBANKING_KASIKORNBANK ONLINEBANKING_KRUNGTHAIBANK " +
			"ONLINEBANKING_SIAMCOMMERCIALBANK"},
	{"Thai mobile banking", window.Rule{Kind: window.UntilPaid},
		"BANKAPP_BANGKOKBANK BANKAPP_BANKOFAYUDHYA BANKAPP_KRUNGTHAIBANK BANKAPP_SIAMCOMMERCIALBANK"},
	{"Thai bank transfer", window.Rule{Kind: window.UntilPaid},
		"BANKTRANSFER_BANGKOKBANK BANKTRANSFER_BANKOFAYUDHYA BANKTRANSFER_GOVERNMENTSAVINGSBANK " +
			"BANKTRANSFER_KASIKORNBANK BANKTRANSFER_KRUNGTHAIBANK BANKTRANSFER_SIAMCOMMERCIALBANK"},
	{"Indonesian local methods", window.Rule{Kind: window.Never},
		"DANA GOPAY_ID LINKAJA OVO SHOPEEPAY_ID KREDIVO_ID QRIS ATMTRANSFER_ID BANKTRANSFER_BNI BANKTRANSFER_BSI " +
			"BANKTRANSFER_MAYBANK BANKTRANSFER_PERMATA CIMBNIAGA AKULAKU_PAYLATER BANKTRANSFER_MANDIRI OCTOCLICKS " +
			"ONLINEBANKING_BCA ONLINEBANKING_BNI ONLINEBANKING_BRI ONLINEBANKING_MANDIRI"},
	{"JKOPay", window.Rule{Kind: window.Never}, "JKOPAY"},
	{"not documented, left to APO", window.Rule{}, "APPLEPAY GOOGLEPAY"},
	{"others", window.Rule{Kind: window.NextDay}, "*"},
}

func TestTheExpirationTimeDependsOnTheAcquirer_AntomsTable(t *testing.T) {
	windows := window.Antom()
	require.Len(t, windows, 1, "no rule is known for any other acquirer")
	named := 0
	for _, row := range antomRows {
		for _, method := range strings.Fields(row.methods) {
			named++
			assert.Contains(t, windows[window.AcquirerAntom], method, row.row)
			assert.Equal(t, row.rule, windows.For(window.AcquirerAntom, method), "%s: %s", row.row, method)
		}
	}
	assert.Len(t, windows[window.AcquirerAntom], named, "an entry that stands in no row above")
}

func TestTheExpirationTimeDependsOnTheAcquirer_OthersFallUnderTheGeneralRule(t *testing.T) {
	windows := window.Antom()
	for _, method := range []string{"ALIPAY_CN", "GCASH", "TRUEMONEY", "KPLUS", "PROMPTPAY", "PIX", "card",
		"TOMORROWS_WALLET"} {
		assert.Equal(t, window.Rule{Kind: window.NextDay}, windows.For(window.AcquirerAntom, method), method)
	}
}

func TestTheExpirationTimeDependsOnTheAcquirer_WhatIsNotKnownIsLeftToAPO(t *testing.T) {
	antom := window.Antom()
	cases := []struct {
		name             string
		windows          window.Rules
		acquirer, method string
	}{
		{"no policy", nil, window.AcquirerAntom, "CARD"},
		{"empty policy", window.Rules{}, window.AcquirerAntom, "CARD"},
		{"other acquirer", antom, "OTHER", "CARD"},
		{"other spelling", antom, "Antom", "CARD"},
		{"no acquirer", antom, "", "CARD"},
		{"no method, which might be a card", antom, window.AcquirerAntom, ""},
		{"acquirer without rules", window.Rules{"BANK": nil}, "BANK", "CARD"},
		{"acquirer without a general rule", window.Rules{"BANK": {"OVO": {Kind: window.Never}}}, "BANK", "CARD"},
	}
	paid := utc(t, "2020-01-01T00:00:00Z")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rule := c.windows.For(c.acquirer, c.method)
			assert.Equal(t, window.Rule{Kind: window.Unknown}, rule)
			open, closes := rule.Open(paid.AddDate(100, 0, 0), paid)
			assert.True(t, open)
			assert.Zero(t, closes)
		})
	}
}

func TestTheExpirationTimeDependsOnTheAcquirer_OfTwoAcquirers(t *testing.T) {
	windows := window.Antom()
	windows["BANK"] = map[string]window.Rule{"CARD": {Kind: window.Never}, window.AnyMethod: {Kind: window.UntilPaid}}

	assert.Equal(t, window.Never, windows.For("BANK", "CARD").Kind)
	assert.Equal(t, window.UntilPaid, windows.For("BANK", "OVO").Kind)
	assert.Equal(t, window.AfterPayment, windows.For(window.AcquirerAntom, "CARD").Kind)
}

func TestAntomWindowsAreTheCallersOwn(t *testing.T) {
	mine := window.Antom()
	mine[window.AcquirerAntom]["CARD"] = window.Rule{Kind: window.Never}
	delete(mine[window.AcquirerAntom], window.AnyMethod)

	fresh := window.Antom()
	assert.Equal(t, window.AfterPayment, fresh.For(window.AcquirerAntom, "CARD").Kind)
	assert.Equal(t, window.NextDay, fresh.For(window.AcquirerAntom, "PIX").Kind)
}

// At each boundary the instant itself is inside, the nanosecond after it is not.
func TestTheExpirationTimeDependsOnTheAcquirer_ToTheNanosecond(t *testing.T) {
	cases := []struct{ name, method, paid, closes string }{
		{"card", "CARD", "2026-11-23T10:00:00Z", "2026-11-30T10:00:00Z"},
		{"card, to the nanosecond", "CARD", "2026-11-23T10:00:00.123456789Z", "2026-11-30T10:00:00.123456789Z"},
		{"card, over the year", "CARD", "2026-12-29T23:59:59Z", "2027-01-05T23:59:59Z"},
		{"card, over 29 February", "CARD", "2028-02-25T08:00:00Z", "2028-03-03T08:00:00Z"},
		{"Mercado Pago, over 28 February", "MERCADOPAGO_PE", "2027-02-25T08:00:00Z", "2027-03-04T08:00:00Z"},
		{"Mercado Pago, time told with an offset", "MERCADOPAGO_BR", "2026-11-23T10:00:00-03:00", "2026-11-30T13:00:00Z"},
		// New York leaves summer time on 2026-11-01: seven days are 168 hours all the same.
		{"Mercado Pago, clocks changed meanwhile", "MERCADOPAGO_MX", "2026-10-30T12:00:00-04:00", "2026-11-06T16:00:00Z"},

		{"first instant of a day at UTC+8", "PIX", "2026-11-23T00:00:00+08:00", "2026-11-24T00:15:00+08:00"},
		{"noon", "PIX", "2026-11-23T12:00:00+08:00", "2026-11-24T00:15:00+08:00"},
		{"last instant of a day", "PIX", "2026-11-23T23:59:59.999999999+08:00", "2026-11-24T00:15:00+08:00"},
		{"inside the quarter of an hour", "PIX", "2026-11-24T00:14:59.999999999+08:00", "2026-11-25T00:15:00+08:00"},
		{"at the quarter of an hour", "PIX", "2026-11-24T00:15:00+08:00", "2026-11-25T00:15:00+08:00"},
		{"before midnight at UTC+8, by UTC", "PIX", "2026-11-23T15:59:59.999999999Z", "2026-11-23T16:15:00Z"},
		{"after midnight at UTC+8, by UTC", "PIX", "2026-11-23T16:00:00Z", "2026-11-24T16:15:00Z"},
		{"told in another zone's yesterday", "PIX", "2026-11-22T14:00:00-10:00", "2026-11-24T00:15:00+08:00"},
		{"end of a month", "PIX", "2026-11-30T12:00:00+08:00", "2026-12-01T00:15:00+08:00"},
		{"end of a month at UTC+8 only", "PIX", "2026-11-30T16:00:00Z", "2026-12-02T00:15:00+08:00"},
		{"end of a year", "PIX", "2026-12-31T23:59:59+08:00", "2027-01-01T00:15:00+08:00"},
		{"end of a year at UTC+8 only", "PIX", "2026-12-31T16:00:00Z", "2027-01-02T00:15:00+08:00"},
		{"28 February", "PIX", "2027-02-28T12:00:00+08:00", "2027-03-01T00:15:00+08:00"},
		{"28 February of a leap year", "PIX", "2028-02-28T12:00:00+08:00", "2028-02-29T00:15:00+08:00"},
		{"29 February", "PIX", "2028-02-29T12:00:00+08:00", "2028-03-01T00:15:00+08:00"},
		{"28 February 2100, no leap year", "PIX", "2100-02-28T12:00:00+08:00", "2100-03-01T00:15:00+08:00"},
	}
	windows := window.Antom()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			paid, err := time.Parse(time.RFC3339Nano, c.paid) // in its own zone, as APO tells it
			require.NoError(t, err)
			want := utc(t, c.closes)
			rule := windows.For(window.AcquirerAntom, c.method)

			for _, at := range []struct {
				now  time.Time
				open bool
			}{
				{paid.Add(-time.Hour), true}, // our clock behind APO's
				{paid, true},
				{want.Add(-nanosecond), true},
				{want, true},
				{want.In(time.FixedZone("", -5*60*60)), true},
				{want.Add(nanosecond), false},
				{want.AddDate(1, 0, 0), false},
			} {
				open, closes := rule.Open(at.now, paid)
				assert.Equal(t, at.open, open, "at %s", at.now)
				assert.Equal(t, want, closes, "UTC, whatever the zone of the question")
			}
		})
	}
}

func TestTheExpirationTimeDependsOnTheAcquirer_BeforeThePayment(t *testing.T) {
	now := utc(t, "2026-11-23T10:00:00Z")
	for kind, wantOpen := range map[window.Kind]bool{
		window.Unknown:      true,
		window.Never:        false,
		window.UntilPaid:    true,
		window.AfterPayment: true,
		window.NextDay:      true,
	} {
		open, closes := window.Rule{Kind: kind, Length: time.Hour}.Open(now, time.Time{})
		assert.Equal(t, wantOpen, open, kind)
		assert.Zero(t, closes, "%s: nothing is paid, no end can be named", kind)
	}
}

func TestTheExpirationTimeDependsOnTheAcquirer_NeverAndUntilPaid(t *testing.T) {
	windows := window.Antom()
	paid := utc(t, "2026-11-23T10:00:00Z")
	for _, now := range []time.Time{paid.Add(-time.Hour), paid.Add(-nanosecond), paid, paid.Add(nanosecond),
		paid.AddDate(1, 0, 0)} {
		open, closes := windows.For(window.AcquirerAntom, "OVO").Open(now, paid)
		assert.False(t, open, "OVO at %s", now)
		assert.Zero(t, closes)

		open, closes = windows.For(window.AcquirerAntom, "BANKAPP_KRUNGTHAIBANK").Open(now,
			paid.In(time.FixedZone("", 7*60*60)))
		assert.False(t, open, "a proven payment ends it, whatever our clock says: %s", now)
		assert.Equal(t, paid, closes)
	}
}

func TestWindowLengthBelongsToAfterPaymentOnly(t *testing.T) {
	paid := utc(t, "2026-11-23T10:00:00Z")
	for _, kind := range []window.Kind{window.Unknown, window.Never, window.UntilPaid, window.NextDay} {
		for _, now := range []time.Time{paid, paid.Add(time.Hour), paid.AddDate(0, 0, 5)} {
			open, closes := window.Rule{Kind: kind}.Open(now, paid)
			openLong, closesLong := window.Rule{Kind: kind, Length: 1000 * time.Hour}.Open(now, paid)
			assert.Equal(t, open, openLong, kind)
			assert.Equal(t, closes, closesLong, kind)
		}
	}
}

func TestWindowAfterPaymentWithoutLengthIsOverAtOnce(t *testing.T) {
	paid := utc(t, "2026-11-23T10:00:00Z")
	for _, length := range []time.Duration{0, -time.Hour} {
		open, closes := window.Rule{Kind: window.AfterPayment, Length: length}.Open(paid.Add(nanosecond), paid)
		assert.False(t, open)
		assert.Equal(t, paid.Add(length), closes)
	}
}

func TestWindowKindStrings(t *testing.T) {
	for kind, want := range map[window.Kind]string{
		window.Unknown:      "unknown",
		window.Never:        "never",
		window.UntilPaid:    "until-paid",
		window.AfterPayment: "after-payment",
		window.NextDay:      "next-day",
		window.NextDay + 1:  "unknown",
		window.Kind(255):    "unknown",
	} {
		assert.Equal(t, want, kind.String())
	}
}

func TestWindowOfNoKnownKindIsLeftToAPO(t *testing.T) {
	paid := utc(t, "2026-11-23T10:00:00Z")
	open, closes := window.Rule{Kind: window.NextDay + 1, Length: time.Hour}.Open(paid.AddDate(1, 0, 0), paid)
	assert.True(t, open)
	assert.Zero(t, closes)
}

// anyTime draws an instant between 1970 and 2200, to the nanosecond, told in any offset, often close to UTC+8's
// midnight.
func anyTime(t *rapid.T, label string) time.Time {
	const days = 84000
	day := time.Date(1970, time.January, 1, 0, 0, 0, 0, time.FixedZone("", 8*60*60)).
		AddDate(0, 0, rapid.IntRange(0, days).Draw(t, label+" day"))
	within := rapid.OneOf(
		rapid.Int64Range(0, int64(24*time.Hour)-1),
		rapid.SampledFrom([]int64{0, 1, int64(15*time.Minute) - 1, int64(15 * time.Minute), int64(24*time.Hour) - 1}),
	).Draw(t, label+" within")
	offset := rapid.IntRange(-12*60, 14*60).Draw(t, label+" offset in minutes")
	return day.Add(time.Duration(within)).In(time.FixedZone("", offset*60))
}

func TestTheExpirationTimeDependsOnTheAcquirer_NextDayIsWithinADayAndAQuarter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paid := anyTime(t, "paid")
		open, closes := window.Rule{Kind: window.NextDay}.Open(paid, paid)
		if !open {
			t.Fatalf("closed at the payment itself, %s", paid)
		}
		if left := closes.Sub(paid); left <= 15*time.Minute || left > 24*time.Hour+15*time.Minute {
			t.Fatalf("paid %s, closes %s: %s later", paid, closes, left)
		}
		// 00:15 at UTC+8 is 16:15 UTC on every day there is.
		if h, m, s := closes.Clock(); h != 16 || m != 15 || s != 0 || closes.Nanosecond() != 0 ||
			closes.Location() != time.UTC {
			t.Fatalf("closes %s", closes)
		}
	})
}

// A rule that has closed stays closed, and nothing but the two instants matters: not the zone they are told in.
func TestTheExpirationTimeDependsOnTheAcquirer_ClosedStaysClosed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := window.Rule{
			Kind:   window.Kind(rapid.IntRange(0, int(window.NextDay)).Draw(t, "kind")),
			Length: time.Duration(rapid.Int64Range(0, int64(30*24*time.Hour)).Draw(t, "length")),
		}
		paid := anyTime(t, "paid")
		now := paid.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "since")))
		later := now.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "later")))

		open, closes := rule.Open(now, paid)
		openUTC, closesUTC := rule.Open(now.UTC(), paid.UTC())
		if open != openUTC || closes != closesUTC {
			t.Fatalf("%s, %s by UTC", closes, closesUTC)
		}
		openLater, closesLater := rule.Open(later, paid)
		if openLater && !open {
			t.Fatalf("closed at %s, open again at %s", now, later)
		}
		if closesLater != closes {
			t.Fatalf("closes %s, later %s", closes, closesLater)
		}
	})
}
