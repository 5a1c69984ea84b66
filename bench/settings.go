package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings say what is measured, and how long.
type settings struct {
	Sections []string
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
	sectionAppends = "appends"
	sectionLoad    = "load"
	sectionReplay  = "replay"
	sectionOpen    = "open"
	sectionCancels = "cancels"
	sectionCore    = "core"
)

var sections = []string{sectionAppends, sectionLoad, sectionReplay, sectionOpen, sectionCancels, sectionCore}

// The presets.
var (
	// full is what docs/reference/performance.md is made of: about 20 minutes.
	full = settings{Sections: sections, Orders: []int{10_000, 1_000_000}, IDs: []ordering{random, timeOrdered}, Writers: []int{1, 8, 64, 512},
		Rounds: 3, CellTime: 1500 * time.Millisecond, Tape: 1_000_000, Cancels: 20_000}
	// quick shows the proportions: about 3 minutes.
	quick = settings{Sections: sections, Orders: []int{100_000}, IDs: []ordering{random, timeOrdered}, Writers: []int{1, 64, 512},
		Rounds: 3, CellTime: 600 * time.Millisecond, Tape: 100_000, Cancels: 5_000}
	// ci shows that everything still runs: a few seconds. Its figures mean nothing.
	ci = settings{Sections: sections, Orders: []int{1_000}, IDs: []ordering{random, timeOrdered}, Writers: []int{1, 64},
		Rounds: 1, CellTime: 100 * time.Millisecond, Tape: 2_000, Cancels: 200}
)

func (s settings) has(section string) bool { return slices.Contains(s.Sections, section) }

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
	smallest := slices.Min(append([]int{s.Rounds, s.Tape, s.Cancels, int(s.CellTime)}, slices.Concat(s.Orders, s.Writers)...))
	if smallest <= 0 {
		return errors.New("orders, writers, rounds, seconds, tape and cancels must be above zero")
	}
	return nil
}

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
