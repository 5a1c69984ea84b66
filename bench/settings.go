package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings say what is measured, and how long.
type settings struct {
	Sections []string
	Only     string // which contenders append: a regular expression over their names; empty is all
	Orders   []int
	IDs      []ordering
	Writers  []int
	Rounds   int
	CellTime time.Duration // of one contender in one cell and round, warming up apart
	Tape     int           // orders, of four facts each, in the file that load, replay and open are measured on
	Cancels  int           // whole cancels in one cell and round
}

// The sections.
const (
	sectionAppends  = "appends"
	sectionLoad     = "load"
	sectionReplay   = "replay"
	sectionOpen     = "open"
	sectionCancels  = "cancels"
	sectionCore     = "core"
	sectionPostgres = "postgres"
	sectionTool     = "tool"
	sectionService  = "service"
	sectionMemory   = "memory"
	sectionStreams  = "streams"
)

var sections = []string{sectionAppends, sectionLoad, sectionReplay, sectionOpen, sectionCancels, sectionCore,
	sectionPostgres, sectionStreams, sectionTool, sectionService, sectionMemory}

// The presets.
var (
	// full is what docs/reference/performance.md is made of: about 31 minutes on a quiet machine of two cores.
	full = settings{Sections: sections, Orders: []int{10_000, 1_000_000}, IDs: []ordering{random, timeOrdered},
		Writers: []int{1, 8, 64, 512}, Rounds: 3, CellTime: time.Second, Tape: 1_000_000, Cancels: 18_000}
	// quick shows the proportions: about 4 minutes.
	quick = settings{Sections: sections, Orders: []int{50_000}, IDs: []ordering{random, timeOrdered},
		Writers: []int{1, 64, 512}, Rounds: 3, CellTime: 380 * time.Millisecond, Tape: 50_000, Cancels: 5_000}
	// ci shows that everything still runs: half a minute. Its figures mean nothing, but for those that are counted, not
	// measured by the clock: these it holds.
	ci = settings{Sections: sections, Orders: []int{1_000}, IDs: []ordering{random, timeOrdered}, Writers: []int{1, 64},
		Rounds: 1, CellTime: 100 * time.Millisecond, Tape: 2_000, Cancels: 200}
)

func (s settings) has(section string) bool { return slices.Contains(s.Sections, section) }

// contenders are those that take part.
func (s settings) contenders() []contender {
	return slices.DeleteFunc(contenders(),
		func(c contender) bool { return !s.takesPart(c.Name) })
}

// check tells whether the settings can be run.
func (s settings) check() error {
	for _, name := range s.Sections {
		if !slices.Contains(sections, name) {
			return fmt.Errorf("there is no section %q; choose from %s", name, strings.Join(sections, ","))
		}
	}
	for _, ids := range s.IDs {
		if ids != random && ids != timeOrdered {
			return fmt.Errorf("ids can be %s or %s, not %q", random, timeOrdered, ids)
		}
	}
	if _, err := regexp.Compile(s.Only); err != nil {
		return fmt.Errorf("-contenders: %w", err)
	}
	onServer := slices.ContainsFunc(pgLanes(), func(l pgLane) bool { return s.takesPart(l.name) }) ||
		slices.ContainsFunc(streamLanes(), func(l streamLane) bool { return s.takesPart(l.name) })
	if len(s.contenders()) == 0 && !onServer {
		return fmt.Errorf("no contender's name has %q in it; the report of -ci shows all names", s.Only)
	}
	smallest := slices.Min(append([]int{s.Rounds, s.Tape, s.Cancels, int(s.CellTime)},
		slices.Concat(s.Orders, s.Writers)...))
	if smallest <= 0 {
		return errors.New("orders, writers, rounds, seconds, tape and cancels must be above zero")
	}
	return nil
}

// takesPart reports whether a contender was asked for.
func (s settings) takesPart(name string) bool { return regexp.MustCompile(s.Only).MatchString(name) }

