package bolt_test

import (
	"testing"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/storetest"
)

// smallJournal is a journal that is full after some dozen appends of the suite's.
const smallJournal = 64 << 10

// allInJournal is one that most of the suite's logs never fill so far that something is moved.
const allInJournal = 2 << 20

// TestLogWithJournal: what every log promises, where what is acknowledged is in the journal, on its way into the file,
// or there. Everyday it is operations by lot, against a log in memory.
func TestLogWithJournal(t *testing.T) {
	small := *bolt.SmallGenerations(7)
	if !long.Enabled() {
		storetest.Same(t, sealedFactory(t, bolt.WithJournal(small, smallJournal)), inMemory())
		return
	}
	for name, config := range map[string]bolt.Config{
		"all in the journal":  bolt.WithJournal(bolt.Config{}, allInJournal),
		"small generations":   bolt.WithJournal(small, smallJournal),
		"as small as it gets": bolt.WithJournal(small, 4<<10),
	} {
		t.Run(name, func(t *testing.T) { storetest.Run(t, sealedFactory(t, config)) })
	}
}
