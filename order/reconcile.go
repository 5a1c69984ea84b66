package order

import (
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
)

// Difference is one thing that an inquiry proved and the log did not have: a refund made in APO's dashboard, somebody
// else's capture, a payment whose notification was lost, or what contradicts the log.
type Difference struct {
	Version    uint64               // stream version of the record that has it now
	Fact       events.Kind          // what happened
	Anomaly    events.AnomalyReason // what is wrong with it; 0: nothing, it is applied
	TransferID string               // captureId, refundId or transactionId; may be empty
	RequestID  string               // may be empty
	Amount     Money                // zero where the fact has none
	At         time.Time            // by APO's word, or when it was recorded
	Code       string               // of a failure
	Detail     string               // of an anomaly
}

// String reads like "refund.succeeded D1 USD 4.00" or "capture.succeeded C2 USD 99.00 (beyond authorized: …)".
func (d Difference) String() string {
	kind, _, _ := strings.Cut(string(d.Fact), ".v")
	words := []string{kind}
	if id := first(d.TransferID, d.RequestID); id != "" {
		words = append(words, id)
	}
	if d.Amount != (Money{}) {
		words = append(words, d.Amount.String())
	}
	if d.Code != "" {
		words = append(words, d.Code)
	}
	if d.Anomaly != 0 {
		words = append(words, "("+d.Anomaly.String()+prefixed(": ", d.Detail)+")")
	}
	return strings.Join(words, " ")
}

// Differences returns what inquiries taught, of records of one order as they follow one another: everything that one
// proved in the append that closed it. An order that is as APO says has none. Give it the records since the version
// that the order had before it was inquired about.
func Differences(records []events.Record) []Difference {
	var out []Difference
	for i := range records {
		if d, ok := differenceOf(&records[i]); ok {
			out = append(out, d)
		}
	}
	return out
}

// differenceOf reads a record; ok is false for what no inquiry proved.
func differenceOf(r *events.Record) (Difference, bool) {
	if r.Event == nil {
		return Difference{}, false
	}
	p := events.PartsOf(r.Event)
	d := Difference{Version: r.Version, At: r.Occurred, Fact: r.Event.Kind(), TransferID: p.TransferID,
		RequestID: p.RequestID, Amount: p.Amount}
	a, wrong := r.Event.(events.AnomalyObserved)
	if wrong {
		d.Fact, d.Anomaly, d.Detail = a.Fact, a.Reason, a.Detail
	}
	if wrong || p.Stage == events.StageFailed {
		d.Code = p.Code
	}
	told := wrong || p.Stage != events.StageNone && p.Stage != events.StageUnresolved
	return d, told && p.Proof.Via == events.ViaInquiry
}
