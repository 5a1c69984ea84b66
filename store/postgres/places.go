package postgres

import (
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// placesMax is how many streams a process remembers the ends of, at most twice as many for a while.
const placesMax = 4096

// places are the ends of the streams that this process appended to lately. An order's facts follow one another, so most
// turns would ask for what the turns before have written. They hold for the log as this process left it, and no
// longer: a turn that finds that somebody else has appended asks after all, in a round trip of its own, and nothing is
// remembered until a turn finds the log undisturbed. So of processes that take turns, none pays for what it remembers
// in vain. For one goroutine.
type places struct {
	tree       *seal.Tree // over the log as it was left; nil: nothing is remembered
	others     bool       // have appended since the turn before
	young, old map[events.Stream]ledger.Place
}

// of returns where a stream ended.
func (p *places) of(stream events.Stream) (at ledger.Place, known bool) {
	if at, known = p.young[stream]; !known {
		at, known = p.old[stream]
	}
	return at, known
}

// forget is for a log that may not be as this process left it, and disturbed for one that somebody else has appended
// to.
func (p *places) forget()    { *p = places{} }
func (p *places) disturbed() { *p = places{others: true} }

// take remembers what a plan that was written has changed.
func (p *places) take(written *plan) {
	if p.others {
		p.forget()
		return
	}
	if p.young == nil || len(p.young) >= placesMax {
		p.young, p.old = make(map[events.Stream]ledger.Place), p.young
	}
	for _, stream := range written.Streams() {
		p.young[stream] = written.Summary(stream).Place
	}
	p.tree = written.Tree()
}
