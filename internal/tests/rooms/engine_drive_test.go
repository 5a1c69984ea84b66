package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// stage is a stream in memory, a clock, and whatever a drive needs besides.
type stage struct {
	t       *testing.T
	now     time.Time
	serial  int
	records []events.Record
}

const theOrder = "o-1"

func newStage(t *testing.T) *stage {
	return &stage{t: t, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

func (s *stage) id() string {
	s.serial++
	return fmt.Sprint("id-", s.serial)
}

func (s *stage) drive(c order.Command) *engine.Drive {
	env := func() order.Env { return order.Env{Now: s.now, NewID: s.id} }
	return engine.New(theOrder, c, env, "service")
}

func usd(minor int64) order.Money { return order.Money{Minor: minor, Currency: "USD"} }

// step performs the drive's task, unless it is to ask APO.
func (s *stage) step(d *engine.Drive) {
	switch task := d.Task(); task.Kind {
	case engine.Read:
		assert.Equal(s.t, events.OrderStream(theOrder), task.Stream)
		d.Loaded(s.records[task.After:], nil)
	case engine.Append:
		require.Equal(s.t, uint64(len(s.records)), task.After)
		s.records = append(s.records, task.Records...)
		d.Appended(nil)
	}
}

// to drives on until the task is of that kind.
func (s *stage) to(d *engine.Drive, kind engine.TaskKind) engine.Task {
	s.t.Helper()
	for range 10 {
		if d.Task().Kind == kind {
			return d.Task()
		}
		s.step(d)
	}
	s.t.Fatalf("the drive never came to %d: it wants %d", kind, d.Task().Kind)
	return engine.Task{}
}

// finish drives to the end.
func (s *stage) finish(d *engine.Drive) *engine.Drive {
	s.t.Helper()
	s.to(d, engine.Done)
	return d
}

// authorized places an order whose payment is authorized.
func authorized(t *testing.T) *stage {
	s := newStage(t)
	s.finish(s.drive(order.Create{OrderID: theOrder, PaymentRequestID: "preq-1", PaymentID: "p-1", Amount: usd(1000),
		Method:      "CARD",
		CaptureMode: order.CaptureManual}))
	s.finish(s.drive(order.Observe{Fact: order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-1", Amount: usd(1000),
		Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{}}}}))
	require.Len(t, s.records, 2)
	return s
}

var cancel = order.Cancel{CommandID: "c-1", Actor: "ada"}

func TestDrive_ACallIsNamedOnlyAfterItsClaimIsAppended(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	require.Equal(t, engine.Read, d.Task().Kind)
	assert.False(t, d.Called())
	s.step(d)
	task := d.Task()
	require.Equal(t, engine.Append, task.Kind)
	require.Len(t, task.Records, 1)
	r := task.Records[0]
	assert.Equal(t, events.KindCancelRequested, r.Event.Kind())
	assert.Equal(t, "c-1", r.CommandID)
	assert.Equal(t, "ada", r.Actor)
	assert.Equal(t, "requested", r.Head.Phase, "the head in the frame is the one after it")
	assert.False(t, d.Called())

	s.step(d)
	task = d.Task()
	require.Equal(t, engine.Ask, task.Kind)
	assert.True(t, d.Called())
	assert.Equal(t, order.CallCancel, task.Call.Kind)
	assert.Equal(t, "p-1", task.Call.PaymentID)
	assert.Equal(t, s.now.Add(order.DefaultLease), task.Call.Lease)

	d.Answered(order.Verdict{Class: order.VerdictSucceeded, Evidence: &events.Evidence{}})
	s.finish(d)
	require.NoError(t, d.Err())
	assert.Equal(t, order.Cancelled, d.Order().Status)
	assert.Equal(t, "c-1", s.records[3].CommandID, "the outcome belongs to the command")
	assert.Equal(t, "service", s.records[3].Actor)
}

