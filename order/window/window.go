// Package window knows until when a payment can be cancelled, by the contract with its acquirer. A service gives its
// [Rules] to the core by Policy.Windows of package order; [Antom] has the ones that Antom documents.
package window

import "time"

// AcquirerAntom is the acquirer's name under which [Antom] files its rules. Orders placed with it as their
// acquirer get them; the name is compared as it stands.
const AcquirerAntom = "ANTOM"

// AnyMethod, as a method in [Rules], is the acquirer's rule for every method that is not named.
const AnyMethod = "*"

// Kind is the shape of a cancel window.
type Kind uint8

// The kinds of cancel windows.
const (
	// Unknown is the zero value: no contract is known, every cancel goes out and APO decides.
	Unknown Kind = iota
	// Never: the contract has no cancel, not even before the payment.
	Never
	// UntilPaid: open until the payment; afterwards only a refund gives the money back.
	UntilPaid
	// AfterPayment: open until [Rule.Length] after the payment or, where it is authorized first, the authorization.
	AfterPayment
	// NextDay: open until 00:15 at UTC+8 on the day after the payment, days counted at UTC+8.
	NextDay
)

// String is the kind in lower case; "unknown" for a value that is none of the kinds.
func (k Kind) String() string {
	switch k {
	case Never:
		return "never"
	case UntilPaid:
		return "until-paid"
	case AfterPayment:
		return "after-payment"
	case NextDay:
		return "next-day"
	}
	return "unknown"
}

// Rule is how long an order may be cancelled, by the contract with its acquirer. The zero value leaves it to APO.
//
// A window is advice given early, so that a cancel that cannot work is refused before anything is sent; APO's answer
// stays the authority.
type Rule struct {
	Kind   Kind
	Length time.Duration // of AfterPayment only; at zero or less nothing is left to cancel once time has passed
}

// contractZone is where NextDay counts its days. China keeps no summer time, so a fixed offset is exact and no
// time zone database has to be on the machine.
var contractZone = time.FixedZone("UTC+8", 8*60*60)

// nextDayMinute is the minute after midnight at which NextDay closes.
const nextDayMinute = 15

// Open reports whether a cancel may go out at now, and when the window closes. paymentAt is the time of the payment or
// authorization as APO told it; zero says that none is proven yet.
//
// closes is UTC and the last instant inside: at closes itself the window is still open, one nanosecond later it is not.
// The contracts say "before" and "up to", clocks differ by more than that instant, and of the two mistakes asking APO
// in vain is the cheaper one. closes is zero while no end can be named: for Unknown, for Never, and while nothing is
// paid. A UntilPaid that is over closed at paymentAt, that instant included.
//
// A now earlier than paymentAt, as clocks that disagree produce it, is inside. A Kind that is none of the constants
// counts as Unknown.
func (r Rule) Open(now, paymentAt time.Time) (open bool, closes time.Time) {
	if r.Kind == Never {
		return false, time.Time{}
	}
	if paymentAt.IsZero() {
		return true, time.Time{}
	}
	switch r.Kind {
	case UntilPaid:
		// Not by the clock: a proven payment ends it whatever the time says.
		return false, paymentAt.UTC()
	case AfterPayment:
		closes = paymentAt.UTC().Add(r.Length)
	case NextDay:
		year, month, day := paymentAt.In(contractZone).Date()
		closes = time.Date(year, month, day+1, 0, nextDayMinute, 0, 0, contractZone).UTC()
	default:
		return true, time.Time{}
	}
	return !now.After(closes), closes
}

// Rules are the cancel windows a service knows: acquirer → APO payment method type → window. The method [AnyMethod]
// is the acquirer's rule for all methods not named. The nil map knows no acquirer.
//
// Rules is an ordinary map: add, change or delete entries while setting up, and share it read-only afterwards.
type Rules map[string]map[string]Rule

// For is the window of a payment by method at acquirer, both compared as they stand. It is [Unknown] where nothing
// is known: the acquirer is not in the map, or it names neither the method nor [AnyMethod], or the method is empty. An
// empty method does not fall under [AnyMethod], because it might be one of those that are named.
func (r Rules) For(acquirer, method string) Rule {
	if method == "" {
		return Rule{}
	}
	methods := r[acquirer]
	if rule, known := methods[method]; known {
		return rule
	}
	return methods[AnyMethod]
}

