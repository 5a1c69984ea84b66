package main

import (
	"strings"
	"time"
)

// report is everything that a run measured. Times are in nanoseconds in its JSON.
type report struct {
	Machine        machine
	Settings       settings
	Took           time.Duration
	Payload, Frame float64        // bytes, the mean of an order's facts
	Appends        []cell         `json:",omitempty"`
	Stored         []stored       `json:",omitempty"`
	Cancels        []cancelResult `json:",omitempty"`
	Load           *loadResult    `json:",omitempty"`
	Replay         *replayResult  `json:",omitempty"`
	Export         *exportResult  `json:",omitempty"`
	Open           *openResult    `json:",omitempty"`
	Core           []coreResult   `json:",omitempty"`
	Postgres       *pgResult      `json:",omitempty"`
	Streams        *streamResult  `json:",omitempty"`
	Tool           *toolResult    `json:",omitempty"`
	Service        *serviceResult `json:",omitempty"`
	Memory         *flatResult    `json:",omitempty"`
	Figures        []figure
}

// text is the report for a terminal.
func (r *report) text() string {
	var b strings.Builder
	for _, t := range r.tables() {
		t.text(&b)
	}
	return b.String()
}

// markdown is the report for the documentation. It names no host and no path.
func (r *report) markdown() string {
	var b strings.Builder
	for _, t := range r.tables() {
		t.markdown(&b)
	}
	return b.String()
}

// tables are the report's parts, in the order in which they are read.
func (r *report) tables() []table {
	all := []table{r.machineTable()}
	for _, orders := range r.Settings.Orders {
		for _, ids := range r.Settings.IDs {
			for _, writers := range r.Settings.Writers {
				if t := r.appendTable(orders, ids, writers); len(t.rows) > 0 {
					all = append(all, t)
				}
			}
		}
	}
	for _, part := range []struct {
		measured bool
		table    func() table
	}{
		{len(r.Stored) > 0, r.storedTable}, {len(r.Appends) > 0, r.lessTable}, {len(r.Cancels) > 0, r.cancelTable},
		{r.Load != nil, r.loadTable},
		{r.Replay != nil, r.replayTable}, {r.Open != nil, r.openTable}, {len(r.Core) > 0, r.coreTable},
		{r.Postgres != nil, r.pgAppendTable}, {r.Postgres != nil, r.pgReadTable},
		{r.Streams != nil, r.streamTable},
		{r.Tool != nil, r.toolTable}, {r.Service != nil, r.serviceTable}, {r.Service != nil, r.sharesTable},
		{r.Memory != nil, r.memoryTable},
		{len(r.Figures) > 0, r.figureTable},
	} {
		if part.measured {
			all = append(all, part.table())
		}
	}
	return all
}
