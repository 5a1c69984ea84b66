package ordertest

import "github.com/anishathalye/porcupine"

// moments bounds when the stream reached each length: reached[n] lies between the two. It is what turns a search that
// can take for ever into one of milliseconds: a goroutine that lost the processor in the middle of a read seems to
// overlap hundreds of appends, though what it read tells between which two of them it stood.
type moments struct{ earliest, latest []int64 }

// narrowed returns the history with every operation's interval cut down to the time at which the stream had the length
// that its answer tells. ids is what the stream holds in the end. No operation is widened, so what is explained
// afterwards was so before; and what is cut away could not have explained anything.
func narrowed(history []porcupine.Operation, ids []string) []porcupine.Operation {
	place := make(map[string]uint64, len(ids))
	for i, id := range ids {
		place[id] = uint64(i) + 1
	}
	m := moments{earliest: make([]int64, len(ids)+2), latest: make([]int64, len(ids)+2)}
	for n := range m.latest {
		m.latest[n] = never
	}
	attempts := map[string][]int{}
	for i, op := range history {
		in, out := op.Input.(asked), op.Output.(told)
		least, most := seen(in, out, place, uint64(len(ids)))
		m.latest[least] = min(m.latest[least], op.Return)
		m.earliest[most+1] = max(m.earliest[most+1], op.Call)
		if in.verb == verbAppend && (out.result == resultDone || out.result == resultInDoubt) {
			attempts[in.ids[0]] = append(attempts[in.ids[0]], i)
		}
	}
	for id, tries := range attempts {
		if at := place[id]; at > 0 {
			// The attempts with one id come from one client, one after another: none of them wrote before the first began.
			m.earliest[at] = max(m.earliest[at], history[tries[0]].Call)
		}
	}
	m.inOrder()

	// The search tries what begins first. Within one moment, the one that saw the shorter stream begins first and all
	// end last: nothing comes to stand before something else by that, and the first try is nearly always right.
	scale := int64(len(ids)) + 2
	cut := make([]porcupine.Operation, len(history))
	for i, op := range history {
		cut[i] = op
		in, out := op.Input.(asked), op.Output.(told)
		least, most := seen(in, out, place, uint64(len(ids)))
		call, end := max(op.Call, m.earliest[least]), op.Return
		if most < uint64(len(ids)) {
			end = min(end, m.latest[most+1])
		}
		if in.verb == verbAppend && out.result == resultDone && len(attempts[in.ids[0]]) == 1 {
			end = min(end, m.latest[least]) // it wrote these records itself, and so no later than they were seen
		}
		if call > end { // it fits nowhere, which the search finds out and says
			call, end = op.Call, op.Return
		}
		cut[i].Call, cut[i].Return = call*scale+int64(least), never
		if end < never {
			cut[i].Return = end*scale + scale - 1
		}
	}
	return cut
}

// inOrder uses that a stream only grows: it reached no length before a smaller one, nor after a larger one.
func (m *moments) inOrder() {
	for n := 1; n < len(m.earliest); n++ {
		m.earliest[n] = max(m.earliest[n], m.earliest[n-1])
	}
	for n := len(m.latest) - 2; n >= 0; n-- {
		m.latest[n] = min(m.latest[n], m.latest[n+1])
	}
}

// seen tells how long the stream was at least and at most at the operation's moment, right after an append's own
// records. An answer that no stream with these records could have given tells nothing here.
func seen(in asked, out told, place map[string]uint64, length uint64) (least, most uint64) {
	exactly := func(n uint64) (uint64, uint64) {
		if n > length {
			return 0, length
		}
		return n, n
	}
	switch in.verb {
	case verbRead:
		if len(out.ids) > 0 {
			return exactly(in.after + uint64(len(out.ids)))
		}
		return 0, min(in.after, length)
	case verbHead:
		return exactly(out.version)
	case verbLookup:
		at, known := place[in.ids[0]]
		switch {
		case out.found && known:
			return at, length
		case !out.found && known:
			return 0, at - 1
		}
		return 0, length
	}
	switch out.result {
	case resultConflict:
		return exactly(out.version)
	case resultDone:
		if end := in.after + uint64(len(in.ids)); end <= length {
			return end, length
		}
	}
	return 0, length
}
