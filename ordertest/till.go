package ordertest

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Opened is when an order of a [Till] begins.
func Opened() time.Time { return time.Date(2026, time.November, 20, 10, 0, 0, 0, time.UTC) }

// Till keeps one order the way a service does, with neither a store nor APO: it decides, gives the facts their places and
// folds them. Its clock stands still until it is moved, and the ids that it mints count up, so that the same commands at
// the same times make the same records. It is not safe for several goroutines.
type Till struct {
	Order   order.Order
	Now     time.Time
	Policy  order.Policy
	Records []events.Record // all so far, with their places in a log of this order alone
	Bounds  []int           // how many records there were after each append
	minted  int
}

// NewTill returns a till without an order, at the time [Opened].
func NewTill() *Till { return &Till{Now: Opened()} }

// Do gives the command at the till's time. The records are what its facts were appended as; none where the command was in
// effect already. The error is that of [order.Decide], and then nothing has changed.
func (t *Till) Do(c order.Command) ([]events.Record, error) {
	env := order.Env{Now: t.Now, Policy: t.Policy, NewID: func() string {
		t.minted++
		return fmt.Sprintf("request-%s-%d", t.Order.ID, t.minted)
	}}
	facts, err := order.Decide(t.Order, c, env)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	id := t.Order.ID
	if create, ok := c.(order.Create); ok {
		id = create.Order
	}
	given := order.Describe(c)
	commandID, actor := given.ID, given.Actor
	if commandID == "" {
		commandID = t.Order.Operation.CommandID
	}
	begin := len(t.Records)
	for _, e := range facts {
		n := uint64(len(t.Records))
		r := events.Record{ID: fmt.Sprintf("%s-%d", id, n+1), Stream: events.OrderStream(id), Version: n + 1, Position: n + 1, Previous: n,
			Recorded: t.Now, Occurred: order.Occurred(e, t.Now), CommandID: commandID, Actor: actor, Keys: order.Keys(t.Order, e), Event: e}
		t.Order = order.Evolve(t.Order, r)
		r.Head = t.Order.Head()
		t.Records = append(t.Records, r)
	}
	t.Bounds = append(t.Bounds, len(t.Records))
	return t.Records[begin:], nil
}

// Play gives the steps in turn, each at its time, and stops at the first that is refused.
func (t *Till) Play(steps []Step) error {
	for i, s := range steps {
		t.Now = s.At
		if _, err := t.Do(s.Command); err != nil {
			return fmt.Errorf("step %d of %d, %T: %w", i+1, len(steps), s.Command, err)
		}
	}
	return nil
}

// Step is a command and when it is given.
type Step struct {
	At      time.Time
	Command order.Command
}
