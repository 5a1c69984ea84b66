package ordertest

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Opened is when an order of a [Till] begins.
func Opened() time.Time { return time.Date(2026, time.November, 20, 10, 0, 0, 0, time.UTC) }

// Till keeps one order the way a service does, with neither a store nor APO: it decides, gives the facts their places
// and folds them. Its clock stands still until it is moved, and the ids that it mints count up, so that the same
// commands at the same times make the same records. It is not safe for several goroutines.
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

// Do gives the command at the till's time. The records are what its facts were appended as; none where the command was
// in effect already. The error is that of [order.Decide], and then nothing has changed.
func (t *Till) Do(c order.Command) ([]events.Record, error) {
	env := order.Env{Now: t.Now, Policy: t.Policy, NewID: t.requestID}
	facts, err := order.Decide(t.Order, c, env)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	env.NewID = func() string { return "" } // it is made of the record's place
	records, after := order.Records(t.Order, c, facts, env, "")
	begin := len(t.Records)
	for _, r := range records {
		r.ID = fmt.Sprintf("%s-%d", after.ID, r.Version)
		r.Position, r.Previous = r.Version, r.Version-1
		t.Records = append(t.Records, r)
	}
	t.Order, t.Bounds = after, append(t.Bounds, len(t.Records))
	return t.Records[begin:], nil
}

func (t *Till) requestID() string {
	t.minted++
	return fmt.Sprintf("request-%s-%d", t.Order.ID, t.minted)
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
