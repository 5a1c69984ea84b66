package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/ours"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// ErrIllegal: a log holds a record that cannot follow the ones before it.
var ErrIllegal = errors.New("illegal log")

// progressEvery is how many records pass between two reports of progress.
const progressEvery = 10_000

// Config is what a replay may be told. Its zero value, or nil, replays silently.
type Config struct {
	// Each is called for every record that has passed, with the order as it is after it; the zero order for records of
	// other categories. An error from it ends the replay and is returned as it is.
	Each func(events.Record, order.Order) error
	// Progress is called now and then with the records so far.
	Progress func(records uint64)
}

// Replayed is what a log comes to.
type Replayed struct {
	Records  uint64                 // all of them
	Refusals uint64                 // of those, refused commands
	Kinds    map[events.Kind]uint64 // records by kind
	First    time.Time              // when the first and the last record were written
	Last     time.Time
	// Seal is what the log's seal says that it holds, and what the records that were replayed have proven; unsigned. The
	// zero checkpoint: the log has no seal, or the replay has ended with an error.
	Seal seal.Checkpoint

	orders   *shelf
	statuses [1 << 8]int // orders in each; all that an order.Status can be
}

// Orders yields the orders as the log leaves them, by id. They are unpacked one by one (half a microsecond each); what
// the loop keeps of them is its own.
func (p *Replayed) Orders() iter.Seq[order.Order] { return p.orders.all() }

// Order returns one order as the log leaves it.
func (p *Replayed) Order(id string) (order.Order, bool) { return p.orders.get(id) }

// Len is how many orders there are.
func (p *Replayed) Len() int { return int(p.orders.n) }

// Statuses counts the orders by status. A status that no order has is not in it. The map is the caller's.
func (p *Replayed) Statuses() map[order.Status]int {
	out := map[order.Status]int{}
	for _, s := range order.Statuses() {
		if n := p.statuses[s]; n > 0 {
			out[s] = n
		}
	}
	return out
}

// IllegalError names the first record that cannot follow the ones before it.
type IllegalError struct {
	Position uint64 // where it stands
	Record   events.Record
	Err      error // why
}

// Error names the place and the reason, and says what to do.
func (e *IllegalError) Error() string {
	return fmt.Sprintf("log position %d (%s %s, version %d): %v; %s", e.Position, e.Record.Stream.Category,
		e.Record.Stream.ID, e.Record.Version, e.Err, e.Hint())
}

// Hint is the way out alone, for a command line that prints it on a line of its own.
func (e *IllegalError) Hint() string { return "keep the file as it is and compare it with a backup" }

// Unwrap returns [ErrIllegal] and the reason.
func (e *IllegalError) Unwrap() []error { return []error{ErrIllegal, e.Err} }

// replay is a replay under way.
type replay struct {
	cfg     *Config
	out     *Replayed
	last    uint64 // the newest position
	kinds   tally
	refused map[string]*refusals
	waiting []waiting       // facts of an inquiry, in the append that is being read
	word    *resolution     // an operator's, in the append that is being read; nil: none
	reader  apo.Reader      // of the messages that were kept
	read    apo.Reading     // by it, last
	decoder *events.Decoder // of records in pages; nil: each is a copy, since somebody else is given them
	pages   pages
	letter  *letter // the newest record's message, if it was read before; or nil

	trusting bool                                         // messages are not held against what is made from them
	moved    func(r *events.Record, was, is *order.Order) // told of every fold; nil: nobody asks
	was      order.Order                                  // what it is told of, until the next
}

// refusals is how far an order's refused commands are.
type refusals struct{ version, position uint64 }

func newReplay(cfg *Config) *replay {
	return &replay{cfg: cfg, out: &Replayed{Kinds: map[events.Kind]uint64{}, orders: newShelf()},
		refused: map[string]*refusals{}}
}

