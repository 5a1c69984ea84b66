package outbox

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

const (
	// SaveEvery is how many records are delivered at most before the consumer's place is kept: so many can come again
	// after a crash. It is kept too whenever there is nothing more to deliver, and before Run ends.
	SaveEvery = 64
	// RefusalsMax is how often a record is refused before its order is parked.
	RefusalsMax = 6
	// ParkedMax is how many orders may be parked; more mean that the receiver is wrong, and Run ends.
	ParkedMax = 1000
	// ProblemMax bounds what is kept of the receiver's word on a parked order, in bytes; the rest is cut off.
	ProblemMax = 1 << 10
	// NameMax bounds a consumer's name, in bytes.
	NameMax = 64
	// DefaultPoll is how often a log that does not tell when it grows is looked at.
	DefaultPoll = time.Second
	// DefaultPatience is for how long one record is tried without an answer. A receiver that is down for a night parks an
	// order an hour, and a record that makes it hang holds the others up for an hour.
	DefaultPatience = time.Hour

	saveTimeout = 10 * time.Second // for the last save, after ctx has ended
)

// DefaultWaits are the waits between tries of one message; the last is used again and again.
func DefaultWaits() []time.Duration {
	return []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
}

// Sender delivers one message. It returns nil only once the receiver has it for good. An error that wraps [ErrRefused]
// says that the receiver has answered and does not take it; any other, that it may take it later. One that is a
// *[SendError] can say how long to wait. It must heed ctx. A consumer calls it once at a time, Retry and Skip beside
// Run too; one that several consumers share must be safe for several goroutines.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// SenderFunc is a function that sends.
type SenderFunc func(ctx context.Context, m Message) error

// Send calls the function.
func (f SenderFunc) Send(ctx context.Context, m Message) error { return f(ctx, m) }

// Config says what a consumer is. Name, Source and Keeper have to be given.
type Config struct {
	Name   string // letters, digits, "-" and "_", at most [NameMax]; its place is kept under it
	Source string // a URI or a path that names this log to receivers, such as "https://shop.example/orders"
	Keeper Keeper
	Pick   func(events.Record) bool // which records it is told; nil: all. It may be asked about one several times
	Waits  []time.Duration          // between tries; nil: [DefaultWaits]
	Poll   time.Duration            // for a log that is no [store.Watcher]; 0: [DefaultPoll]
	// Patience is for how long one record is tried while the receiver does not answer, before its order is parked: it
	// may be this record that makes the receiver hang. 0: [DefaultPatience].
	Patience time.Duration
	// Tried, unless nil, is told of every try, by the goroutine that made it: for logs and metrics. It must not call the
	// consumer.
	Tried func(Try)
	Now   func() time.Time // nil: time.Now
}

// Try is one try of one record.
type Try struct {
	Record events.Record
	Number int           // 1 is the first since the consumer began to run
	Took   time.Duration // until the sender returned
	Err    error         // nil: delivered
	Parked bool          // the order is parked by it
}

// Consumer delivers a log's records to one receiver. Its methods can be called by several goroutines at once; Run by
// one at a time.
type Consumer struct {
	log    store.Reader
	sender Sender
	cfg    Config

	trying  turn // Retry, Skip or Restart is under way
	sending turn // the sender is called
	// keeping is had by whoever changes state, origin or unsaved, also while the keeper saves it. What is kept is read
	// under mu alone: how far the consumer is must be told while a save hangs.
	keeping turn
	mu      sync.Mutex // of what follows, for moments
	running bool       // Run is under way
	state   State
	loaded  bool
	origin  string // the log's; empty: it has none
	unsaved int    // records that the cursor has passed since it was saved
}

// New returns a consumer. Nothing is read or sent before it runs. The error wraps [ErrConfig].
func New(log store.Reader, sender Sender, cfg *Config) (*Consumer, error) {
	switch {
	case log == nil:
		return nil, configError("no log; give the one to deliver")
	case sender == nil:
		return nil, configError("no sender; give one, such as NewHTTPSender returns")
	case cfg == nil || cfg.Keeper == nil:
		return nil, configError("no keeper; give one, such as FileKeeper(folder)")
	case !isName(cfg.Name):
		return nil, configError("name %.80q; give 1 to %d letters, digits, \"-\" and \"_\"", cfg.Name, NameMax)
	}
	if u, err := url.Parse(cfg.Source); err != nil || cfg.Source == "" || u.Fragment != "" {
		return nil, configError("source %.80q is no URI or path; give one that names this log, such as "+
			"\"https://shop.example/orders\"", cfg.Source)
	}
	c := &Consumer{log: log, sender: sender, cfg: *cfg, trying: newTurn(), sending: newTurn(), keeping: newTurn()}
	if c.cfg.Waits == nil {
		c.cfg.Waits = DefaultWaits()
	}
	for _, w := range c.cfg.Waits {
		if w <= 0 {
			return nil, configError("a wait of %v; give each at least a moment", w)
		}
	}
	if len(c.cfg.Waits) == 0 {
		return nil, configError("no wait between tries; give at least one, or nil for DefaultWaits")
	}
	if c.cfg.Poll <= 0 {
		c.cfg.Poll = DefaultPoll
	}
	if c.cfg.Patience == 0 {
		c.cfg.Patience = DefaultPatience
	}
	if c.cfg.Patience < 0 {
		return nil, configError("a patience of %v; give more, or 0 for %v", c.cfg.Patience, DefaultPatience)
	}
	if c.cfg.Now == nil {
		c.cfg.Now = time.Now
	}
	return c, nil
}

// Name is the name that its place is kept under.
func (c *Consumer) Name() string { return c.cfg.Name }

