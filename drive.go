package tilltape

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/settling"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
)

// drive carries one command to where it waits for time or a fact. Its calls end with ctx. Once stop has ended, which
// may be earlier, or the Orders is closed, no further call is claimed: what is then still owed is left to settling.
func (s *Orders) drive(ctx, stop context.Context, id string, c order.Command) (*engine.Drive, error) {
	d := engine.New(id, c, s.traced(ctx), s.cfg.Actor)
	recording, asked := ctx, func() {}
	defer func() { asked() }()
	for {
		switch t := d.Task(); t.Kind {
		case engine.Done:
			return d, d.Err()
		case engine.Read:
			d.Loaded(s.records(recording, t.Stream, t.After))
		case engine.Append:
			if claims(t) && s.leaves(stop, d) {
				return d, notBegunError(stop, d, id)
			}
			records, err := s.log.Append(recording, t.Stream, t.After, t.Records...)
			d.Appended(err)
			if err == nil {
				s.tell.appended(ctx, records, d)
			}
		case engine.Ask:
			s.ask(ctx, d, t)
			asked()
			recording, asked = s.recording(ctx)
		}
	}
}

// traced is what decisions know of the world, and the trace that an intent keeps.
func (s *Orders) traced(ctx context.Context) func() order.Env {
	trace := s.tell.trace(ctx)
	if trace == "" {
		return s.env
	}
	return func() order.Env {
		env := s.env()
		env.Trace = trace
		return env
	}
}

// recording is the context to read and write under once APO was asked: an outcome is recorded even where the caller has
// gone. Its time begins with the answer, and is one for all that is read and written, so that a log that hangs holds
// nobody longer.
func (s *Orders) recording(ctx context.Context) (context.Context, func()) {
	return context.WithTimeout(context.WithoutCancel(ctx), s.cfg.RecordTimeout)
}

// claims reports whether an append takes a call that is owed, which anybody else could take later.
func claims(t engine.Task) bool {
	switch t.Records[len(t.Records)-1].Event.(type) {
	case events.AttemptStarted, events.InquiryStarted:
		return true
	}
	return false
}

// leaves reports whether nobody waits for a further call. A drive that has asked nothing yet is seen through by Close.
func (s *Orders) leaves(stop context.Context, d *engine.Drive) bool {
	return stop.Err() != nil || s.life.Err() != nil && d.Called()
}

// notBegunError says why a drive that was left has done nothing; one that has asked APO has done what it was there for.
func notBegunError(stop context.Context, d *engine.Drive, id string) error {
	if d.Called() {
		return nil
	}
	return fmt.Errorf("order %s: %w: %w", id, settling.ErrNotBegun, stop.Err())
}

// records reads a stream's records after a version.
func (s *Orders) records(ctx context.Context, of events.Stream, after uint64) ([]events.Record, error) {
	var records []events.Record
	for r, err := range s.log.Read(ctx, of, after) {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// ask makes the call that was claimed. It is over before the claim's lease ends, so that no two ask at once.
func (s *Orders) ask(ctx context.Context, d *engine.Drive, t engine.Task) {
	call := t.Call
	ctx = s.tell.calling(ctx, CallBegun{Call: call, Trace: t.Trace})
	began := s.now()
	c, end := context.WithTimeout(ctx, min(s.cfg.CallTimeout, call.Lease.Sub(began)))
	defer end()
	made := CallMade{Call: call, Began: began}
	if call.IsInquiry() {
		p := translate.Inquire(c, s.gateway, call)
		made.Took, made.Inquiry, made.Code, made.Problem = s.now().Sub(began), p.Outcome, p.Code, p.Problem
		d.Inquired(p)
	} else {
		v := translate.Command(c, s.gateway, call)
		made.Took, made.Verdict, made.Code, made.Problem = s.now().Sub(began), v.Class, v.Code, v.Problem
		d.Answered(v)
	}
	s.tell.called(ctx, made)
}
