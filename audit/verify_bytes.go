package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// bytes says what became of the first level. That something cannot be read, or is not there, is told whatever levels
// are asked for: nobody may take the others for those of the whole log.
func (v *verification) bytes(ctx context.Context) error {
	v.gaps()
	for _, err := range v.scan.strays {
		v.damageAt(err)
	}
	if !v.cfg.wants(LevelBytes) {
		v.endsEarly()
		return nil
	}
	if v.scan.tile != nil {
		v.report.add(Finding{Level: LevelBytes, Problem: AlteredSeal, Detail: reasonOf(v.scan.tile)})
	}
	if err := v.ownSeal(ctx); err != nil {
		return err
	}
	for i := range v.scan.marks {
		if m := &v.scan.marks[i]; m.kind == markGiven || m.kind == markAncestry {
			v.checkpoint(m)
		}
	}
	return nil
}

// damageAt tells of something that stands out of its place.
func (v *verification) damageAt(err error) {
	f := Finding{Level: LevelBytes, Problem: AlteredRecord, Detail: reasonOf(err)}
	if damage, ok := errors.AsType[*store.DamagedError](err); ok {
		f.Position = damage.Position
	}
	v.report.add(f)
}

// ownSeal holds the records against the log's own seal.
func (v *verification) ownSeal(ctx context.Context) error {
	for i := range v.scan.marks {
		m := &v.scan.marks[i]
		if m.kind != markSeal && m.kind != markEdge {
			continue
		}
		if m.state == StateWrong {
			return v.locate(ctx, m) // those after it say no more
		}
	}
	v.endsEarly()
	return nil
}

// gaps tells of the positions that could not be read, those with one reason together.
func (v *verification) gaps() {
	all := v.scan.gaps
	for i := 0; i < len(all); {
		problem, reason := problemOf(all[i].err), reasonOf(all[i].err)
		end := i + 1
		for end < len(all) && all[end].position == all[end-1].until+1 && reasonOf(all[end].err) == reason {
			end++
		}
		f := Finding{Level: LevelBytes, Problem: problem, Position: all[i].position, Detail: reason}
		if last := all[end-1].until; last > f.Position {
			f.Until = last
			f.Detail = fmt.Sprintf("%s: %s", words.Counted(last-f.Position+1, "record"), reason)
		}
		v.report.add(f)
		i = end
	}
	if v.scan.gaveUp {
		v.report.Levels[LevelBytes].leave(fmt.Sprintf("after %s that cannot be read nobody looked on after "+
			"position %d", words.Counted(gapsMax, "position"), v.scan.last+1))
	}
}

// problemOf tells a record that reads well and is another from one that does not read.
func problemOf(err error) Problem {
	if damage, ok := errors.AsType[*store.DamagedError](err); ok && damage.Reason == alteredReason {
		return AlteredRecord
	}
	return DamagedRecord
}

// alteredReason is what engines say of a record that is not the one in the seal.
const alteredReason = "the record here is not the one that its seal was made over"

// reasonOf is what an engine found, without what it says around that.
func reasonOf(err error) string {
	if damage, ok := errors.AsType[*store.DamagedError](err); ok {
		return damage.Reason
	}
	return err.Error()
}

// endsEarly tells of records at the end that the log's own seal has and nobody reads.
func (v *verification) endsEarly() {
	end := v.scan.end()
	if end > v.scan.last && (len(v.scan.gaps) == 0 || v.scan.short) {
		v.report.add(Finding{Level: LevelBytes, Problem: EndsEarly, Position: v.scan.last + 1, Until: end,
			Detail: fmt.Sprintf("the log's own seal is over %s, and the log ends after %d", words.Counted(end, "record"),
				v.scan.last)})
	}
}

// locate finds the record that does not fit the log's own seal, by the hashes that the log keeps of each.
func (v *verification) locate(ctx context.Context, sealed *mark) error {
	if prover, ok := v.log.(Prover); ok && v.scan.tile == nil {
		_, records, err := prover.Proven(ctx)
		if err != nil {
			return err
		}
		for _, err := range records {
			if errors.Is(err, store.ErrDamaged) {
				return v.damage(err, AlteredRecord)
			}
			if err != nil {
				return err
			}
		}
	}
	v.report.add(v.within(sealed, AlteredSeal, fmt.Sprintf("the root over the first %s is %s, the log's own seal "+
		"says %s", words.Counted(sealed.Size, "record"), sealed.got, sealed.Root)))
	return nil
}

// within is a finding that is somewhere after the newest checkpoint that holds, and not after the one that does not.
func (v *verification) within(m *mark, problem Problem, detail string) Finding {
	f := Finding{Level: LevelBytes, Problem: problem, Position: 1, Until: m.Size, Detail: detail}
	if m.before >= 0 {
		f.Position = v.scan.marks[m.before].Size + 1
		f.Detail += fmt.Sprintf("; another checkpoint holds over the first %s", words.Counted(f.Position-1, "record"))
	}
	return f
}

