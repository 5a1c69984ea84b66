package viewer

import (
	"context"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/outbox"
)

// ParkedMax is how many of a consumer's parked orders the overview names, the ones first that were parked first.
const ParkedMax = 100

// How long what consumers said is told again, since each of them reads the log to know how far it is behind, and every
// browser that follows asks anew at every change; and how long they have to say it. Tests shorten both.
var (
	consumersFresh   = 2 * time.Second
	consumersTimeout = 2 * time.Second
)

// consumers asks consumers where they are.
type consumers struct {
	of     []*outbox.Consumer
	asking chan struct{} // holds one while they are asked
	asked  time.Time     // what follows was said then
	said   []consumerRow
}

func newConsumers(of []*outbox.Consumer) *consumers {
	return &consumers{of: of, asking: make(chan struct{}, 1)}
}

// consumerRow is what a consumer said. Whoever has it does not change it.
type consumerRow struct {
	Name    string
	Records int64
	More    bool
	Since   time.Time // of the oldest
	Parked  int64
	Rest    int64 // of the parked orders that First does not have
	First   []parkedRow
	Problem string // why it said nothing; empty: it did
}

type parkedRow struct {
	ID       string
	Refusals bool // its refused commands, not its facts
	Version  uint64
	Since    time.Time
	Problem  string
}

// ask asks all of them, unless they were asked just now. One that does not say is in trouble, and the page is not.
func (c *consumers) ask(ctx context.Context) []consumerRow {
	if len(c.of) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, consumersTimeout)
	defer cancel()
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		rows := make([]consumerRow, 0, len(c.of))
		for _, consumer := range c.of {
			rows = append(rows, consumerRow{Name: consumer.Name(), Problem: silence})
		}
		return rows
	}
	if !c.asked.IsZero() && time.Since(c.asked) < consumersFresh {
		return c.said
	}
	said := make([]consumerRow, 0, len(c.of))
	for _, consumer := range c.of {
		said = append(said, rowOf(ctx, consumer))
	}
	if ctx.Err() == nil { // else it is what this request's end made of it
		c.asked, c.said = time.Now(), said
	}
	return said
}

// silence is what is told of a consumer that does not say where it is.
const silence = "it did not say in time where it is; see to the log, and to where its place is kept"

func rowOf(ctx context.Context, c *outbox.Consumer) consumerRow {
	row := consumerRow{Name: c.Name()}
	lag, err := c.Lag(ctx)
	var parked []outbox.Parked
	if err == nil {
		parked, err = c.Parked(ctx)
	}
	switch {
	case ctx.Err() != nil:
		row.Problem = silence
		return row
	case err != nil:
		row.Problem = err.Error()
		return row
	}
	row.Records, row.More, row.Since = int64(lag.Records), lag.Records == outbox.LagMax, lag.Since
	row.Parked = int64(len(parked))
	for _, p := range parked[:min(len(parked), ParkedMax)] {
		row.First = append(row.First, parkedRow{p.Stream.ID, p.Stream.Category == events.CategoryRefusal, p.Version, p.Since,
			p.Problem})
	}
	row.Rest = row.Parked - int64(len(row.First))
	return row
}

// A consumer in the overview's document.
type toldDocument struct {
	Consumer string           `json:"consumer"`
	Records  string           `json:"records,omitempty"`
	More     bool             `json:"more,omitempty"`
	Since    string           `json:"since,omitempty"`
	Parked   string           `json:"parked,omitempty"`
	First    []parkedDocument `json:"first,omitempty"`
	Problem  string           `json:"problem,omitempty"`
}

type parkedDocument struct {
	OrderID  string `json:"orderId"`
	Refusals bool   `json:"refusals,omitempty"`
	Version  string `json:"version"`
	Since    string `json:"since"`
	Problem  string `json:"problem"`
}

func (r *consumerRow) document() toldDocument {
	d := toldDocument{Consumer: r.Name, Problem: r.Problem}
	if r.Problem != "" {
		return d
	}
	d.Records, d.More, d.Parked = strconv.FormatInt(r.Records, 10), r.More, strconv.FormatInt(r.Parked, 10)
	if !r.Since.IsZero() {
		d.Since = documents.Time(r.Since)
	}
	for _, p := range r.First {
		d.First = append(d.First, parkedDocument{p.ID, p.Refusals, strconv.FormatUint(p.Version, 10),
			documents.Time(p.Since), p.Problem})
	}
	return d
}