// Replay streams the log and judges every record. A log that is a [Prover] is held against its seal as it is read, and
// what that proves stands in [Replayed.Seal]. The error is an *[IllegalError] for the first record that is not legal;
// what the store found damaged, or the seal disproves, comes as the store's own error, which wraps [store.ErrDamaged].
// What was replayed up to there is returned in either case. Several replays, and a service that appends, may run beside
// it; what is appended meanwhile may or may not be seen. Where there is a second core the log is read on a goroutine of
// its own, a few hundred records ahead; Config's functions are called on the caller's. A log that is a [Pager] is
// decoded on either, and without Config.Each in memory that is used again.
//
// Cost: about five microseconds a record on one core; a sixth of that is for reading APO's messages, and a fifth for
// the seal. Memory grows with the orders and not with the log: at most 300 bytes an order and 24 for each identifier it
// remembers (of commands, captures, refunds and anomalies), and a few megabytes.
func Replay(ctx context.Context, log store.Reader, cfg *Config) (*Replayed, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	return newReplay(cfg).run(ctx, log)
}

func (p *replay) run(ctx context.Context, log store.Reader) (*Replayed, error) {
	var ahead *events.Decoder // the reader's
	if p.cfg.Each == nil {
		ahead, p.decoder = new(events.Decoder), new(events.Decoder)
	}
	var sealed seal.Checkpoint // written by the reader, which has ended when walk returns
	err := walk(ctx, proven(log, &sealed), ahead, p.explain, p.batch)
	if err == nil {
		err = p.unanswered()
	}
	if err == nil {
		p.out.Seal = sealed
	}
	p.kinds.into(p.out.Kinds)
	p.out.orders.settle()
	return p.out, err
}

// explain says how far a replay came that the log ended.
func (p *replay) explain(err error) error {
	return fmt.Errorf("replaying after position %d: %w", p.last, err)
}

// batch takes a batch and makes its page ready to be filled again.
func (p *replay) batch(b *batch) error {
	err := p.records(b)
	if err == nil && p.decoder != nil && b.page.Len() > 0 {
		b.page = p.turn(b.page)
	}
	return err
}

// records takes the log's next records: all of them are decoded, and what they need of the shelf is fetched together,
// before the first is folded. After one that cannot be decoded nothing is.
func (p *replay) records(b *batch) error {
	undecoded := b.decodeAll(p.decoder)
	p.out.orders.fetch(b.records)
	for i := range b.records {
		p.letter = nil
		if i < len(b.letters) {
			p.letter = &b.letters[i]
		}
		if err := p.record(&b.records[i]); err != nil {
			return err
		}
	}
	if undecoded != nil {
		return p.explain(undecoded)
	}
	return nil
}

// record takes the log's next record and tells of it.
func (p *replay) record(r *events.Record) error {
	o, err := p.take(r)
	if err != nil {
		return illegalError(r, err)
	}
	if p.cfg.Each != nil {
		var after order.Order
		if o != nil {
			after = *o
		}
		if err := p.cfg.Each(*r, after); err != nil {
			return err
		}
	}
	if p.cfg.Progress != nil && p.out.Records%progressEvery == 0 {
		p.cfg.Progress(p.out.Records)
	}
	return nil
}

func illegalError(r *events.Record, err error) error {
	if earlier, ok := errors.AsType[*IllegalError](err); ok { // a fact that waited for the message it came from
		return earlier
	}
	return &IllegalError{Position: r.Position, Record: *r, Err: err}
}

// take judges and folds a record. The order is as it is after it, to be read before the next record; nil for a refusal.
func (p *replay) take(r *events.Record) (o *order.Order, err error) {
	switch {
	case r.Event == nil:
		return nil, errors.New("the record carries no fact")
	case r.Position != p.last+1:
		return nil, fmt.Errorf("position %d follows position %d: records are missing or out of order", r.Position, p.last)
	case r.Stream.Category == events.CategoryRefusal:
		p.word = nil
		if err = p.unanswered(); err == nil {
			err = p.foldRefusal(r)
		}
	default:
		o, err = p.fold(r)
	}
	if err != nil {
		return nil, err
	}
	out := p.out
	out.Records++
	p.kinds.add(r.Event.Kind())
	if out.Records == 1 {
		out.First = r.Recorded
	}
	out.Last = r.Recorded
	p.last = r.Position
	return o, nil
}

func checkPrevious(r *events.Record, position uint64) error {
	if r.Previous == position {
		return nil
	}
	return fmt.Errorf("it names position %d as its stream's record before, which is %d", r.Previous, position)
}

