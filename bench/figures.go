package main

import (
	"fmt"
	"slices"
	"time"
)

// figure is one line of what the design asks for.
type figure struct {
	Must     bool // else it is an aim
	What     string
	Limit    string
	Measured string // empty where it was not measured
	Note     string
	Met      bool
	// Of is what was measured in parts of the limit, of a figure that counts bytes, allocations or round trips and so is
	// the same on a busy machine; 0: it is by the clock, or was not measured.
	Of float64 `json:",omitempty"`
}

// countedSlack is how far above its limit a figure that is counted may be on a log as small as that of -ci: a file has
// pages that are not full yet.
const countedSlack = 1.2

// slipped names what was counted and is far above its limit, whatever else the machine did meanwhile.
func (r *report) slipped() (names []string) {
	for _, f := range r.Figures {
		if f.Of > countedSlack {
			names = append(names, fmt.Sprintf("%s: %s, limit %s", f.What, f.Measured, f.Limit))
		}
	}
	return names
}

// state is the figure's last column.
func (f figure) state() string {
	switch {
	case f.Measured == "":
		return "not measured"
	case f.Met:
		return "met"
	}
	return "NOT MET"
}

// missed tells whether a Must was measured and not met.
func (r *report) missed() bool {
	return slices.ContainsFunc(r.Figures, func(f figure) bool { return f.Must && f.Measured != "" && !f.Met })
}

// figures are the design's limits beside what was measured.
func (r *report) figures() []figure {
	return slices.Concat(r.musts(), r.aims())
}

// largest is the most orders that appends were measured with.
func (r *report) largest() int { return slices.Max(append(slices.Clone(r.Settings.Orders), 0)) }

// cell returns a cell, nil where it was not measured.
func (r *report) cell(orders int, ids ordering, writers int, name string) *cell {
	for i := range r.Appends {
		if c := &r.Appends[i]; c.Orders == orders && c.IDs == ids && c.Writers == writers && c.Contender == name {
			return c
		}
	}
	return nil
}

// workload names a row of cells: one for each contender.
type workload struct {
	ids     ordering
	writers int
}

func (w workload) String() string { return fmt.Sprintf("%d writers, %s", w.writers, w.ids) }

// against compares our rate with another's at the most orders.
func (r *report) against(must bool, other string, least float64, w workload) figure {
	return r.pair(must, nameOurs, "appends beside "+other, other, least, w)
}

// withJournal is what the journal's appends come to beside the raw file's.
func (r *report) withJournal(least float64, w workload) figure {
	return r.pair(false, nameJournal, "appends with a journal beside "+nameRaw, nameRaw, least, w)
}

// pair compares the rates of two contenders.
func (r *report) pair(must bool, name, what, other string, least float64, w workload) figure {
	f := figure{Must: must, What: fmt.Sprintf("%s, %s", what, w), Limit: fmt.Sprintf("≥ %.2f ×", least)}
	ours, theirs := r.cell(r.largest(), w.ids, w.writers, name), r.cell(r.largest(), w.ids, w.writers, other)
	if ours != nil && theirs != nil {
		got := ratio(ours.Rate, theirs.Rate)
		f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got >= least
		f.Note = fmt.Sprintf("%s to %s a second", count(ours.Rate), count(theirs.Rate))
	}
	return f
}

func (r *report) musts() []figure {
	const must = true
	all := []figure{
		r.against(must, nameRaw, 0.3, workload{timeOrdered, 64}),
		r.against(must, nameSQLiteGroup, 3, workload{random, 64}),
		r.against(must, nameSQLiteGroup, 3, workload{random, 512}),
		r.against(must, nameSQLiteGroup, 0.6, workload{timeOrdered, 64}),
		r.against(must, nameSQLiteGroup, 1, workload{timeOrdered, 512}),
		r.hallgren(),
		r.lone(),
		r.stall(),
		r.sealing(workload{timeOrdered, 64}),
		r.sealing(workload{timeOrdered, 512}),
		r.written(must, 1024),
	}
	all = append(all, r.tapeMusts()...)
	all = append(all, r.exportMusts()...)
	all = append(all, r.coreMusts()...)
	all = append(all, r.toolMusts()...)
	all = append(all, r.serviceMusts()...)
	all = append(all, r.memoryMusts()...)
	return slices.Concat(all, r.pgMusts(), r.streamMusts())
}

// hallgren was measured when the design was made. Its bbolt store is not to be had from every module proxy, so it is
// not among the contenders, and what stands beside it is bbolt with one transaction an event, which syncs as often.
func (r *report) hallgren() figure {
	f := figure{Must: true, What: "appends beside hallgren/eventsourcing on bbolt, 64 writers", Limit: "≥ 25 ×",
		Note: "its bbolt store could not be installed"}
	w := workload{timeOrdered, 64}
	if beside := r.against(true, namePlain, 25, w); beside.Measured != "" {
		f.Note += fmt.Sprintf("; beside %s, which also syncs twice an event: %s", namePlain, beside.Measured)
	}
	return f
}

// loneSlack is how much longer than plain bbolt's a lone writer's append may take.
const loneSlack = 1.15

