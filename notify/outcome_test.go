package notify_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/notify"
)

// A field that nobody has set must not read as if APO had been told that it may stop.
func TestTheZeroOutcomeAcknowledgesNothing(t *testing.T) {
	var n notify.Notification
	assert.False(t, n.Outcome.Acknowledged())
	assert.Equal(t, "undecided", n.Outcome.String())
	acknowledged := map[notify.Outcome]bool{notify.Recorded: true, notify.Duplicate: true, notify.Ignored: true}
	for o := notify.Undecided; o <= notify.Failed; o++ {
		assert.Equal(t, acknowledged[o], o.Acknowledged(), o.String())
	}
}
