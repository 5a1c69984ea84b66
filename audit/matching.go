package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// unsettledMax is how many movements that a settlement leaves out are remembered; others are only counted.
const unsettledMax = 100_000

// Settled is what became of a settlement.
type Settled struct {
	Rows    int // of it
	Matched int // of those, as many as the log has with the same amount
	From    time.Time
	Until   time.Time
}

// matching holds a settlement against the movements as they pass.
type matching struct {
	settlement *Settlement
	rows       map[settledKey]*matched
	unsettled  map[settledKey]*movement
	more       uint64 // that were not remembered
}

// matched is a row and what the log has of it.
type matched struct {
	row  *settledRow
	have *movement // nil: nothing, or no longer
}

// movement is one as the log has it.
type movement struct {
	position uint64
	stream   events.Stream
	amount   events.Money
}

func newMatching(s *Settlement) *matching {
	m := &matching{settlement: s, rows: map[settledKey]*matched{}, unsettled: map[settledKey]*movement{}}
	for i := range s.rows {
		row := &s.rows[i]
		m.rows[settledKey{row.kind, row.id}] = &matched{row: row}
	}
	return m
}

// moved takes in what a legal record says of a movement.
func (m *matching) moved(r *events.Record) {
	if _, anomaly := r.Event.(events.AnomalyObserved); anomaly {
		return
	}
	p := events.PartsOf(r.Event)
	_, paid := r.Event.(events.PaymentPaid)
	kind, ids := p.Transfer, []string{p.TransferID, p.RequestID}
	switch {
	case paid:
		ids = []string{p.PaymentID, ""}
	case kind == events.TransferCapture && p.TransferID == "" && p.RequestID == "": // APO's own, which has no name
		ids = []string{p.PaymentID, ""}
	case kind != events.TransferCapture && kind != events.TransferRefund:
		return
	}
	have := &movement{position: r.Position, stream: ownStream(r.Stream), amount: p.Amount}
	switch p.Stage {
	case events.StageSucceeded, events.StageHeld:
	case events.StageFailed:
		have = nil
	default:
		return
	}
	m.take(kind, ids, have, r.Occurred)
}

// take remembers a movement under its row, or that it has none.
func (m *matching) take(kind events.Transfer, ids []string, have *movement, at time.Time) {
	found := false
	for _, id := range ids {
		key := settledKey{kind, id}
		delete(m.unsettled, key)
		if row := m.rows[key]; id != "" && row != nil {
			row.have, found = have, true
		}
	}
	if found || have == nil || at.Before(m.settlement.From) || !at.Before(m.settlement.Until) {
		return
	}
	if len(m.unsettled) == unsettledMax {
		m.more++
		return
	}
	m.unsettled[settledKey{kind, strings.Clone(cmp.Or(ids...))}] = have
}

var movementWords = map[events.Transfer]string{events.TransferPayment: "payment", events.TransferCapture: "capture",
	events.TransferRefund: "refund"}

// close makes findings of what only one of the two has, or each otherwise.
func (m *matching) close(report *Report) {
	s := &Settled{Rows: len(m.rows), From: m.settlement.From, Until: m.settlement.Until}
	report.Settled = s
	for i := range m.settlement.rows {
		row := &m.settlement.rows[i]
		what := fmt.Sprintf("line %d of the settlement: %s %q of %s", row.line, movementWords[row.kind], row.id, row.amount)
		switch have := m.rows[settledKey{row.kind, row.id}].have; {
		case have == nil:
			report.add(Finding{Level: LevelMoney, Problem: NotOnRecord, Detail: what})
		case have.amount != row.amount:
			report.add(Finding{Level: LevelMoney, Problem: SettledOtherwise, Position: have.position, Stream: have.stream,
				Detail: what + "; on record are " + have.amount.String()})
		default:
			s.Matched++
		}
	}
	type unsettled struct {
		key settledKey
		*movement
	}
	var left []unsettled
	for key, have := range m.unsettled {
		left = append(left, unsettled{key, have})
	}
	slices.SortFunc(left, func(a, b unsettled) int { return cmp.Compare(a.position, b.position) })
	for _, u := range left {
		report.add(Finding{Level: LevelMoney, Problem: NotSettled, Position: u.position, Stream: u.stream,
			Detail: fmt.Sprintf("%s %q of %s", movementWords[u.key.kind], u.key.id, u.amount)})
	}
	if m.more > 0 {
		report.Levels[LevelMoney].leave(fmt.Sprintf("of %s more that the settlement leaves out nobody kept the "+
			"names", words.Counted(uint64(m.more), "movement")))
	}
}
