package audit

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/tilltape/tilltape/events"
)

// judge judges records as a replay does, and goes on after one that is not good: of its order nothing that follows can
// be known, and of others all.
type judge struct {
	replay  *replay
	report  *Report
	cfg     *VerifyConfig
	keys    *keyring
	blind   map[events.Stream]bool // streams of which nothing more can be known
	missing []span                 // positions whose records could not be read
	judged  uint64                 // records that were found legal
	skipped uint64                 // records of streams that are blind
}

// span is a stretch of positions, both ends in it.
type span struct{ from, to uint64 }

func newJudge(report *Report, l *ledger, keys *keyring, cfg *VerifyConfig) *judge {
	j := &judge{replay: newReplay(&Config{}), report: report, cfg: cfg, keys: keys, blind: map[events.Stream]bool{}}
	if cfg.wants(LevelMoney) {
		j.replay.moved = l.moved
	}
	return j
}

// record judges the next record that could be read.
func (j *judge) record(r *events.Record) {
	if r.Position > j.replay.last+1 {
		j.skip(span{j.replay.last + 1, r.Position - 1})
	}
	if j.cfg.wants(LevelEvidence) {
		j.signature(r)
	}
	if j.blind[r.Stream] {
		j.replay.last = r.Position
		j.skipped++
		return
	}
	j.follow(r)
	j.replay.last = r.Position
}

// skip goes past positions whose records could not be read. An answer to what waits for one may have been among them.
func (j *judge) skip(s span) {
	j.missing = append(j.missing, s)
	for _, w := range j.replay.waiting {
		j.unknowable(&w.record, s.from)
	}
	j.replay.waiting, j.replay.word, j.replay.last = j.replay.waiting[:0], nil, s.to
}

// follow has the replay take the record, as often as it finds something in it or in one before.
func (j *judge) follow(r *events.Record) {
	p := j.replay
	defer func() { p.trusting = false }()
	for {
		_, err := p.take(r)
		if err == nil {
			j.judged++
			return
		}
		if earlier, ok := errors.AsType[*IllegalError](err); ok { // a fact that waited for the message it came from
			j.found(&earlier.Record, earlier.Err)
			p.waiting = p.waiting[:0]
			continue
		}
		if errors.Is(err, ErrEvidence) && !p.trusting {
			j.found(r, err)
			p.trusting = true // what it says is legal, and what follows from it is folded
			continue
		}
		if j.among(r.Previous) {
			j.unknowable(r, r.Previous)
			return
		}
		j.found(r, err)
		j.blind[ownStream(r.Stream)] = true
		return
	}
}

// found makes a finding of a record that is not what it should be.
func (j *judge) found(r *events.Record, err error) {
	level, problem := LevelLegality, IllegalRecord
	if errors.Is(err, ErrEvidence) {
		level, problem = LevelEvidence, OtherThanMessage
	}
	if !j.cfg.wants(level) {
		return
	}
	kind := events.Kind("a record without a fact")
	if r.Event != nil {
		kind = r.Event.Kind()
	}
	j.report.add(Finding{Level: level, Problem: problem, Position: r.Position, Stream: ownStream(r.Stream),
		Detail: fmt.Sprintf("%s, version %d: %v", kind, r.Version, err)})
}

// unknowable gives up an order from this record on.
func (j *judge) unknowable(r *events.Record, missing uint64) {
	stream := ownStream(r.Stream)
	if j.blind[stream] {
		return
	}
	j.blind[stream] = true
	if j.cfg.wants(LevelLegality) {
		j.report.add(Finding{Level: LevelLegality, Problem: UnknowableOrder, Position: r.Position, Stream: stream,
			Detail: fmt.Sprintf("from version %d on, since position %d cannot be read", r.Version, missing)})
	}
}

// among reports whether the record at a position could not be read.
func (j *judge) among(position uint64) bool {
	i := sort.Search(len(j.missing), func(i int) bool { return j.missing[i].to >= position })
	return i < len(j.missing) && j.missing[i].from <= position
}

// signature holds the message that a record keeps against APO's keys.
func (j *judge) signature(r *events.Record) {
	if r.Event == nil {
		return
	}
	e := events.PartsOf(r.Event).Proof.Evidence
	if e == nil {
		return
	}
	j.report.Messages++
	if problem, detail := j.keys.check(e); problem != 0 {
		j.report.add(Finding{Level: LevelEvidence, Problem: problem, Position: r.Position, Stream: ownStream(r.Stream),
			Detail: detail})
	}
}

// ended judges what the log's last records left open.
func (j *judge) ended() {
	for _, w := range j.replay.waiting {
		j.found(&w.record, evidenceError("it is said to come from inquiry %d, and the same append has no answer to it",
			w.states.proof.Inquiry))
	}
	j.replay.out.orders.settle()
}

// ownStream is a stream that does not keep the frame of its record in memory.
func ownStream(s events.Stream) events.Stream {
	return events.Stream{Category: strings.Clone(s.Category), ID: strings.Clone(s.ID)}
}
