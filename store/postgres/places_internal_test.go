package postgres

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// nothing is what is in an empty log.
type nothing struct{}

func (nothing) Newest(*request) (ledger.Place, error) { return ledger.Place{}, nil }

func (nothing) Owner(*request, events.Key) (s events.Stream, owned bool, err error) {
	return s, false, nil
}

// planned is a plan that begins so many streams, after the position.
func planned(t *testing.T, after uint64, prefix string, n int) *plan {
	t.Helper()
	p := new(plan)
	p.Reset(nothing{}, after, nil)
	for i := range n {
		r, err := ledger.Encode[struct{}](events.OrderStream(fmt.Sprint(prefix, i)), 0, []events.Record{{ID: "r",
			Event: events.PaymentPending{}}})
		require.NoError(t, err)
		require.NoError(t, p.Append(r))
	}
	return p
}

// What is remembered is bounded, newest kept, and no stream that others appended to.
func TestPlaces(t *testing.T) {
	var p places
	p.take(planned(t, 0, "a", placesMax))
	p.take(planned(t, 10_000, "b", 2))
	at, known := p.of(events.OrderStream("a7"))
	assert.True(t, known, "for a while")
	assert.Equal(t, ledger.Place{Version: 1, Position: 8}, at)
	p.take(planned(t, 20_000, "a", 1))
	at, _ = p.of(events.OrderStream("a0"))
	assert.EqualValues(t, 20_001, at.Position, "the newer word")
	p.take(planned(t, 30_000, "c", placesMax))
	p.take(planned(t, 40_000, "d", placesMax))
	_, known = p.of(events.OrderStream("a7"))
	assert.False(t, known)
	assert.LessOrEqual(t, len(p.young)+len(p.old), 3*placesMax)

	p.drop(events.OrderStream("c7"))
	p.drop(events.OrderStream("d1"))
	for _, stream := range []string{"c7", "d1"} {
		_, known = p.of(events.OrderStream(stream))
		assert.False(t, known, "others appended to it")
	}
	_, known = p.of(events.OrderStream("c8"))
	assert.True(t, known)
	p.forget()
	_, known = p.of(events.OrderStream("c8"))
	assert.False(t, known)
	assert.Nil(t, p.tree)
}
