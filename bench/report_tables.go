package main

import (
	"fmt"
	"strings"
	"time"
)

func (r *report) machineTable() table {
	m, s := r.Machine, r.Settings
	return table{title: "Machine and settings", words: 2, head: []string{"", ""}, rows: [][]string{
		{"date", m.Date},
		{"processor", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)},
		{"memory", m.Memory},
		{"system", m.System},
		{"file system", m.FileSystem},
		{"Go", m.Go},
		{"rounds", fmt.Sprintf("%d, all contenders taking turns in each; %s a cell; the run took %s", s.Rounds,
			short(s.CellTime), r.Took)},
		{"an order", fmt.Sprintf("%d facts, one append each; payload %.0f B, frame %.0f B on average", eventsPerOrder,
			r.Payload, r.Frame)},
	}}
}

func (r *report) appendTable(orders int, ids ordering, writers int) table {
	t := table{title: fmt.Sprintf("Appends: %s orders on file, %s ids, %d %s", count(float64(orders)), ids, writers,
		plural(writers, "writer")), words: 1,
		head: []string{"", "events/s", "× raw", "× DB.Update", "× SQLite group", "p50", "p99", "max", "longest", "B/event",
			"B/event on disk"}}
	rate := func(name string) float64 {
		if c := r.cell(orders, ids, writers, name); c != nil {
			return c.Rate
		}
		return 0
	}
	for _, c := range r.Appends {
		if c.Orders != orders || c.IDs != ids || c.Writers != writers {
			continue
		}
		t.rows = append(t.rows, []string{c.Contender, count(c.Rate), times(c.Rate, rate(nameRaw)),
			times(c.Rate, rate(namePlain)),
			times(c.Rate, rate(nameSQLiteGroup)), short(c.P50), short(c.P99), short(c.Max), short(c.Longest),
			bytesEach(c.Written), bytesEach(c.Device)})
	}
	return t
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func (r *report) storedTable() table {
	t := table{title: "Stored: what the files grew by", words: 2, head: []string{"", "block", "events", "B/event"},
		note: "Blocks on the disk after closing, less those before, over all cells. Only files too large to be copied for " +
			"each cell."}
	for _, s := range r.Stored {
		t.rows = append(t.rows, []string{s.Contender, fmt.Sprintf("%s orders, %s", count(float64(s.Orders)), s.IDs),
			count(float64(s.Events)), bytesEach(s.Bytes)})
	}
	return t
}

func (r *report) lessTable() table {
	t := table{title: "What each does less than tilltape", words: 2, head: []string{"", "less"},
		note: "Each syncs every append before it returns, checks the stream's version and the keys' owners, and keeps the " +
			"newest head of each stream, findable by status and due time."}
	for _, c := range r.Settings.contenders() {
		less := c.Less
		if less == "" {
			less = "–"
		}
		t.rows = append(t.rows, []string{c.Name, less})
	}
	return t
}

func (r *report) cancelTable() table {
	t := table{title: "Whole cancels", words: 1, head: []string{"", "cancels/s", "two appends/s", "×"},
		note: "Read, decide, append the intent, ask a gateway that answers at once, append the outcome; beside the same " +
			"two appends to the same store and nothing else."}
	for _, c := range r.Cancels {
		t.rows = append(t.rows, []string{fmt.Sprintf("%d %s", c.Writers, plural(c.Writers, "writer")), count(c.Cancels),
			count(c.Two), times(c.Cancels, c.Two)})
	}
	return t
}

func (r *report) loadTable() table {
	l := r.Load
	row := func(what string, a timing) []string {
		if a == (timing{}) {
			return []string{what, "–", "–"}
		}
		return []string{what, short(a.P50), short(a.P99)}
	}
	return table{title: fmt.Sprintf("Loading one order among %s", count(float64(l.Orders))), words: 1,
		head: []string{"", "p50", "p99"},
		note: fmt.Sprintf("Each of %d facts that lie far apart. Raw is getting the values that hold them from bbolt by "+
			"known positions, nothing decoded. The file has %.0f B a fact.",
			eventsPerOrder, l.Stored),
		rows: [][]string{row("read and folded, warm", l.Warm), row("raw, warm", l.RawWarm),
			row("read and folded, cold", l.Cold), row("raw, cold", l.RawCold)}}
}

func (r *report) replayTable() table {
	p := r.Replay
	rate := func(n float64) string {
		if n == 0 {
			return "–"
		}
		return count(n)
	}
	return table{title: fmt.Sprintf("Replay of %s events of %s orders", count(float64(p.Events)),
		count(float64(p.Orders))), words: 1, head: []string{"", "events/s"},
		note: fmt.Sprintf("Decoded, judged and folded. It comes to %.0f B in memory an order, %.0f B at the peak with "+
			"garbage. The last three rows are the same loop over %s events in memory.",
			p.Live, p.Peak, count(float64(p.MemoryEvents))),
		rows: [][]string{
			{"one core, warm", rate(p.OneCore.Warm)}, {"one core, cold", rate(p.OneCore.Cold)},
			{"two cores, warm", rate(p.TwoCores.Warm)}, {"two cores, cold", rate(p.TwoCores.Cold)},
			{"one core, frames in memory", rate(p.MemoryOurs)},
			{"one core, the payload in encoding/json", rate(p.MemoryPayload)},
			{"one core, the whole record in encoding/json", rate(p.MemoryRecord)},
		}}
}

func (r *report) openTable() table {
	o := r.Open
	known := func(d time.Duration) string {
		if d == 0 {
			return "–"
		}
		return short(d)
	}
	return table{title: fmt.Sprintf("Opening a file of %s orders", count(float64(o.Orders))), words: 1,
		head: []string{"", "median", "slowest"},
		rows: [][]string{
			{"closed cleanly, warm", known(o.CleanWarm), ""},
			{"closed cleanly, cold", known(o.CleanCold), ""},
			{fmt.Sprintf("its writer of %d goroutines killed after %d orders; at most %d records to be read again",
				victimWriters, o.KilledOrders, o.KilledRecords),
				known(o.Killed), known(o.KilledWorst)},
		}}
}

func (r *report) coreTable() table {
	t := table{title: "One step of the core", words: 1, head: []string{"", "took", "allocations"}}
	for _, c := range r.Core {
		t.rows = append(t.rows, []string{c.Step, short(c.Took), fmt.Sprintf("%.0f", c.Allocs)})
	}
	return t
}

// decides tells whether the step is one of Decide's.
func (c coreResult) decides() bool { return strings.HasPrefix(c.Step, "Decide(") }

func (r *report) figureTable() table {
	t := table{title: "Figures of the design", words: 6, head: []string{"", "what", "limit", "measured", "", "note"}}
	if most := r.largest(); r.Settings.has(sectionAppends) {
		t.note = fmt.Sprintf("Appends at %s orders on file.", count(float64(most)))
	}
	for _, f := range r.Figures {
		kind, measured := "aim", f.Measured
		if f.Must {
			kind = "MUST"
		}
		if measured == "" {
			measured = "–"
		}
		t.rows = append(t.rows, []string{kind, f.What, f.Limit, measured, f.state(), f.Note})
	}
	return t
}