// checkpoint says what became of a checkpoint.
func (v *verification) checkpoint(m *mark) {
	if m.kind == markGiven {
		v.report.Held = append(v.report.Held, Held{Checkpoint: m.Checkpoint, State: m.state})
	}
	whose := "the checkpoint of " + m.Origin
	if m.kind == markAncestry {
		whose = "what the log is said to have held as " + m.Origin
	}
	differs := fmt.Sprintf("the root over the first %s is %s, and %s says %s", words.Counted(m.Size, "record"), m.got,
		whose, m.Root)
	switch fork := v.forkOf(m); {
	case m.state == StateProven && m.kind == markGiven && v.foreign(m.Origin):
		v.report.add(Finding{Level: LevelBytes, Problem: OtherLog,
			Detail: fmt.Sprintf("the log begins with the %s of %s, but calls itself %s and does not say "+
				"that it came from there", words.Counted(m.Size, "record"), whose, v.report.Seal.Origin)})
	case m.state == StateProven:
	case m.state == StateNotChecked && len(v.scan.gaps) > 0:
		v.report.Levels[LevelBytes].leave(whose + " cannot be held against records that cannot be read")
	case m.kind == markGiven && fork != nil:
		v.report.add(Finding{Level: LevelBytes, Problem: Forked, Position: fork.Size + 1, Until: m.Size,
			Detail: fmt.Sprintf("the log went on from %s of %s, and the checkpoint is of %d",
				words.Counted(fork.Size, "record"), m.Origin, m.Size)})
	case m.kind == markGiven && v.foreign(m.Origin):
		v.report.add(Finding{Level: LevelBytes, Problem: OtherLog,
			Detail: fmt.Sprintf("%s is no checkpoint of %s", whose, v.report.Seal.Origin)})
	case m.state == StateNotChecked:
		v.report.add(Finding{Level: LevelBytes, Problem: EndsEarly, Position: v.scan.last + 1, Until: m.Size,
			Detail: fmt.Sprintf("%s is over %s, and the log ends after %d", whose, words.Counted(m.Size, "record"),
				v.scan.last)})
	default:
		v.report.add(v.within(m, Rewritten, differs))
	}
}

// forkOf is the mark at which the log says that it left the one the checkpoint is of, before that was as long; nil: it
// says no such thing, or it is not so.
func (v *verification) forkOf(m *mark) *mark {
	for i := range v.scan.marks {
		a := &v.scan.marks[i]
		if a.kind == markAncestry && a.Origin == m.Origin && a.state == StateProven && a.Size < m.Size {
			return a
		}
	}
	return nil
}

// foreign reports whether an origin is neither the log's nor one that it had.
func (v *verification) foreign(origin string) bool {
	if v.report.Seal.Origin == "" || v.report.Seal.Origin == origin {
		return false
	}
	for i := range v.scan.marks {
		if m := &v.scan.marks[i]; m.kind == markAncestry && m.Origin == origin {
			return false
		}
	}
	return true
}

// heads holds what the log has as the orders' newest summaries against what their facts came to.
func (v *verification) heads(ctx context.Context) error {
	if v.judge == nil {
		return nil
	}
	orders := v.judge.replay.out.orders
	listed := make([]bool, orders.n)
	for head, err := range v.log.Heads(ctx, store.AllOrders()) {
		switch {
		case errors.Is(err, store.ErrDamaged):
			return v.damage(err, AlteredIndex)
		case err != nil:
			return err
		case head.Position > v.seen: // appended since
			continue
		}
		n, known := orders.find(head.Stream.ID)
		if known {
			listed[n] = true
		}
		if v.judge.blind[head.Stream] {
			continue
		}
		var o order.Order
		if known {
			o = orders.unpacked(n)
		}
		if want := o.Head(); head.Version != o.Version || !sameHead(&want, &head.Head) {
			v.report.add(Finding{Level: LevelBytes, Problem: AlteredIndex, Position: head.Position, Stream: head.Stream,
				Detail: fmt.Sprintf("the log's head of the order says version %d, %s; its facts come to version %d, %s",
					head.Version, headWords(&head.Head), o.Version, headWords(&want))})
		}
	}
	for n, there := range listed {
		if !there {
			row := orders.row(uint32(n))
			v.report.add(Finding{Level: LevelBytes, Problem: AlteredIndex, Position: row.previous,
				Stream: events.OrderStream(orders.id(uint32(n))), Detail: "the log lists no head of the order"})
		}
	}
	return nil
}

// close says of each level what became of it.
func (v *verification) close() {
	report := v.report
	for _, l := range Levels() {
		level := &report.Levels[l]
		if !v.cfg.wants(l) {
			*level = LevelReport{Wrong: level.Wrong, Unknown: level.Unknown, Why: "not asked for", unproven: true}
			level.settle()
			continue
		}
		switch l {
		case LevelBytes:
			level.Checked = report.Records
			if !report.Sealed && len(report.Held) == 0 {
				level.Checked = 0
				level.leave("the log has no seal, and no checkpoint was given")
			}
		case LevelLegality:
			level.Checked = v.judge.judged
		case LevelEvidence:
			v.keys.close(level)
		case LevelMoney:
			v.ledger.close(report, v.judge.replay.out)
			level.Checked = v.judge.judged
		}
		level.settle()
	}
	sortFindings(report.Findings)
}