// numbers reads "1,8,64".
func numbers(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%q is not a list of numbers like 1,8,64", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// What the parts of a run take on the machine that the design's figures come from, when nobody else uses it.
const (
	cellExtra     = 300 * time.Millisecond // copying, opening and closing a file
	steadyEach    = 70 * time.Microsecond  // a whole order that brings a contender on before a cell
	preloadEach   = 130 * time.Microsecond // an order in every contender's file
	tapeEach      = 80 * time.Microsecond  // an order of four facts
	pgTapeEach    = 150 * time.Microsecond // the same, copied to a server
	replayEach    = 2 * time.Microsecond   // a fact
	jsonEach      = 20 * time.Microsecond  // a fact in memory, in all three forms
	openEach      = time.Second            // two opens, a kill and an open
	toolBuild     = time.Second            // linking the command line; what was never built takes longer
	flatEach      = 150 * time.Microsecond // an order that is placed and cancelled through the library
	serviceBuild  = 10 * time.Second       // building the service; what was built before takes less
	serviceTurn   = time.Second            // starting and ending it
	toolEach      = 500 * time.Millisecond // what one round asks it
	cancelEach    = 250 * time.Microsecond // a whole cancel and two appends, with the orders they need
	steadyFrom    = 100_000                // orders, about as many as copyBelow has room for
	replaysARound = 4                      // one core and two, warm and cold
)

// estimate is about how long a run takes.
func (s settings) estimate() time.Duration {
	var sum time.Duration
	rounds := time.Duration(s.Rounds)
	if s.has(sectionAppends) {
		cells := len(s.Orders) * len(s.IDs) * len(s.Writers) * len(s.contenders())
		sum += time.Duration(cells) * rounds * (s.CellTime + s.CellTime/warmUpShare + cellExtra)
		for _, n := range s.Orders {
			sum += time.Duration(n*len(s.IDs)) * preloadEach
			if n < steadyFrom {
				continue
			}
			for _, c := range s.contenders() {
				sum += time.Duration(c.Steady*len(s.IDs)*len(s.Writers)) * rounds * steadyEach
			}
		}
	}
	if s.has(sectionLoad) || s.has(sectionReplay) || s.has(sectionOpen) || s.has(sectionPostgres) ||
		s.has(sectionTool) {
		sum += time.Duration(s.Tape) * tapeEach
	}
	if s.has(sectionReplay) {
		sum += rounds * time.Duration(s.Tape*eventsPerOrder*replaysARound) * replayEach
		sum += rounds * time.Duration(min(s.Tape, memoryOrders)*eventsPerOrder) * jsonEach
	}
	if s.has(sectionOpen) {
		sum += rounds * (openEach + victimLife*s.CellTime)
	}
	if s.has(sectionTool) {
		sum += toolBuild + rounds*toolEach
	}
	if s.has(sectionMemory) {
		sum += time.Duration(s.Tape)*flatEach + 2*(servedCells*(s.CellTime+s.CellTime/warmUpShare)+serviceTurn)
		if !s.has(sectionService) {
			sum += serviceBuild
		}
	}
	if s.has(sectionService) {
		sum += serviceBuild + rounds*(2*serviceCells*(s.CellTime+s.CellTime/warmUpShare)+s.CellTime+2*serviceTurn)
	}
	if s.has(sectionPostgres) {
		lanes := time.Duration(len(pgLanes()))
		sum += rounds*lanes*(s.CellTime+s.CellTime/warmUpShare+pgTurn) + time.Duration(s.Tape)*pgTapeEach +
			rounds*time.Duration(2*s.Tape*eventsPerOrder)*replayEach
	}
	if s.has(sectionStreams) {
		turns := time.Duration(len(streamLanes()) * len(streamWriters))
		sum += rounds * turns * (s.CellTime + s.CellTime/warmUpShare + streamTurn)
	}
	if s.has(sectionCancels) {
		sum += rounds * time.Duration(s.Cancels*len(s.Writers)) * cancelEach
	}
	return sum
}