func TestDrive_ARefusalAppendsNothing(t *testing.T) {
	s := authorized(t)
	d := s.finish(s.drive(order.Refund{Amount: usd(1)}))
	require.ErrorIs(t, d.Err(), order.ErrRejected)
	assert.False(t, d.Called())
	assert.Len(t, s.records, 2)
	assert.Equal(t, order.Authorized, d.Order().Status, "the order as it was read")
}

func TestDrive_AConflictReadsWhatIsNewAndDecidesAgain(t *testing.T) {
	s := authorized(t)
	slow, fast := s.drive(cancel), s.drive(order.Capture{CommandID: "k-1", Amount: usd(1000)})
	s.to(slow, engine.Append)
	s.to(fast, engine.Ask)
	slow.Appended(&store.ConflictError{Want: 2, Have: 3})
	task := slow.Task()
	require.Equal(t, engine.Read, task.Kind)
	assert.Equal(t, uint64(2), task.After, "only what is new")
	s.finish(slow)
	require.ErrorIs(t, slow.Err(), order.ErrRejected, "now the capture is known")
	assert.False(t, slow.Called())
}

func TestDrive_ConflictsAreBounded(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	s.to(d, engine.Append)
	tries := 0
	for d.Task().Kind != engine.Done {
		if d.Task().Kind == engine.Append {
			tries++
			d.Appended(&store.ConflictError{Want: 2, Have: 3})
			continue
		}
		d.Loaded(nil, nil)
	}
	assert.Equal(t, engine.ConflictsMax, tries)
	require.ErrorIs(t, d.Err(), engine.ErrContended)
	assert.Contains(t, d.Err().Error(), theOrder)
	assert.Len(t, s.records, 2)
}

func TestDrive_AnUnknownAppendIsRepeatedWithTheSameRecords(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	first := s.to(d, engine.Append)
	lost := errors.New("the answer was lost")
	for range engine.AppendsMax - 1 {
		d.Appended(lost)
		assert.Equal(t, first, d.Task(), "the same ids, times and versions")
	}
	d.Appended(lost)
	require.Equal(t, engine.Done, d.Task().Kind)
	require.ErrorIs(t, d.Err(), lost)
	assert.EqualError(t, d.Err(), "order o-1: cancel may or may not be on record: the answer was lost")
	assert.False(t, d.Called(), "not known to be durable, so not sent")
}

// A log that says that the context ended has written nothing, by its contract; after a try that failed otherwise nobody
// can say that of all tries.
func TestDrive_AnEndedContextIsNoDoubt(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	s.to(d, engine.Append)
	d.Appended(store.CheckContext(ended(), `append to order "o-1"`))
	require.Equal(t, engine.Done, d.Task().Kind)
	require.ErrorIs(t, d.Err(), context.Canceled)
	require.NotErrorIs(t, d.Err(), engine.ErrInDoubt)
	assert.EqualError(t, d.Err(), "order o-1: cancel was not recorded: context canceled")

	d = s.drive(cancel)
	s.to(d, engine.Append)
	d.Appended(errors.New("the answer was lost"))
	d.Appended(store.CheckContext(ended(), `append to order "o-1"`))
	require.Equal(t, engine.Done, d.Task().Kind)
	require.ErrorIs(t, d.Err(), context.Canceled)
	require.ErrorIs(t, d.Err(), engine.ErrInDoubt)
	assert.EqualError(t, d.Err(), "order o-1: cancel may or may not be on record: context canceled")
}

func ended() context.Context {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	return ctx
}

func TestDrive_ErrorsThatNoRetryHelps(t *testing.T) {
	for name, give := range map[string]error{
		"invalid": store.ErrInvalid, "closed": store.ErrClosed, "damaged": store.ErrDamaged,
	} {
		t.Run(name, func(t *testing.T) {
			s := authorized(t)
			d := s.drive(cancel)
			s.to(d, engine.Append)
			d.Appended(fmt.Errorf("append: %w", give))
			require.Equal(t, engine.Done, d.Task().Kind)
			require.ErrorIs(t, d.Err(), give)
			require.NotErrorIs(t, d.Err(), engine.ErrInDoubt, "it certainly has not happened")
			assert.Contains(t, d.Err().Error(), theOrder)
		})
	}
	t.Run("reading", func(t *testing.T) {
		s := authorized(t)
		d := s.drive(cancel)
		broken := errors.New("unreadable")
		d.Loaded(nil, broken)
		require.ErrorIs(t, d.Err(), broken)
		assert.Equal(t, engine.Done, d.Task().Kind)
	})
	t.Run("no such order", func(t *testing.T) {
		s := newStage(t)
		d := s.finish(s.drive(cancel))
		require.ErrorIs(t, d.Err(), order.ErrUnknownOrder)
	})
}

