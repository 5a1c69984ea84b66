package apotest

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/apo"
)

// Op names an operation, as the last part of its path, or a notification.
type Op string

// The operations served, and the notifications sent.
const (
	OpPay            Op = "pay"
	OpSession        Op = "createPaymentSession"
	OpCancel         Op = "cancel"
	OpCapture        Op = "capture"
	OpRefund         Op = "refund"
	OpInquirePayment Op = "inquiryPayment"
	OpInquireRefund  Op = "inquiryRefund"

	OpNotifyPayment Op = "notifyPayment"
	OpNotifyCapture Op = "notifyCapture"
	OpNotifyRefund  Op = "notifyRefund"
	OpNotifyDispute Op = "notifyDispute"
	// OpNotification is what [Server.Tell] sends.
	OpNotification Op = "notification"
)

// calledOps are those a merchant calls, notifyOps those sent to it.
var (
	calledOps = []Op{OpPay, OpSession, OpCancel, OpCapture, OpRefund, OpInquirePayment, OpInquireRefund}
	notifyOps = []Op{OpNotifyPayment, OpNotifyCapture, OpNotifyRefund, OpNotifyDispute, OpNotification}
)

// Amount is money, by the name that package apo has for it.
type Amount = apo.Amount

// of gives another count of the same currency.
func of(a Amount, minor int64) Amount { return Amount{Currency: a.Currency, Minor: minor} }

// wire is the amount as a message carries it.
func wire(a Amount) map[string]any {
	return map[string]any{"currency": a.Currency, "value": strconv.FormatInt(a.Minor, 10)}
}

// add is a sum that stops at the largest amount instead of turning negative.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// CaptureMode says who captures a payment that is authorized first.
type CaptureMode = apo.CaptureMode

// The capture modes.
const (
	Automatic = apo.CaptureAutomatic
	Manual    = apo.CaptureManual
)

// MethodCard is APO's name for cards. A card is always authorized first and captured
// afterwards, and so are APPLEPAY and GOOGLEPAY, which hand one on. Every other method
// is paid in one step, unless the payment has a capture mode.
const MethodCard = "CARD"

// Payment is what APO was asked to collect, by a pay call or in a test by [Server.Register].
type Payment struct {
	// PaymentRequestID is the merchant's id, 1 to 64 bytes; required.
	PaymentRequestID string `json:"paymentRequestId"`
	// PaymentID is APO's id; made where it is empty.
	PaymentID string `json:"paymentId,omitempty"`
	// Amount is positive.
	Amount Amount `json:"amount"`
	// Method is APO's payment method type; "" is [MethodCard].
	Method string `json:"method,omitempty"`
	// Capture says that the payment is authorized first, and who captures it: for any
	// method. "" is [Automatic] for what carries a card, and paid in one step for all else.
	Capture CaptureMode `json:"capture,omitempty"`
	// Expiry is when an unpaid payment fails. Zero: 14 minutes from now, for a bank
	// transfer 48 hours.
	Expiry time.Time `json:"expiry,omitzero"`
	// NotifyURL wins over the server's for this payment and its captures.
	NotifyURL string `json:"notifyUrl,omitempty"`
	// Window says until when it can be cancelled; "" is the method's own.
	Window Window `json:"window,omitempty"`
	// RefundWindow is how long after payment it can be refunded; zero is 365 days.
	// In JSON it is a count of nanoseconds.
	RefundWindow time.Duration `json:"refundWindow,omitempty"`
	// SingleCapture allows one capture only.
	SingleCapture bool `json:"singleCapture,omitempty"`
	// ZeroCapture allows a last capture of zero, which only lets go of what is left.
	ZeroCapture bool `json:"zeroCapture,omitempty"`
	// NoRefund, NoPartialRefund and SingleRefund are limits some methods have.
	NoRefund        bool `json:"noRefund,omitempty"`
	NoPartialRefund bool `json:"noPartialRefund,omitempty"`
	SingleRefund    bool `json:"singleRefund,omitempty"`
	// ClientID is the merchant it belongs to; "" is the server's.
	ClientID string `json:"clientId,omitempty"`
	// MerchantAccountID is the merchant's account that it is made for; "" is none. For
	// a call that names another one the payment does not exist.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// carriesCard reports whether a method is a card, or a wallet that hands one on, in whatever case it is spelt.
func carriesCard(method string) bool {
	return slices.ContainsFunc([]string{MethodCard, "APPLEPAY", "GOOGLEPAY"}, func(m string) bool {
		return strings.EqualFold(m, method)
	})
}

// twoSteps reports a payment that is authorized before it is captured. A registered one has a capture mode then.
func (p Payment) twoSteps() bool { return p.Capture != "" }

// Status is how far a payment, capture or refund has come.
type Status string

// The statuses, in APO's words.
const (
	Success    Status = "SUCCESS"
	Fail       Status = "FAIL"
	Processing Status = "PROCESSING"
	Cancelled  Status = "CANCELLED"
)

// closure says why a payment is cancelled, which decides what a capture is told.
type closure int

const (
	notClosed closure = iota
	byMerchant
	byExpiry // the authorization ran out
	byIssuer // the authorization was taken back
	byLast   // what a last capture left was let go; the payment goes on
)

// payment is a payment with all that happened to it.
type payment struct {
	Payment
	status     Status
	closed     closure
	code       string // why it failed
	created    time.Time
	paid       time.Time // authorized or paid; zero before
	paidID     string    // the transaction that did it
	late       bool      // it came after a cancel
	authExpiry time.Time
	cancelled  time.Time
	lateMoney  bool // money of the buyer arrived after a cancel and is there
	voids      []void
	raises     []*raise
	keepAmount bool // see [Behaviour].KeepPaymentAmount
	captures   []*transfer
	refunds    []*transfer
	disputes   []*dispute
}

// void is a cancel that released or returned money.
type void struct {
	id     string
	amount int64
	at     time.Time
}

// transfer is a capture or a refund.
type transfer struct {
	ID        string
	RequestID string
	amount    Amount
	status    Status
	code      string
	at        time.Time // asked for
	ended     time.Time
	settleAt  time.Time // zero: when the test says so
	automatic bool      // a capture that APO made by itself
	foreign   bool      // from the dashboard
	last      bool      // a capture that was called the last
	reversed  bool
	inProcess bool   // accepted with U instead of S
	captureID string // the capture that a refund names
	notifyURL string
	payment   *payment
}

// alive reports a transfer that moved money or still may.
func (t *transfer) alive() bool { return t.status == Success || t.status == Processing }

// sum adds the amounts of the transfers that keep says.
func sum(list []*transfer, keep func(*transfer) bool) int64 {
	var total int64
	for _, t := range list {
		if keep(t) {
			total = add(total, t.amount.Minor)
		}
	}
	return total
}

func isDone(t *transfer) bool { return t.status == Success }

// used reports a capture that took its part of the authorization, also where it
// was taken back later.
func used(t *transfer) bool { return t.status == Success || t.reversed }

func isPending(t *transfer) bool { return t.status == Processing }

func anyOf(list []*transfer, is func(*transfer) bool) bool {
	for _, t := range list {
		if is(t) {
			return true
		}
	}
	return false
}

// refundable is what is there to give back: what was paid or captured, and not lost in a dispute.
func (p *payment) refundable() int64 {
	if p.status == Cancelled && !p.lateMoney {
		return 0
	}
	return max(p.moved()-p.lost(), 0)
}

// refunding is what was given back or is on its way.
func (p *payment) refunding() int64 { return sum(p.refunds, (*transfer).alive) }
