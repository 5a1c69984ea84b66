package audit

import (
	"fmt"
	"strings"

	"github.com/tilltape/tilltape/internal/words"
)

// Verdict is the report in one sentence that needs no knowledge of logs: what was found, what was not looked at, and
// which checkpoint all of it was held against. It has no line breaks.
func (r *Report) Verdict() string {
	log := "the log"
	if r.Seal.Origin != "" {
		log = "the log " + r.Seal.Origin
	}
	var b strings.Builder
	switch outcome := r.Outcome(); {
	case outcome == Clean && r.inState(StateProven) == "":
		fmt.Fprintf(&b, "Nothing of %s was proven, and nothing found wrong", log)
	case outcome == Clean:
		fmt.Fprintf(&b, "Nothing is wrong with %s, which has %s of %s", log, words.Counted(r.Records, "record"),
			words.Counted(uint64(r.Orders), "order"))
	case outcome == Open:
		fmt.Fprintf(&b, "The records of %s are as they were written, but the money does not close", log)
	case outcome == CutOff:
		fmt.Fprintf(&b, "%s%s is cut off", strings.ToUpper(log[:1]), log[1:])
	case outcome == Altered:
		fmt.Fprintf(&b, "%s%s is not what was written", strings.ToUpper(log[:1]), log[1:])
	default:
		fmt.Fprintf(&b, "Not one record of %s can be read", log)
	}
	if f, found := r.First(); found {
		what := f.Problem.String()
		if f.Problem == EndsEarly {
			what = "records missing"
		}
		fmt.Fprintf(&b, ": %s%s", what, whereWords(&f))
		if n := r.wrongs(); n > 1 {
			fmt.Fprintf(&b, ", the first of %s", words.Counted(n, "finding"))
		}
	}
	for _, state := range []State{StateProven, StateNotChecked} {
		if names := r.inState(state); names != "" {
			fmt.Fprintf(&b, "; %s: %s", state, names)
		}
	}
	return b.String() + "; " + r.heldWords() + "."
}

// whereWords is where a finding is, with a space before it.
func whereWords(f *Finding) string {
	switch {
	case f.Position == 0:
		return ""
	case f.Until != 0 && f.Until != f.Position:
		return fmt.Sprintf(" within positions %d to %d", f.Position, f.Until)
	}
	return fmt.Sprintf(" at position %d", f.Position)
}

// wrongs counts the findings that say that something is wrong.
func (r *Report) wrongs() (n uint64) {
	for i := range r.Levels {
		n += r.Levels[i].Wrong
	}
	return n
}

// inState lists the levels in a state, with why they are: what several have in common stands once.
func (r *Report) inState(s State) string {
	var reasons []string
	levels := map[string][]string{}
	for _, l := range Levels() {
		level := r.Level(l)
		if level.State != s {
			continue
		}
		for why := range strings.SplitSeq(level.Why, reasonMark) {
			if len(levels[why]) == 0 {
				reasons = append(reasons, why)
			}
			levels[why] = append(levels[why], l.String())
		}
	}
	parts := make([]string, len(reasons))
	for i, why := range reasons {
		if parts[i] = words.List(levels[why], "and") + " (" + why + ")"; why == "" {
			parts[i] = strings.Join(levels[why], ", ")
		}
	}
	return strings.Join(parts, ", ")
}

// heldWords names the checkpoint that the log was held against: of several the longest.
func (r *Report) heldWords() string {
	if len(r.Held) == 0 {
		return "held against no checkpoint that was kept elsewhere, so a history that was rewritten together with its seal " +
			"would not show"
	}
	longest := r.Held[0]
	for _, h := range r.Held {
		if h.Checkpoint.Size >= longest.Checkpoint.Size {
			longest = h
		}
	}
	c := longest.Checkpoint
	text := fmt.Sprintf("held against the checkpoint of %s over %s, root %s", c.Origin,
		words.Counted(c.Size, "record"), c.Root)
	if more := len(r.Held) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}
