package translate

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// What APO's client reads a log can keep: the message, and all that it tells, each fact with an anomaly.
func TestWhatIsReadCanBeKept(t *testing.T) {
	assert.Equal(t, apo.BodyMax, events.BodyMax)
	assert.Equal(t, 2*apo.TransactionsMax, order.AnswerRecordsMax)
	assert.LessOrEqual(t, 2*order.AnswerRecordsMax, events.AppendMax)
}
