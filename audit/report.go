package audit

import (
	"cmp"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/seal"
)

// Level is one of the four questions that [Verify] asks a log.
type Level uint8

// The levels, in the order in which a report tells of them.
const (
	LevelBytes    Level = iota // are the stored bytes those that were sealed?
	LevelLegality              // can our rules have written what they say?
	LevelEvidence              // did APO sign the messages, and do they say what the records say?
	LevelMoney                 // what do the movements come to, and do they close?
	levels                     // how many there are
)

var levelWords = [...]string{"bytes", "legality", "evidence", "money"}

// String is the level in a word.
func (l Level) String() string { return words.Of(levelWords[:], l) }

// MarshalText is [Level.String], for JSON and the like.
func (l Level) MarshalText() ([]byte, error) { return words.Marshal(l, levels-1) }

// Levels returns all of them.
func Levels() []Level { return []Level{LevelBytes, LevelLegality, LevelEvidence, LevelMoney} }

// State is what became of a level. The zero value is that nobody looked.
type State uint8

// The states.
const (
	StateNotChecked State = iota // in part or at all: [LevelReport.Why] says why
	StateProven
	StateWrong
)

var stateWords = [...]string{"not checked", "proven", "wrong"}

// String is the state in words.
func (s State) String() string { return words.Of(stateWords[:], s) }

// MarshalText is [State.String], for JSON and the like.
func (s State) MarshalText() ([]byte, error) { return words.Marshal(s, StateWrong) }

// FindingsMax is how many findings of a level a report keeps that say that something is wrong, and as many again that
// say that something cannot be known; beyond it they are only counted. Each has its own bound, so that an order which
// cannot be judged never takes the place of a record that is wrong.
const FindingsMax = 100

// Finding is one thing that is not as it should be.
type Finding struct {
	Level    Level
	Problem  Problem
	Position uint64        // where it is, or the first position where it can be; 0: in no record
	Until    uint64        // the last position where it can be; 0: it is at Position
	Stream   events.Stream // whose record it is, where that is known
	Detail   string        // what was found
}

// Meaning says in plain words what the problem means for whoever relies on the log.
func (f Finding) Meaning() string { return f.Problem.row().meaning }

// Remedy says what to do about it.
func (f Finding) Remedy() string { return f.Problem.row().remedy }

// LevelReport is what became of one level.
type LevelReport struct {
	State   State
	Why     string // what was left out, and why; empty: nothing was
	Checked uint64 // records, or of [LevelEvidence] messages, that were held against something and found good
	Wrong   uint64 // findings that say that something is wrong, those beyond [FindingsMax] among them
	Unknown uint64 // findings that say that something cannot be known, likewise

	unproven bool // what was left out keeps it from being proven
}

// leave says why something is not proven.
func (l *LevelReport) leave(why string) { l.Why, l.unproven = also(l.Why, why), true }

// settle draws the conclusion: a level is proven only where all of it is.
func (l *LevelReport) settle() {
	switch {
	case l.Wrong > 0:
		l.State = StateWrong
	case l.unproven || l.Unknown > 0:
		l.State = StateNotChecked
	default:
		l.State = StateProven
	}
}

// reasonMark stands between the reasons of a level.
const reasonMark = "; "

// also adds a reason to others.
func also(why, more string) string {
	if why == "" || more == "" {
		return why + more
	}
	return why + reasonMark + more
}

// Held is a checkpoint that the log was held against.
type Held struct {
	Checkpoint seal.Checkpoint
	// State is [StateProven] where the log begins with the records that the checkpoint is of, and [StateNotChecked] where
	// records before its end could not be read, or are not there.
	State State
}

// Report is what [Verify] found.
type Report struct {
	Records  uint64 // that could be read
	Missing  uint64 // positions whose record could not be read
	Orders   int
	Messages uint64 // of APO's that are kept in the log
	// Seal is what the records come to: their number and the root over their stored bytes, computed from these alone, and
	// the origin that the log gives itself. Where a record is missing, the root is over those before it.
	Seal     seal.Checkpoint
	Sealed   bool // the log has a seal of its own, and was held against it
	Held     []Held
	Levels   [levels]LevelReport
	Findings []Finding // by level, and in it by position; of each level and kind at most [FindingsMax]
	Days     []Day     // of [LevelMoney], by currency and day
	Totals   []Day     // a sum for each currency; Day.Date is empty
	Settled  *Settled  // nil: no settlement was given

	gravest Outcome // of all findings, those beyond [FindingsMax] too
	refused bool    // the log's engine does not open it
}

// Level returns what became of a level.
func (r *Report) Level(l Level) LevelReport { return r.Levels[l] }

// Clean reports whether nothing is wrong: no level is [StateWrong], and no record is missing. What was not checked may
// still be wrong.
func (r *Report) Clean() bool { return r.Outcome() == Clean }

// First is where something is wrong first: of the findings that say so the one with the lowest position, and false
// where there is none. A record whose bytes are found to be others explains a stretch that ends with it or later; what
// is found by the rules within a stretch may follow from what is wrong before it. Findings in no record come last.
func (r *Report) First() (first Finding, found bool) {
	var record, stretch, other *Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		least := &other
		switch {
		case !f.Problem.wrong():
			continue
		case f.Until != 0:
			least = &stretch
		case f.Level == LevelBytes:
			least = &record
		}
		if *least == nil || before(f, *least) {
			*least = f
		}
	}
	bytes := record
	if stretch != nil && (record == nil || record.Position == 0 || record.Position > stretch.Until) {
		bytes = stretch
	}
	switch {
	case bytes == nil && other == nil:
		return Finding{}, false
	case bytes == nil, other != nil && before(other, bytes):
		return *other, true
	}
	return *bytes, true
}

// before orders findings by where they are, or begin.
func before(a, b *Finding) bool {
	if (a.Position == 0) != (b.Position == 0) {
		return b.Position == 0
	}
	return a.Position < b.Position
}

// Outcome is what a report comes to, for whoever acts by it.
type Outcome uint8

// The outcomes, the gravest last: a log's outcome is that of its gravest finding.
const (
	Clean      Outcome = iota // nothing is wrong
	Open                      // the log is sound, and the money or a settlement does not close
	CutOff                    // the log ends before a checkpoint does
	Altered                   // something is not what was written
	Unreadable                // not one record could be read
)

var outcomeWords = [...]string{"clean", "open", "cut off", "altered", "unreadable"}

// String is the outcome in words.
func (o Outcome) String() string { return words.Of(outcomeWords[:], o) }

// MarshalText is [Outcome.String], for JSON and the like.
func (o Outcome) MarshalText() ([]byte, error) { return words.Marshal(o, Unreadable) }

// Outcome returns what the report comes to.
func (r *Report) Outcome() Outcome {
	if r.Records == 0 && (r.Missing > 0 || r.refused) {
		return Unreadable
	}
	return r.gravest
}

// add takes a finding in, or counts it where there are enough of its level and kind.
func (r *Report) add(f Finding) {
	level := &r.Levels[f.Level]
	count := &level.Unknown
	if f.Problem.wrong() {
		count = &level.Wrong
	}
	*count++
	r.gravest = max(r.gravest, f.Problem.row().outcome)
	if *count <= FindingsMax {
		r.Findings = append(r.Findings, f)
	}
}

// sortFindings puts them in the order of levels, and within one of positions.
func sortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int {
		switch {
		case a.Level != b.Level:
			return cmp.Compare(a.Level, b.Level)
		case before(&a, &b):
			return -1
		case before(&b, &a):
			return 1
		}
		return 0
	})
}
