package main

import (
	"fmt"
	"strings"
)

func (r *report) pgAppendTable() table {
	p := r.Postgres
	t := table{title: fmt.Sprintf("PostgreSQL: appends of %d writers", p.Writers), words: 1,
		head: []string{"", "events/s", "× tx an event", "× tilltape's file", "p50", "p99", "max", "longest"},
		note: fmt.Sprintf("PostgreSQL %s on loopback and on the same disk, with fsync, full_page_writes and "+
			"synchronous_commit on; time-ordered ids; each log begins empty. Of two processes each has as many writers. %s",
			p.Server, pgLess())}
	for _, c := range p.Appends {
		t.rows = append(t.rows, []string{c.Contender, count(c.Rate), times(c.Rate, p.rate(namePGOneEach)),
			times(c.Rate, p.rate(nameOurs)), short(c.P50), short(c.P99), short(c.Max), short(c.Longest)})
	}
	return t
}

// pgLess says what the others do less than our log on the server.
func pgLess() string {
	var all []string
	for _, l := range pgLanes() {
		if l.less != "" {
			all = append(all, fmt.Sprintf("%s: %s.", l.name, l.less))
		}
	}
	return "Less than tilltape: " + strings.Join(all, " ")
}

// rate is what a contender came to; 0 where it did not take part.
func (p *pgResult) rate(name string) float64 {
	if p == nil {
		return 0
	}
	for _, c := range p.Appends {
		if c.Contender == name {
			return c.Rate
		}
	}
	return 0
}

func (r *report) pgReadTable() table {
	p := r.Postgres
	return table{title: fmt.Sprintf("PostgreSQL: reading %s orders", count(float64(p.Orders))), words: 1,
		head: []string{"", ""}, rows: [][]string{
			{"loading one order, warm, p50", short(p.Load.P50)},
			{"loading one order, warm, p99", short(p.Load.P99)},
			{"round trips to load it", fmt.Sprintf("%.1f", p.Trips)},
			{"replay over loopback, facts/s", count(p.Replay)},
			{"replay of the same from a file, facts/s", count(p.File)},
		}}
}

// Limits of what is done on a server.
const (
	pgOneEachLeast = 20.0
	pgFileLeast    = 0.4
	pgTwoLeast     = 0.9
	pgTripsMax     = 2.0
	pgReplayLeast  = 0.5
)

// pgMusts are the limits for PostgreSQL.
func (r *report) pgMusts() []figure {
	p := r.Postgres
	beside := func(what string, least float64, one, other string) figure {
		return besides(what, least, p.rate(one), p.rate(other))
	}
	trips := figure{Must: true, What: "PostgreSQL: round trips to load an order", Limit: fmt.Sprintf("≤ %.0f", pgTripsMax)}
	replay := figure{Must: true, What: "PostgreSQL: replay beside the file's", Limit: fmt.Sprintf("≥ %.1f ×",
		pgReplayLeast)}
	if p != nil {
		trips.Measured, trips.Met = fmt.Sprintf("%.1f", p.Trips), p.Trips <= pgTripsMax
		trips.Of = p.Trips / pgTripsMax
		trips.Note = fmt.Sprintf("among %d orders", p.Orders)
		got := ratio(p.Replay, p.File)
		replay.Measured, replay.Met = fmt.Sprintf("%.2f ×", got), got >= pgReplayLeast
		replay.Note = fmt.Sprintf("%s to %s facts a second", count(p.Replay), count(p.File))
	}
	return []figure{
		beside("PostgreSQL: appends beside a transaction each, 64 writers", pgOneEachLeast, namePGOurs, namePGOneEach),
		beside("PostgreSQL: appends beside the file's, 64 writers", pgFileLeast, namePGOurs, nameOurs),
		beside("PostgreSQL: two processes beside one", pgTwoLeast, namePGTwo, namePGProcess),
		trips, replay,
	}
}
