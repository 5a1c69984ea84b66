package events

import "time"

// Head is what a store keeps at hand of a stream: the state after its newest record, in the model's own words. A store
// files orders under it without knowing the model's rules. Heads can be compared with ==.
type Head struct {
	Status         string    // for instance "authorized"; up to [IDMax] bytes, as Phase
	StatusSince    time.Time // when the status began
	Phase          string    // of the operation, for instance "idle"
	OperationSince time.Time // since when the operation has been outstanding; zero: none is
	ParkedSince    time.Time // since when the operation waits for a person; zero: it does not
	AnomalySince   time.Time // since when the oldest open anomaly has been open; zero: none is
	Due            time.Time // when something is owed; zero: nothing
}

// Attention is a reason why an order needs a person. An order can need one for several at once.
type Attention uint8

// The reasons.
const (
	AttentionParked  Attention = iota + 1 // its operation is parked: somebody must resolve it
	AttentionAnomaly                      // an anomaly stands open: somebody must look at it
)

var attentionNames = [...]string{"", AttentionParked: "parked", AttentionAnomaly: "anomaly"}

// Attentions returns the reasons there are.
func Attentions() []Attention { return []Attention{AttentionParked, AttentionAnomaly} }

// String is the reason in a word that never changes; empty for what is none.
func (a Attention) String() string {
	if int(a) < len(attentionNames) {
		return attentionNames[a]
	}
	return ""
}

// Since returns since when the order has needed a person for that reason; zero where it does not.
func (h Head) Since(a Attention) time.Time {
	switch a {
	case AttentionParked:
		return h.ParkedSince
	case AttentionAnomaly:
		return h.AnomalySince
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
