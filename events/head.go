package events

import (
	"fmt"
	"time"
)

// Head is what a store keeps at hand of a stream: the state after its newest record, in the model's own words. A store
// files orders under it without knowing the model's rules. Heads can be compared with ==.
type Head struct {
	Status         string    // for instance "authorized"; up to [IDMax] bytes, as Phase
	StatusSince    time.Time // when the status began
	Phase          string    // of the operation, for instance "idle"
	OperationSince time.Time // since when the operation has been outstanding; zero: none is
	ParkedSince    time.Time // since when the operation waits for a person; zero: it does not
	AnomalySince   time.Time // since when the oldest open anomaly has been open; zero: none is
	// DisputeBy is until when the first dispute that nobody has defended yet can be defended; where APO has not told
	// that, when the dispute became known. Zero: none is to be defended.
	DisputeBy time.Time
	Due       time.Time // when something is owed; zero: nothing
}

// Attention is a reason why an order needs a person. An order can need one for several at once.
type Attention uint8

// The reasons.
const (
	AttentionParked  Attention = iota + 1 // its operation is parked: somebody must resolve it
	AttentionAnomaly                      // an anomaly stands open: somebody must look at it
	AttentionDispute                      // a dispute waits for its defence: somebody must defend or accept it
)

var attentionNames = [...]string{"", AttentionParked: "parked", AttentionAnomaly: "anomaly",
	AttentionDispute: "dispute"}

// Attentions returns the reasons there are.
func Attentions() []Attention {
	return []Attention{AttentionParked, AttentionAnomaly, AttentionDispute}
}

// String is the reason in a word that never changes; empty for what is none.
func (a Attention) String() string {
	if int(a) < len(attentionNames) {
		return attentionNames[a]
	}
	return ""
}

// Since returns the time that the order is filed under for that reason, earliest first: since when it has needed a
// person; of a dispute, by when it does. Zero where it does not.
func (h Head) Since(a Attention) time.Time {
	switch a {
	case AttentionParked:
		return h.ParkedSince
	case AttentionAnomaly:
		return h.AnomalySince
	case AttentionDispute:
		return h.DisputeBy
	}
	return time.Time{}
}

// Attention returns the words of all reasons why the order needs a person, nil where it needs none.
func (h Head) Attention() (words []string) {
	for _, a := range Attentions() {
		if !h.Since(a).IsZero() {
			words = append(words, a.String())
		}
	}
	return words
}

// The times of a head that most orders have none of, by the bit that says that one follows. A bit beyond these is a
// newer version's.
const (
	sinceOperation = 1 << iota
	sinceParked
	sinceAnomaly
	byDispute
	sinceKnown = 1<<iota - 1
)

// appendSince appends which of these times there are, and each of them.
func (r *Record) appendSince(b []byte) []byte {
	at := len(b)
	b = append(b, 0)
	if !r.Head.OperationSince.IsZero() {
		b[at] |= sinceOperation
		b = r.appendMoment(b, r.Head.OperationSince, r.Occurred)
	}
	if !r.Head.ParkedSince.IsZero() {
		b[at] |= sinceParked
		b = r.appendMoment(b, r.Head.ParkedSince, r.Occurred)
	}
	if !r.Head.AnomalySince.IsZero() {
		b[at] |= sinceAnomaly
		b = r.appendMoment(b, r.Head.AnomalySince, r.Occurred)
	}
	if !r.Head.DisputeBy.IsZero() {
		b[at] |= byDispute
		b = r.appendMoment(b, r.Head.DisputeBy, r.Occurred)
	}
	return b
}

// since reads what appendSince writes.
func (h *header) since(r *Record) {
	if h.err != nil {
		return
	}
	if h.at == len(h.b) {
		h.fail("head's times", "are missing")
		return
	}
	there := h.b[h.at]
	switch {
	case there == 0: // of nearly all records
		h.at++
		return
	case there > sinceKnown:
		h.err = &UpgradeError{What: "head", Found: fmt.Sprintf("times %#x", there),
			Known: fmt.Sprintf("times up to %#x", sinceKnown)}
		return
	}
	h.at++
	if there&sinceOperation != 0 {
		r.Head.OperationSince = h.there("head's operation time", r)
	}
	if there&sinceParked != 0 {
		r.Head.ParkedSince = h.there("head's parked time", r)
	}
	if there&sinceAnomaly != 0 {
		r.Head.AnomalySince = h.there("head's anomaly time", r)
	}
	if there&byDispute != 0 {
		r.Head.DisputeBy = h.there("head's dispute time", r)
	}
}

// there reads a time that is said to be there.
func (h *header) there(field string, r *Record) time.Time {
	t := h.moment(field, r.Recorded, r.Occurred)
	if t.IsZero() {
		h.fail(field, "is said to follow and is none")
	}
	return t
}
