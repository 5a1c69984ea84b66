package main

import (
	"cmp"
	"context"
	"net/http"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
)

// wish is what a command says beside what the library compares: by whom it was given and why.
type wish struct{ key, reason, actor string }

// given is what the log has of a command that was given.
type given struct {
	then    order.Order // as the command left it; its Version is 0 where that is not known
	refused string      // APO's code, where its answer to the pay call was that the payment failed
	asked   bool        // APO was asked how the payment stands
}

// answer tells how a command ended: the order as it left it, however much later it is asked for again; the order as it
// stands where APO works on it; otherwise the problem that it is. Where the end is not known yet it says where to look.
func (s *shop) answer(w http.ResponseWriter, r *http.Request, wish wish, result tilltape.Result, err error) {
	given, err := s.given(r.Context(), wish, result, err)
	if problem.Status(result, err) == http.StatusAccepted {
		w.Header().Set("Location", path(r.PathValue("id")))
	}
	left := given.then
	if left.Version == 0 {
		left = result.Order
	}
	s.Answer(w, r, result, err, viewOf(&left))
}

// begunKey marks the context of a request with the command that it gives.
type begunKey struct{}

// begunBy is whether a request has put its command's intent on record itself: then it is no repetition.
type begunBy struct {
	key   string
	first bool
}

func recording(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, begunKey{}, &begunBy{key: key})
}

// begins notes the intents that a request has put on record.
func begins(ctx context.Context, records []events.Record) {
	b, is := ctx.Value(begunKey{}).(*begunBy)
	if !is || len(records) == 0 || records[0].CommandID != b.key {
		return
	}
	_, places := records[0].Event.(events.OrderCreated)
	b.first = b.first || places || events.PartsOf(records[0].Event).Stage == events.StageAsked
}

// isFirst reports whether a request's command is one that nobody gave before.
func isFirst(ctx context.Context) bool {
	b, is := ctx.Value(begunKey{}).(*begunBy)
	return is && b.first
}

// given is what the command with this key was. Where this request has begun it, and nothing came after it, the result
// has that already; otherwise it is read in the log. The library knows a command again by its id and by what it
// moves; over HTTP the same key with any other body is a mistake, and so is one with another reason or actor. The log
// remembers both, and no memory of this process is asked.
func (s *shop) given(ctx context.Context, w wish, result tilltape.Result, err error) (given, error) {
	var g given
	state := result.Order.Command(w.key)
	if state.Outcome == order.OutcomeUnknown {
		return g, err // refused, or of no effect: nothing is on record under its key
	}
	pending := state.Outcome == order.OutcomePending
	if isFirst(ctx) && (pending || state.Version == result.Order.Version) {
		if !pending {
			g.then = result.Order
		}
		return g, err
	}
	first := true
	var o order.Order
	for r, failed := range s.Orders.History(ctx, result.Order.ID) {
		if failed != nil {
			return g, cmp.Or(err, failed)
		}
		if r.CommandID == w.key && first {
			first = false
			if reason, has := reasonOf(r.Event); r.Actor != cmp.Or(w.actor, actor) || has && reason != w.reason {
				return g, &order.MismatchError{OrderID: result.Order.ID, CommandID: w.key}
			}
		}
		switch e := r.Event.(type) {
		case events.PaymentFailed:
			if e.Proof.Via == events.ViaAnswer {
				g.refused = cmp.Or(e.Code, "UNKNOWN")
			}
		case events.InquiryStarted:
			g.asked = true
		}
		o = order.Evolve(o, r)
		if !pending && r.Version == state.Version {
			g.then = o
		}
	}
	return g, err
}

// reasonOf is why a command was given, where it was one that has a reason.
func reasonOf(intent events.Event) (reason string, has bool) {
	switch e := intent.(type) {
	case events.CancelRequested:
		return e.Reason, true
	case events.RefundRequested:
		return e.Reason, true
	}
	return "", false
}
