package order

import "time"

// AcquirerAntom is the acquirer's name under which [AntomWindows] files its rules. Orders placed with it as their
// acquirer get them; the name is compared as it stands.
const AcquirerAntom = "ANTOM"

// AnyMethod, as a method in [Windows], is the acquirer's rule for every method that is not named.
const AnyMethod = "*"

// WindowKind is the shape of a cancel window.
type WindowKind uint8

// The kinds of cancel windows.
const (
	// WindowUnknown is the zero value: no contract is known, every cancel goes out and APO decides.
	WindowUnknown WindowKind = iota
	// WindowNever: the contract has no cancel, not even before the payment.
	WindowNever
	// WindowUntilPaid: open until the payment; afterwards only a refund gives the money back.
	WindowUntilPaid
	// WindowAfterPayment: open until [Window.Length] after the payment or, for a card, the authorization.
	WindowAfterPayment
	// WindowNextDay: open until 00:15 at UTC+8 on the day after the payment, days counted at UTC+8.
	WindowNextDay
)

// String is the kind in lower case; "unknown" for a value that is none of the kinds.
func (k WindowKind) String() string {
	switch k {
	case WindowNever:
		return "never"
	case WindowUntilPaid:
		return "until-paid"
	case WindowAfterPayment:
		return "after-payment"
	case WindowNextDay:
		return "next-day"
	}
	return "unknown"
}

// Window is how long an order may be cancelled, by the contract with its acquirer. The zero value leaves it to APO.
//
// A window is advice given early, so that a cancel that cannot work is refused before anything is sent; APO's answer
// stays the authority.
type Window struct {
	Kind   WindowKind
	Length time.Duration // of WindowAfterPayment only; at zero or less nothing is left to cancel once time has passed
}

// contractZone is where WindowNextDay counts its days. China keeps no summer time, so a fixed offset is exact and no
// time zone database has to be on the machine.
var contractZone = time.FixedZone("UTC+8", 8*60*60)

// nextDayMinute is the minute after midnight at which WindowNextDay closes.
const nextDayMinute = 15

// Open reports whether a cancel may go out at now, and when the window closes. paymentAt is the time of the payment or
// authorization as APO told it; zero says that none is proven yet.
//
// closes is UTC and the last instant inside: at closes itself the window is still open, one nanosecond later it is not.
// The contracts say "before" and "up to", clocks differ by more than that instant, and of the two mistakes asking APO in
// vain is the cheaper one. closes is zero while no end can be named: for WindowUnknown, for WindowNever, and while
// nothing is paid. A WindowUntilPaid that is over closed at paymentAt, that instant included.
//
// A now earlier than paymentAt, as clocks that disagree produce it, is inside. A Kind that is none of the constants
// counts as WindowUnknown.
func (w Window) Open(now, paymentAt time.Time) (open bool, closes time.Time) {
	if w.Kind == WindowNever {
		return false, time.Time{}
	}
	if paymentAt.IsZero() {
		return true, time.Time{}
	}
	switch w.Kind {
	case WindowUntilPaid:
		// Not by the clock: a proven payment ends it whatever the time says.
		return false, paymentAt.UTC()
	case WindowAfterPayment:
		closes = paymentAt.UTC().Add(w.Length)
	case WindowNextDay:
		year, month, day := paymentAt.In(contractZone).Date()
		closes = time.Date(year, month, day+1, 0, nextDayMinute, 0, 0, contractZone).UTC()
	default:
		return true, time.Time{}
	}
	return !now.After(closes), closes
}

// Windows are the cancel windows a service knows: acquirer → APO payment method type → window. The method [AnyMethod]
// is the acquirer's rule for all methods not named. The nil map knows no acquirer.
//
// Windows is an ordinary map: add, change or delete entries while setting up, and share it read-only afterwards.
type Windows map[string]map[string]Window

// For is the window of a payment by method at acquirer, both compared as they stand. It is [WindowUnknown] where nothing
// is known: the acquirer is not in the map, or it names neither the method nor [AnyMethod], or the method is empty. An
// empty method does not fall under [AnyMethod], because it might be one of those that are named.
func (w Windows) For(acquirer, method string) Window {
	if method == "" {
		return Window{}
	}
	methods := w[acquirer]
	if window, named := methods[method]; named {
		return window
	}
	return methods[AnyMethod]
}

// antomLength is Antom's window for cards, from the authorization, and for Mercado Pago, from the payment.
const antomLength = 7 * 24 * time.Hour

// AntomWindows returns the rules that Antom documents where it is the acquirer itself, filed under [AcquirerAntom]. Each
// call makes a new map of about 45 entries, so a caller may change it: add the rules of further acquirers, or a method
// of Antom's that is missing here.
//
// A method that is not named falls under [AnyMethod]. So do K PLUS (KPLUS), PromptPay (PROMPTPAY) and the Thai direct
// debits: Antom does not say whether its rule for Thai banks covers them, and the general rule refuses less. Google Pay
// and Apple Pay carry cards and are listed as wallets; which of the two rules applies is not documented, so they are left
// to APO.
//
// Sources, read on 2026-11-23: for the rules, Antom's page "Cancel" (One-time Payments, table 1); for the names, its page
// "Payment method enumeration values", for older ones its page "Payment methods" and the release notes of December 2022,
// for the Thai banks the enum WalletPaymentMethodType of the official Java SDK 2.2.8 (2026-08-17). The Python SDK of
// April 2026 spelled some Thai banks otherwise (ONLINBANKING_…, …SIAMCOMMERICALBANK); those fall under [AnyMethod].
func AntomWindows() Windows {
	var (
		never     = Window{Kind: WindowNever}
		untilPaid = Window{Kind: WindowUntilPaid}
		sevenDays = Window{Kind: WindowAfterPayment, Length: antomLength}
	)
	return Windows{AcquirerAntom: {
		AnyMethod: {Kind: WindowNextDay},

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