func (p *replay) foldRefusal(r *events.Record) error {
	before := p.refused[r.Stream.ID]
	if before == nil {
		before = &refusals{}
	}
	if err := checkPrevious(r, before.position); err != nil {
		return err
	}
	if _, ok := r.Event.(events.CommandRefused); !ok {
		return fmt.Errorf("%s does not belong to the category %s", r.Event.Kind(), r.Stream.Category)
	}
	if want := before.version + 1; r.Version != want {
		return fmt.Errorf("version %d stands where %d belongs", r.Version, want)
	}
	if before.version == 0 {
		p.refused[strings.Clone(r.Stream.ID)] = before // the record's own text would keep its frame
	}
	*before = refusals{version: r.Version, position: r.Position}
	p.out.Refusals++
	return nil
}

// fold judges a record against its order and folds it. An order gets its place on the shelf by its first legal record.
func (p *replay) fold(r *events.Record) (*order.Order, error) {
	shelf := p.out.orders
	n, known := shelf.find(r.Stream.ID)
	if !known || r.Stream.Category != events.CategoryOrder {
		return p.begin(r)
	}
	row := shelf.row(n)
	if err := checkPrevious(r, row.previous); err != nil {
		return nil, err
	}
	w := shelf.take(n)
	before := w.order // on the stack: the collector need not be told of every pointer that goes there
	if err := p.follow(&w.order, r, &before); err != nil {
		w.order = before
		return nil, err
	}
	p.out.statuses[before.Status]--
	p.out.statuses[w.order.Status]++
	w.dirty, row.previous = true, r.Position
	if p.moved != nil {
		p.was = before // the function may keep what it is given, so before itself would not be on the stack
		p.moved(r, &p.was, &w.order)
	}
	return &w.order, nil
}

// unplaced is what the first record of an order follows. It is only read.
var unplaced order.Order

// begin folds a record of an order that is not known yet.
func (p *replay) begin(r *events.Record) (*order.Order, error) {
	if err := checkPrevious(r, 0); err != nil {
		return nil, err
	}
	var o order.Order
	if err := p.follow(&o, r, &unplaced); err != nil {
		return nil, err
	}
	shelf := p.out.orders
	n := shelf.add(r.Stream.ID)
	shelf.row(n).previous = r.Position
	w := shelf.take(n)
	w.order, w.dirty = o, true
	p.out.statuses[w.order.Status]++
	if p.moved != nil {
		p.moved(r, &unplaced, &w.order)
	}
	return &w.order, nil
}

// follow folds a record into the order as it was before: one that is legal, has the head that the facts come to, and
// says what APO's message beside it says. After an error the order is anything.
func (p *replay) follow(o *order.Order, r *events.Record, before *order.Order) error {
	head, err := o.Follow(ours.Key{}, r)
	if err != nil {
		return err
	}
	if !sameHead(&head, &r.Head) {
		return fmt.Errorf("its head says %s; the facts come to %s", headWords(&r.Head), headWords(&head))
	}
	if p.trusting {
		return nil
	}
	return p.evidence(r, before)
}

// headWords is all that a head says.
func headWords(h *events.Head) string {
	text := fmt.Sprintf("%q, %q", h.Status, h.Phase)
	for _, t := range []struct {
		word string
		at   time.Time
	}{{"since", h.StatusSince}, {"operation since", h.OperationSince}, {"parked since", h.ParkedSince},
		{"anomaly since", h.AnomalySince}, {"dispute by", h.DisputeBy}, {"due", h.Due}} {
		if !t.at.IsZero() {
			text += ", " + t.word + " " + t.at.Format(time.RFC3339Nano)
		}
	}
	return text
}

// sameHead compares the instants, not how they are kept. A log's own records keep them as the fold does, which is one
// comparison.
func sameHead(a, b *events.Head) bool {
	return *a == *b || a.Status == b.Status && a.Phase == b.Phase && a.StatusSince.Equal(b.StatusSince) &&
		a.OperationSince.Equal(b.OperationSince) && a.ParkedSince.Equal(b.ParkedSince) &&
		a.AnomalySince.Equal(b.AnomalySince) && a.DisputeBy.Equal(b.DisputeBy) && a.Due.Equal(b.Due)
}