func isName(s string) bool {
	if s == "" || len(s) > NameMax {
		return false
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		default:
			return false
		}
	}
	return true
}

// Run delivers what is on record and whatever is added, until ctx ends, and returns ctx's error then. It gets along
// with a receiver that is down and a log that is [store.ErrUnavailable]; every other error of the log or the keeper
// ends it, and so do [ErrTaken], [ErrElsewhere] and [ErrParkedMax]. It can be called again. What it reaches is kept
// before it returns.
func (c *Consumer) Run(ctx context.Context) (err error) {
	if !c.begin() {
		return takenError(c.cfg.Name)
	}
	defer c.end()
	if err := c.load(ctx, true); err != nil {
		return err
	}
	defer func() {
		if errors.Is(err, ErrTaken) || errors.Is(err, ErrElsewhere) { // what is kept is not to be replaced
			c.forget()
			return
		}
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
		defer stop()
		err = errors.Join(err, c.save(last))
	}()
	for tries := 0; ; {
		err := c.catchUp(ctx)
		switch {
		case err == nil:
			tries = 0
			if err = c.await(ctx); err == nil || errors.Is(err, store.ErrUnavailable) {
				continue
			}
		case errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil:
			if err = c.pause(ctx, c.waitBefore(tries+1)); err == nil {
				tries++
				continue
			}
		}
		return err
	}
}

// begin reports whether Run may, and is under way from now on.
func (c *Consumer) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return false
	}
	c.running, c.loaded = true, false
	return true
}

func (c *Consumer) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// fresh is load for callers beside Run: while that is not under way, another process may have moved the place on.
func (c *Consumer) fresh(ctx context.Context) error {
	c.mu.Lock()
	c.loaded = c.loaded && c.running
	loaded := c.loaded
	c.mu.Unlock()
	if loaded {
		return nil
	}
	return c.load(ctx, false)
}

func (c *Consumer) isLoaded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded
}

// load reads what is kept: once, or again where a read that began earlier is not enough.
func (c *Consumer) load(ctx context.Context, again bool) error {
	if err := c.keeping.take(ctx); err != nil {
		return err
	}
	defer c.keeping.give()
	if !again && c.isLoaded() {
		return nil
	}
	s, err := c.cfg.Keeper.Load(ctx, c.cfg.Name)
	if err != nil {
		return err
	}
	origin, err := c.sameLog(ctx, s)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.origin, c.state, c.loaded, c.unsaved = origin, s, true, 0
	return nil
}

// forget has the next call read again what is kept.
func (c *Consumer) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = false
}

// save keeps the state, where it has changed.
func (c *Consumer) save(ctx context.Context) error {
	if err := c.keeping.take(ctx); err != nil {
		return err
	}
	defer c.keeping.give()
	if c.unsaved == 0 || !c.isLoaded() {
		return nil
	}
	return c.saveNow(ctx)
}

// saveNow keeps the state. The caller has keeping.
func (c *Consumer) saveNow(ctx context.Context) error {
	next := c.state.clone()
	next.Revision++
	if err := c.cfg.Keeper.Save(ctx, c.cfg.Name, next); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.unsaved = next, 0
	return nil
}

// catchUp delivers everything after the cursor, to the log's end.
func (c *Consumer) catchUp(ctx context.Context) error {
	for r, err := range c.rest(ctx) {
		if err != nil {
			return err
		}
		if err := c.pass(ctx, r); err != nil {
			return err
		}
	}
	return c.save(ctx)
}

// pass delivers one record, unless it stays back, and moves the cursor behind it.
func (c *Consumer) pass(ctx context.Context, r events.Record) error {
	if over, err := c.passOver(ctx, r); over || err != nil {
		return err
	}
	problem, err := c.deliver(ctx, r, RefusalsMax)
	if err != nil {
		return err
	}
	if err := c.keeping.take(ctx); err != nil {
		return err
	}
	defer c.keeping.give()
	if problem != nil {
		if err := c.park(r, problem.Error()); err != nil {
			return err
		}
		c.unsaved = SaveEvery
	}
	return c.advance(ctx, r)
}

// passOver moves the cursor behind a record that is not to be delivered now. That it stays back and that the cursor has
// passed it become true at once: who delivers what stayed back goes as far as the cursor.
func (c *Consumer) passOver(ctx context.Context, r events.Record) (over bool, err error) {
	picked := c.picked(r)
	if err := c.keeping.take(ctx); err != nil {
		return false, err
	}
	defer c.keeping.give()
	if picked && c.find(r.Stream) < 0 {
		return false, nil
	}
	return true, c.advance(ctx, r)
}

// advance moves the cursor behind a record, and keeps it now and then. The caller has keeping.
func (c *Consumer) advance(ctx context.Context, r events.Record) error {
	c.mu.Lock()
	c.state.Cursor, c.state.Record, c.state.Log = store.After(r), r.ID, c.origin
	c.mu.Unlock()
	if c.unsaved++; c.unsaved < SaveEvery {
		return nil
	}
	return c.saveNow(ctx)
}

func (c *Consumer) picked(r events.Record) bool { return c.cfg.Pick == nil || c.cfg.Pick(r) }

// await returns once the log may have grown.
func (c *Consumer) await(ctx context.Context) error {
	watcher, is := c.log.(store.Watcher)
	if !is {
		return c.pause(ctx, c.cfg.Poll)
	}
	for _, err := range watcher.Watch(ctx, c.cursor()) {
		return err
	}
	return nil
}

func (c *Consumer) pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return store.CheckContext(ctx, "go on delivering")
	}
}
