package apotest

import (
	"strings"
	"time"
)

// Window says until when a paid payment can be cancelled. Before it is paid it
// always can, except with WindowNever.
type Window string

// The windows of the contracts with Antom as acquirer.
const (
	// WindowNever: not cancellable at all (Indonesian local methods, JKOPay).
	WindowNever Window = "never"
	// WindowUntilPaid: Thai online banking, banking apps and bank transfer.
	WindowUntilPaid Window = "until-paid"
	// WindowWeek: 7 days from authorization or payment (cards, Mercado Pago).
	WindowWeek Window = "week"
	// WindowNextDay: until 00:15 (UTC+8) on the day after payment (all others).
	WindowNextDay Window = "next-day"
)

const (
	week          = 7 * 24 * time.Hour
	nextDayMinute = 15

	// authorizationLife is how long an authorization waits for its capture.
	authorizationLife = week
	// payTime and transferTime are how long a buyer has to pay.
	payTime      = 14 * time.Minute
	transferTime = 48 * time.Hour
	// refundWindow is how long a payment can be refunded where nothing else is said.
	refundWindow = 365 * 24 * time.Hour
)

const transferPrefix = "BANKTRANSFER_"

// windowOf is the window of a method, by the names APO gives its methods.
func windowOf(method string) Window {
	if strings.EqualFold(method, MethodCard) {
		return WindowWeek
	}
	switch method {
	case "MERCADOPAGO_BR", "MERCADOPAGO_CL", "MERCADOPAGO_MX", "MERCADOPAGO_PE":
		return WindowWeek
	case "JKOPAY", "DANA", "OVO", "GOPAY_ID", "LINKAJA", "SHOPEEPAY_ID", "KREDIVO_ID", "QRIS", "AKULAKU_PAYLATER",
		"ATMTRANSFER_ID", "CIMBNIAGA", "OCTOCLICKS", "BANKTRANSFER_BNI", "BANKTRANSFER_BSI", "BANKTRANSFER_MAYBANK",
		"BANKTRANSFER_PERMATA", "BANKTRANSFER_MANDIRI", "ONLINEBANKING_BCA", "ONLINEBANKING_BNI", "ONLINEBANKING_BRI",
		"ONLINEBANKING_MANDIRI":
		return WindowNever
	}
	for _, prefix := range []string{"ONLINEBANKING_", "BANKAPP_", transferPrefix} {
		if strings.HasPrefix(method, prefix) {
			return WindowUntilPaid
		}
	}
	return WindowNextDay
}

// windowCode is the code with which a cancel at now is refused for its time, ""
// if the window is open.
func (p *payment) windowCode(now time.Time) string {
	paidAt := p.paid
	open := true
	switch {
	case p.Window == WindowNever:
		return codeMethodUnsupported
	case paidAt.IsZero():
	case p.Window == WindowUntilPaid:
		open = false
	case p.Window == WindowWeek:
		open = !now.After(paidAt.Add(week))
	default:
		year, month, day := paidAt.In(zone()).Date()
		open = !now.After(time.Date(year, month, day+1, 0, nextDayMinute, 0, 0, zone()))
	}
	if open {
		return ""
	}
	return codeWindowExceed
}
