package audit

import (
	"context"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// ReplayOpened judges records of whose messages the first few were read before, as by the goroutine that decodes. It
// returns the error and how many messages those were.
func ReplayOpened(records []events.Record, first int) (messages int, err error) {
	b := newBatch()
	b.records = records
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

// ReplayPoisoned is Replay without a Config, with each page overwritten before it is filled again. It also returns how
// often that was.
func ReplayPoisoned(log store.Reader) (replayed *Replayed, pages int, err error) {
	p := newReplay(&Config{})
	p.pages.again = func(page *store.Page) {
		pages++
		for i := range page.Len() {
			frame := page.Frame(i)
			for k := range frame {
				frame[k] = '!'
			}
		}
	}
	replayed, err = p.run(context.Background(), log)
	return replayed, pages, err
}

// PagesWait is after how many others a page is used again.
const PagesWait = pagesWait