func TestDrive_AKeyOfAnotherOrder(t *testing.T) {
	key := events.NewKey(events.KeyPaymentID, "p-9")
	taken := &store.KeyTakenError{Stream: events.OrderStream(theOrder), Key: key, Owner: events.OrderStream("o-9")}

	t.Run("a fact is kept without it, with an anomaly", func(t *testing.T) {
		s := newStage(t)
		s.finish(s.drive(order.Create{OrderID: theOrder, PaymentRequestID: "preq-1", Amount: usd(1000), Method: "CARD",
			CaptureMode: order.CaptureManual}))
		d := s.drive(order.Observe{Fact: order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-9", Amount: usd(1000),
			Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{}}}})
		task := s.to(d, engine.Append)
		assert.Equal(t, []events.Key{key}, task.Records[0].Keys)
		d.Appended(taken)
		task = d.Task()
		require.Equal(t, engine.Append, task.Kind)
		require.Len(t, task.Records, 2)
		assert.Empty(t, task.Records[0].Keys)
		assert.Equal(t, events.KindAnomalyObserved, task.Records[1].Event.Kind())
		s.finish(d)
		require.NoError(t, d.Err())
		assert.Equal(t, order.Authorized, d.Order().Status)
		assert.Equal(t, s.records[2].Recorded, s.records[2].Head.AnomalySince)
	})
	t.Run("a new order is refused", func(t *testing.T) {
		s := newStage(t)
		d := s.drive(order.Create{OrderID: theOrder, PaymentRequestID: "preq-1", PaymentID: "p-9", Amount: usd(1000),
			Method: "CARD", CaptureMode: order.CaptureManual})
		s.to(d, engine.Append)
		d.Appended(taken)
		require.ErrorIs(t, d.Err(), store.ErrKeyTaken)
		assert.Empty(t, s.records)
	})
	t.Run("an intent is refused, and nothing is sent", func(t *testing.T) {
		s := authorized(t)
		d := s.drive(order.Capture{Amount: usd(1)})
		task := s.to(d, engine.Append)
		d.Appended(&store.KeyTakenError{Key: task.Records[0].Keys[0], Owner: events.OrderStream("o-9")})
		require.ErrorIs(t, d.Err(), store.ErrKeyTaken)
		assert.False(t, d.Called())
	})
	t.Run("the same key twice is an end, not a loop", func(t *testing.T) {
		s := newStage(t)
		s.finish(s.drive(order.Create{OrderID: theOrder, PaymentRequestID: "preq-1", Amount: usd(1000), Method: "CARD",
			CaptureMode: order.CaptureManual}))
		d := s.drive(order.Observe{Fact: order.Fact{Kind: order.PaymentPending, PaymentID: "p-9"}})
		s.to(d, engine.Append)
		d.Appended(taken)
		d.Appended(taken)
		require.Equal(t, engine.Done, d.Task().Kind)
		require.ErrorIs(t, d.Err(), store.ErrKeyTaken)
	})
}

func TestDrive_AnFThatDoesNotDecideIsFollowedByAnInquiry(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	s.to(d, engine.Ask)
	d.Answered(order.Verdict{Class: order.VerdictWrong, Code: "PROCESS_FAIL", Evidence: &events.Evidence{}})
	task := s.to(d, engine.Ask)
	assert.Equal(t, order.CallInquirePayment, task.Call.Kind)
	assert.Equal(t, uint64(1), task.Call.Number)
	d.Inquired(order.Picture{Outcome: events.InquiryAnswers, State: order.StateCancelled, Evidence: &events.Evidence{},
		Facts: []order.Fact{{Kind: order.PaymentCancelled, PaymentID: "p-1"}}})
	s.finish(d)
	require.NoError(t, d.Err())
	assert.Equal(t, order.Cancelled, d.Order().Status)
}

