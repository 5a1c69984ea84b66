package events

import "time"

// Bounds of what a log takes. All lengths are in bytes.
const (
	IDMax       = 64        // order, payment, request, command, record and actor ids
	CategoryMax = 16        // a stream's category
	KeyMax      = 96        // a lookup key, its name included
	KeysMax     = 4         // lookup keys of one record
	TraceMax    = 64        // a trace context
	TextMax     = 1024      // free text: reasons, problems, statements, messages
	BodyMax     = 960 << 10 // a kept message body, of some 4 000 transactions; a larger answer is unknown
	FrameMax    = 976 << 10 // a whole frame
	AppendMax   = 16 << 10  // records that one append writes
)

// The categories of streams.
const (
	CategoryOrder   = "order"
	CategoryRefusal = "refusal"
)

// Stream names one sequence of records: an order's facts, or an order's refused commands.
type Stream struct {
	Category string
	ID       string
}

// OrderStream returns the stream of the order's facts.
func OrderStream(id string) Stream { return Stream{CategoryOrder, id} }

// RefusalStream returns the stream of the order's refused commands.
func RefusalStream(id string) Stream { return Stream{CategoryRefusal, id} }

// Key is a lookup key, "name:value": notifications name a payment or a request, not our order.
type Key string

// The names of lookup keys.
const (
	KeyPaymentID        = "paymentId"
	KeyPaymentRequestID = "paymentRequestId"
	KeyCaptureRequestID = "captureRequestId"
	KeyRefundRequestID  = "refundRequestId"
)

// NewKey joins a key's name and value.
func NewKey(name, value string) Key { return Key(name + ":" + value) }

// Record is a fact in its place. The caller of a store fills in ID, Recorded, Occurred, CommandID, Actor, Head, Keys
// and Event; the store assigns Stream, Version, Position and Previous. Times are UTC with nanoseconds.
type Record struct {
	ID       string // unique in the log; a retried append is recognised by it
	Stream   Stream
	Version  uint64    // 1, 2, 3 … within the stream
	Position uint64    // 1, 2, 3 … within the log
	Previous uint64    // position of the stream's record before this one; 0 for the first
	Recorded time.Time // when we wrote it
	Occurred time.Time // when it happened, by APO's word where there is one

	CommandID string // the command this fact belongs to; empty where nobody commanded it
	Actor     string // who: a person, a service, "apo"
	Head      Head
	Keys      []Key // at most [KeysMax]; only those this record makes known
	Event     Event
}
