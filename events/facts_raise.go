package events

import "time"

// PaymentRaised: an authorization was raised before any capture, by whoever gave APO's updateAmount. Amount is the new
// total that is held, not what was added; it only ever goes up, so the largest one counts. A notification names the
// raise by UpdateRequestID and does not say when it was; a line of an inquiry has a TransactionID and a time too. Due
// is when the payment is inquired about, where its authorization is not on record yet (zero: not by itself).
type PaymentRaised struct {
	UpdateRequestID string
	TransactionID   string
	PaymentID       string
	Amount          Money
	At              time.Time
	Due             time.Time
	Proof           Proof
}

// RaiseFailed: an authorization was not raised. What it held before, it holds. Identifiers as in [PaymentRaised].
type RaiseFailed struct {
	UpdateRequestID string
	TransactionID   string
	PaymentID       string
	Code            string
	At              time.Time
	Proof           Proof
}

// CancelDated: APO has said when it cancelled the payment, of an order whose cancel was known without a time (an
// inquiry's CANCELLED has none). What it dates before that is part of what the cancel undid.
type CancelDated struct {
	PaymentID string
	At        time.Time
	Proof     Proof
}
