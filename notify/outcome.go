package notify

import "github.com/tilltape/tilltape/internal/words"

// Outcome is how a notification ended. Recorded, Duplicate and Ignored are acknowledged, the others are not.
type Outcome uint8

// The outcomes.
const (
	// Undecided is the zero value: how it ended is not known. No [Handler] says so.
	Undecided Outcome = iota
	// Recorded: it told something new, which is durable now.
	Recorded
	// Duplicate: it told what was on record, so nothing was appended. Redeliveries are normal.
	Duplicate
	// Malformed: by its method, its size, or the time it took, it is no notification.
	Malformed
	// Busy: too many came at once.
	Busy
	// Forged: APO did not sign it for this client, under a key known here, with the path it has here. Noise
	// from the internet, unless all are: then a key, the client id or the verifier's SignedPath is wrong.
	Forged
	// Stale: APO signed it, outside the verifier's FreshFor.
	Stale
	// Unusable: APO signed it, it names no order that is known here, and what it says of a payment, capture, refund or
	// dispute cannot be understood. Somebody has to look. One that names a known order is Recorded: its evidence is on
	// that order's record, under an anomaly.
	Unusable
	// Foreign: APO signed it, it names no order that is known here, and it is of a type that is no order's business as far
	// as this version knows: of cards, vaulting, subscriptions. [Stats.Types] counts them by type.
	Foreign
	// Ignored: the same, of a type that [Config.AcknowledgeTypes] has. Nothing of it is kept.
	Ignored
	// UnknownOrder: APO signed it, and no order here goes by its identifiers: a refund made in APO's dashboard,
	// which an inquiry tells of, or an order that this log has never seen.
	UnknownOrder
	// Failed: it could not be recorded: the log failed, the order was contended, the Orders is closed.
	Failed
)

var outcomeNames = [...]string{"undecided", "recorded", "duplicate", "malformed", "busy", "forged", "stale", "unusable",
	"foreign", "ignored", "unknown order", "failed"}

const outcomes = len(outcomeNames)

// String is the outcome in lower case.
func (o Outcome) String() string { return words.Of(outcomeNames[:], o) }

// MarshalText is the word that String says; a value that is none is an error.
func (o Outcome) MarshalText() ([]byte, error) { return words.Marshal(o, Failed) }

// UnmarshalText takes one of these words; the error lists them.
func (o *Outcome) UnmarshalText(text []byte) error { return words.Unmarshal(text, o, Failed) }

// Acknowledged reports whether APO was told that it need not send the notification again.
func (o Outcome) Acknowledged() bool {
	return o == Recorded || o == Duplicate || o == Ignored
}