func TestDrive_AnObservationIsNotFollowedUp(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	s.to(d, engine.Ask)
	d.Answered(order.Verdict{})
	s.finish(d)
	s.now = s.now.Add(time.Hour) // the retry is due
	d = s.finish(s.drive(order.Observe{Fact: order.Fact{Kind: order.PaymentFailed, PaymentID: "p-1", Code: "X"}}))
	require.NoError(t, d.Err())
	assert.False(t, d.Called(), "a notification's sender does not wait for APO")
}

func TestDrive_ClaimOfNothing(t *testing.T) {
	s := authorized(t)
	d := s.finish(s.drive(order.Claim{}))
	require.NoError(t, d.Err(), "nothing is due: nothing to do")
	d = s.drive(order.Claim{Inquire: true})
	s.to(d, engine.Ask)
	assert.True(t, d.Task().Call.IsInquiry(), "an inquiry may be claimed though none is due")
	other := s.finish(s.drive(order.Claim{Inquire: true}))
	require.ErrorIs(t, other.Err(), order.ErrNotDue, "but not while another claim is in force")
}

func TestDrive_AfterARepeatedCommandItsRetryIsFollowedUp(t *testing.T) {
	s := authorized(t)
	d := s.drive(cancel)
	s.to(d, engine.Ask)
	d.Answered(order.Verdict{})
	s.finish(d)
	d = s.finish(s.drive(cancel))
	require.NoError(t, d.Err())
	assert.False(t, d.Called(), "it joins the operation; nothing is due yet")
	s.now = s.now.Add(time.Second)
	d = s.drive(cancel)
	task := s.to(d, engine.Ask)
	assert.Equal(t, uint64(2), task.Call.Attempt)
	assert.Equal(t, events.KindAttemptStarted, s.records[len(s.records)-1].Event.Kind())
}

// Where every answer makes another call due at once, a drive still ends after a bounded number of them.
func TestDrive_CallsAreBounded(t *testing.T) {
	s := authorized(t)
	env := func() order.Env {
		s.now = s.now.Add(25 * time.Hour) // longer than any wait of the schedule
		return order.Env{Now: s.now, NewID: s.id, Policy: order.Policy{ParkAfter: 1000 * time.Hour}}
	}
	d := engine.New(theOrder, cancel, env, "service")
	calls := 0
	for d.Task().Kind != engine.Done {
		switch {
		case d.Task().Kind != engine.Ask:
			s.step(d)
			continue
		case d.Task().Call.IsInquiry():
			d.Inquired(order.Picture{Outcome: events.InquiryAnswers, State: order.StateSuccess, Evidence: &events.Evidence{}})
		default:
			d.Answered(order.Verdict{})
		}
		calls++
	}
	assert.Equal(t, engine.CallsMax, calls)
	require.NoError(t, d.Err())
	assert.True(t, d.Order().Operation.Outstanding())
}

// A claim in force belongs to the drive that wrote it: another drive's append beside it names no call.
func TestDrive_SomebodyElsesClaimIsNotTakenForItsOwn(t *testing.T) {
	s := authorized(t)
	asking := s.drive(cancel)
	s.to(asking, engine.Ask)
	d := s.finish(s.drive(order.Observe{Fact: order.Fact{Kind: order.PaymentFailed, PaymentID: "p-1", Code: "X"}}))
	require.NoError(t, d.Err())
	assert.Equal(t, events.KindAnomalyObserved, s.records[3].Event.Kind())
	assert.False(t, d.Called())
	again := s.finish(s.drive(cancel))
	assert.False(t, again.Called(), "nor does the same command given again")
}
