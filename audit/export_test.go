package audit

import (
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
)

// ReplayOpened judges records of whose messages the first few were read before, as by the goroutine that decodes. It
// returns the error and how many messages those were.
func ReplayOpened(records []events.Record, first int) (messages int, err error) {
	b := &batch{records: records}
	for range 2 { // the room of the batch before is used again
		b.letters = b.letters[:0]
		b.open(new(apo.Reader), func() bool { return len(b.letters) < first })
	}
	for _, l := range b.letters {
		if l.of != nil {
			messages++
		}
	}
	p := newReplay(&Config{})
	if err = p.records(b); err == nil {
		err = p.unanswered()
	}
	return messages, err
}