// antomLength is Antom's window for cards, from the authorization, and for Mercado Pago, from the payment.
const antomLength = 7 * 24 * time.Hour

// Antom returns the rules that Antom documents where it is the acquirer itself, filed under [AcquirerAntom]. Each
// call makes a new map of about 45 entries, so a caller may change it: add the rules of further acquirers, or a method
// of Antom's that is missing here.
//
// A method that is not named falls under [AnyMethod]. So do K PLUS (KPLUS), PromptPay (PROMPTPAY) and the Thai direct
// debits: Antom does not say whether its rule for Thai banks covers them, and the general rule refuses less. Google Pay
// and Apple Pay carry cards and are listed as wallets; which of the two rules applies is not documented, so they are
// left to APO.
//
// Sources, read on 2026-11-23: for the rules, Antom's page "Cancel" (One-time Payments, table 1); for the names, its
// page "Payment method enumeration values", for older ones its page "Payment methods" and the release notes of December
// 2022, for the Thai banks the enum WalletPaymentMethodType of the official Java SDK 2.2.8 (2026-08-17). The Python SDK
// of April 2026 spelled some Thai banks otherwise (ONLINBANKING_…, …SIAMCOMMERICALBANK); those fall under [AnyMethod].
func Antom() Rules {
	var (
		never     = Rule{Kind: Never}
		untilPaid = Rule{Kind: UntilPaid}
		sevenDays = Rule{Kind: AfterPayment, Length: antomLength}
	)
	return Rules{AcquirerAntom: {
		AnyMethod: {Kind: NextDay},

		"CARD":           sevenDays,
		"APPLEPAY":       {},
		"GOOGLEPAY":      {},
		"MERCADOPAGO_BR": sevenDays,
		"MERCADOPAGO_CL": sevenDays,
		"MERCADOPAGO_MX": sevenDays,
		"MERCADOPAGO_PE": sevenDays,
		// Thailand: online banking, banking apps, bank transfer.
		"ONLINEBANKING_BANGKOKBANK":          untilPaid,
		"ONLINEBANKING_BANKOFAYUDHYA":        untilPaid,
		"ONLINEBANKING_KASIKORNBANK":         untilPaid,
		"ONLINEBANKING_KRUNGTHAIBANK":        untilPaid,
		"ONLINEBANKING_SIAMCOMMERCIALBANK":   untilPaid,
		"BANKAPP_BANGKOKBANK":                untilPaid,
		"BANKAPP_BANKOFAYUDHYA":              untilPaid,
		"BANKAPP_KRUNGTHAIBANK":              untilPaid,
		"BANKAPP_SIAMCOMMERCIALBANK":         untilPaid,
		"BANKTRANSFER_BANGKOKBANK":           untilPaid,
		"BANKTRANSFER_BANKOFAYUDHYA":         untilPaid,
		"BANKTRANSFER_GOVERNMENTSAVINGSBANK": untilPaid,
		"BANKTRANSFER_KASIKORNBANK":          untilPaid,
		"BANKTRANSFER_KRUNGTHAIBANK":         untilPaid,
		"BANKTRANSFER_SIAMCOMMERCIALBANK":    untilPaid,
		// Indonesia: wallets, pay later, QRIS, banks.
		"DANA":                 never,
		"GOPAY_ID":             never,
		"LINKAJA":              never,
		"OVO":                  never,
		"SHOPEEPAY_ID":         never,
		"KREDIVO_ID":           never,
		"QRIS":                 never,
		"ATMTRANSFER_ID":       never,
		"BANKTRANSFER_BNI":     never,
		"BANKTRANSFER_BSI":     never,
		"BANKTRANSFER_MAYBANK": never,
		"BANKTRANSFER_PERMATA": never,
		"CIMBNIAGA":            never,
		// No longer offered; kept for orders on record that were paid with them.
		"AKULAKU_PAYLATER":      never,
		"BANKTRANSFER_MANDIRI":  never,
		"OCTOCLICKS":            never,
		"ONLINEBANKING_BCA":     never,
		"ONLINEBANKING_BNI":     never,
		"ONLINEBANKING_BRI":     never,
		"ONLINEBANKING_MANDIRI": never,

		"JKOPAY": never, // Taiwan
	}}
}