func (r *report) lone() figure {
	f := figure{Must: true, What: "a lone writer's p50 beside " + namePlain, Limit: fmt.Sprintf("≤ %.2f ×", loneSlack)}
	worst := 0.0
	for _, ids := range r.Settings.IDs {
		ours, plain := r.cell(r.largest(), ids, 1, nameOurs), r.cell(r.largest(), ids, 1, namePlain)
		if ours == nil || plain == nil {
			continue
		}
		if got := ratio(float64(ours.P50), float64(plain.P50)); got > worst {
			worst = got
			f.Note = fmt.Sprintf("%s to %s, %s", short(ours.P50), short(plain.P50), ids)
		}
		f.Measured, f.Met = fmt.Sprintf("%.2f ×", worst), worst <= loneSlack
	}
	return f
}

// stallMax is the longest that an append may wait while the log flushes.
const stallMax = 50 * time.Millisecond

// stall looks at how much longer than the median one the longest append of a cell took. A disk that hesitates shows
// there too, so it takes the median of the rounds and names the raw file's, which flushes nothing.
func (r *report) stall() figure {
	f := figure{Must: true, What: "the longest append beyond the median one, worst cell", Limit: "≤ 50 ms"}
	var worst *cell
	for i := range r.Appends {
		if c := &r.Appends[i]; c.Contender == nameOurs && (worst == nil || c.Max-c.P50 > worst.Max-worst.P50) {
			worst = c
		}
	}
	if worst == nil {
		return f
	}
	f.Measured, f.Met = short(worst.Max-worst.P50), worst.Max-worst.P50 <= stallMax
	f.Note = fmt.Sprintf("median of the rounds; %s orders, %s", count(float64(worst.Orders)),
		workload{worst.IDs, worst.Writers})
	if raw := r.cell(worst.Orders, worst.IDs, worst.Writers, nameRaw); raw != nil {
		f.Note += "; the raw file's there: " + short(raw.Max-raw.P50)
	}
	return f
}

// sealMax is the share of the rate that sealing may take.
const sealMax = 0.15

func (r *report) sealing(w workload) figure {
	f := figure{Must: true, What: fmt.Sprintf("what sealing takes of the rate, %s", w), Limit: "≤ 15 %"}
	sealed, bare := r.cell(r.largest(), w.ids, w.writers, nameOurs), r.cell(r.largest(), w.ids, w.writers, nameUnsealed)
	if sealed != nil && bare != nil {
		got := 1 - ratio(sealed.Rate, bare.Rate)
		f.Measured, f.Met = fmt.Sprintf("%.0f %%", 100*got), got <= sealMax
	}
	return f
}

func (r *report) written(must bool, most float64) figure {
	w := workload{timeOrdered, 512}
	f := figure{Must: must, What: "written an event, " + w.String(), Limit: fmt.Sprintf("≤ %.0f B", most)}
	if c := r.cell(r.largest(), w.ids, w.writers, nameOurs); c != nil && c.Written >= 0 {
		f.Measured, f.Met = fmt.Sprintf("%.0f B", c.Written), c.Written <= most
		f.Note = fmt.Sprintf("handed to the system; of that the frame has %.0f", r.Frame)
		if c.Device >= 0 {
			f.Note += fmt.Sprintf("; the disk took %.0f, the file system's and others' writes included", c.Device)
		}
	}
	return f
}

func (r *report) aims() []figure {
	const aim = false
	all := []figure{
		r.against(aim, nameRaw, 0.45, workload{timeOrdered, 64}),
		r.against(aim, nameRaw, 0.5, workload{timeOrdered, 512}),
		r.against(aim, nameSQLiteGroup, 1, workload{timeOrdered, 64}),
		r.against(aim, nameSQLiteGroup, 1.5, workload{timeOrdered, 512}),
		r.withJournal(0.8, workload{timeOrdered, 1}),
		r.withJournal(0.9, workload{timeOrdered, 8}),
		r.withJournal(0.5, workload{timeOrdered, 64}),
		r.withJournal(0.55, workload{timeOrdered, 512}),
	}
	for _, writers := range []int{64, 512} {
		f := figure{What: fmt.Sprintf("random ids beside time-ordered ones, %d writers", writers), Limit: "≥ 60 %"}
		hard, easy := r.cell(r.largest(), random, writers, nameOurs), r.cell(r.largest(), timeOrdered, writers, nameOurs)
		if hard != nil && easy != nil {
			got := ratio(hard.Rate, easy.Rate)
			f.Measured, f.Met = fmt.Sprintf("%.0f %%", 100*got), got >= 0.6
		}
		all = append(all, f)
	}
	all = append(all, r.written(aim, 600))
	f := figure{What: "replay on one core, warm", Limit: "≥ 1 M events/s"}
	if p := r.Replay; p != nil {
		f.Measured, f.Met = count(p.OneCore.Warm)+" events/s", p.OneCore.Warm >= 1e6
	}
	return append(all, f)
}

// besides is the figure of a rate that has to be at least so many times another one; not measured where there is not
// one of each.
func besides(what string, least, one, other float64) figure {
	f := figure{Must: true, What: what, Limit: fmt.Sprintf("≥ %.1f ×", least)}
	if one > 0 && other > 0 {
		got := ratio(one, other)
		f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got >= least
		f.Note = fmt.Sprintf("%s to %s a second", count(one), count(other))
	}
	return f
}
