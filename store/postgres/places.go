package postgres

import (
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// placesMax is how many streams a process remembers the ends of, at most twice as many for a while.
const placesMax = 4096

// places are the ends of the streams that this process appended to lately. An order's facts follow one another, so most
// turns would ask for what the turns before have written. They hold for the log as this process left it: a turn that
// finds that others have appended drops the streams that they appended to. For one goroutine.
type places struct {
	tree       *seal.Tree // over the log as it was left; nil: nothing is remembered
	others     bool       // had appended before the newest turn that asked
	young, old map[events.Stream]ledger.Place
}

// of returns where a stream ended.
func (p *places) of(stream events.Stream) (at ledger.Place, known bool) {
	if at, known = p.young[stream]; !known {
		at, known = p.old[stream]
	}
	return at, known
}

// forget is for a log that may not be as this process left it, and drop for a stream that somebody else has appended
// to.
func (p *places) forget() { *p = places{} }
func (p *places) drop(stream events.Stream) {
	delete(p.young, stream)
	delete(p.old, stream)
}

// take remembers what a plan that was written has changed.
func (p *places) take(written *plan) {
	if p.young == nil || len(p.young) >= placesMax {
		p.young, p.old = make(map[events.Stream]ledger.Place), p.young
	}
	for _, stream := range written.Streams() {
		p.young[stream] = written.Summary(stream).Place
	}
	p.tree = written.Tree()
}
