package stories

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// storyAsserts are the steps of then.
func storyAsserts() []storyStep {
	return slices.Concat(orderAsserts(), answerAsserts(), apoAsserts(), listAsserts(), crowdAsserts(), disputeAsserts())
}

// same is nil where what is is as it should be.
func same[V comparable](want, got V) error {
	if want != got {
		return fmt.Errorf("it is %v", got)
	}
	return nil
}

// sees asserts something of an order.
func sees(form string, look func(o order.Order, a args) error) storyStep {
	return storyStep{form, func(s *story, a args) error {
		o, err := s.get(a["id"])
		if err != nil {
			return err
		}
		return look(o, a)
	}}
}

func orderAsserts() []storyStep {
	return []storyStep{
		sees("{id} is {status}", func(o order.Order, a args) error { return same(a["status"], o.Status.String()) }),
		sees("{id} has {au} authorized, {ca} captured and {re} refunded", func(o order.Order, a args) error {
			return same(fmt.Sprint(a["au"], " ", a["ca"], " ", a["re"]),
				fmt.Sprint(o.Authorized, " ", o.Captured, " ", o.Refunded))
		}),
		sees("{id} has {au} late authorized, {ca} captured and {re} refunded", func(o order.Order, a args) error {
			return same(fmt.Sprint(a["au"], " ", a["ca"], " ", a["re"]),
				fmt.Sprint(o.Late.Authorized, " ", o.Late.Captured, " ", o.Late.Refunded))
		}),
		sees("{id} has no operation", func(o order.Order, _ args) error { return same(0, len(o.Operations())) }),
		sees("the {op} of {id} is {phase}", func(o order.Order, a args) error {
			p := tilltest.Op(o)
			return same(a["op"]+" "+a["phase"], p.Kind.String()+" "+p.Phase.String())
		}),
		sees("{id} owes nothing by itself", func(o order.Order, _ args) error { return same(true, o.NextDue().IsZero()) }),
		sees("{cmd} of {id} has {outcome}", func(o order.Order, a args) error {
			return same(a["outcome"], o.Command(a["cmd"]).Outcome.String())
		}),
		sees("{cmd} of {id} failed with {code}", func(o order.Order, a args) error {
			c := o.Command(a["cmd"])
			return same("failed "+a["code"], c.Outcome.String()+" "+c.Code)
		}),
		{"{actor} is on record as who overrode APO about {id}", func(s *story, a args) error {
			for r, err := range s.process.orders.History(s.ctx, a["id"]) {
				if e, is := r.Event.(events.OperationResolved); err != nil || is {
					return errors.Join(err, same(a["actor"]+" true", fmt.Sprint(r.Actor, " ", e.Override)))
				}
			}
			return errors.New("nobody is")
		}},
		sees("{id} has no anomaly",
			func(o order.Order, _ args) error { return same("[]", fmt.Sprint(tilltest.Anomalies(o))) }),
		sees("{id} has the anomaly: {reason...}", func(o order.Order, a args) error {
			var said []string
			for _, r := range tilltest.Anomalies(o) {
				said = append(said, r.String())
			}
			return same(a["reason"], strings.Join(said, ", "))
		}),
		sees("{id} holds {n} refunds", func(o order.Order, a args) error { return same(a["n"], strconv.Itoa(len(o.Held))) }),
	}
}

// answered asserts what the newest command's caller was told.
func answered(form string, right func(err error, a args) bool) storyStep {
	return storyStep{form, func(s *story, a args) error {
		if !right(s.err, a) {
			return fmt.Errorf("it was answered: %v", s.err)
		}
		return nil
	}}
}

func answerAsserts() []storyStep {
	return []storyStep{
		{"the command succeeds", func(s *story, _ args) error {
			return errors.Join(s.err, same(tilltape.Done.String(), s.result.Outcome.String()))
		}},
		answered("its outcome is not known", func(err error, _ args) bool { return errors.Is(err, tilltape.ErrUnresolved) }),
		{"it is accepted", func(s *story, _ args) error {
			return errors.Join(s.err, same(tilltape.Accepted.String(), s.result.Outcome.String()))
		}},
		answered("it is in doubt", func(err error, _ args) bool { return errors.Is(err, tilltape.ErrInDoubt) }),
		answered("the log's error is told", func(err error, _ args) bool { return errors.Is(err, tilltest.ErrDisk) }),
		answered("nobody hears of it", func(err error, _ args) bool { return errors.Is(err, tilltest.ErrDead) }),
		answered("it is refused: {reason}", func(err error, a args) bool {
			var rejected *order.RejectedError
			return errors.As(err, &rejected) && rejected.Reason.String() == a["reason"]
		}),
		answered("it fails with {code}", func(err error, a args) bool {
			var failed *order.FailedError
			return errors.As(err, &failed) && failed.Code == a["code"]
		}),
		{"they are acknowledged", func(s *story, _ args) error { return s.allAnswered(http.StatusOK) }},
		{"they are answered {code}", func(s *story, a args) error {
			n, err := strconv.Atoi(a["code"])
			return errors.Join(err, s.allAnswered(n))
		}},
	}
}

func (s *story) allAnswered(code int) error {
	for _, c := range s.codes {
		if c != code {
			return fmt.Errorf("they were answered %v", s.codes)
		}
	}
	return same(true, len(s.codes) > 0)
}

func apoAsserts() []storyStep {
	return []storyStep{
		{"APO saw {n} calls of {op}",
			func(s *story, a args) error { return same(a["n"], strconv.Itoa(s.server.Count(apotest.Op(a["op"])))) }},
		{"APO saw no call at all", func(s *story, _ args) error { return same(0, s.server.Count()) }},
		{"APO was asked how {id} stands", func(s *story, a args) error {
			return same(true, s.server.Count(apotest.OpInquirePayment, apotest.OpInquireRefund) > 0)
		}},
		{"all calls of {op} carried {n} request ids", func(s *story, a args) error {
			ids := map[string]bool{}
			for _, c := range s.server.Calls() {
				if string(c.Op) == a["op"] {
					ids[c.RequestID] = true
				}
			}
			return same(a["n"], strconv.Itoa(len(ids)))
		}},
		{"the ledger has {n} {movement} of {id}", func(s *story, a args) error {
			n := 0
			for _, e := range s.server.Ledger() {
				if string(e.Kind) == a["movement"] && e.PaymentRequestID == preq(a) {
					n++
				}
			}
			return same(a["n"], strconv.Itoa(n))
		}},
		{"the merchant keeps {n} of {id}",
			func(s *story, a args) error { return same(a["n"], fmt.Sprint(s.server.Totals(preq(a)).Kept())) }},
		{"the buyer's card holds {n} for {id}", func(s *story, a args) error {
			return same(a["n"], fmt.Sprint(s.server.Totals(preq(a)).Held()))
		}},
	}
}

func listAsserts() []storyStep {
	return []storyStep{
		{"nothing is outstanding", func(s *story, _ args) error {
			for o, err := range s.process.orders.Outstanding(s.ctx) {
				return errors.Join(err, fmt.Errorf("%s is", o.ID))
			}
			return nil
		}},
		{"{id} is listed as outstanding", func(s *story, a args) error {
			for o, err := range s.process.orders.Outstanding(s.ctx) {
				if err != nil || o.ID == a["id"] {
					return err
				}
			}
			return errors.New("it is not")
		}},
		{"{id} is listed with an anomaly", func(s *story, a args) error {
			for o, err := range s.process.orders.Anomalies(s.ctx) {
				if err != nil || o.ID == a["id"] {
					return err
				}
			}
			return errors.New("it is not")
		}},
		{"support is told of {n} calls about {id}", func(s *story, a args) error {
			b, err := evidence.Of(s.ctx, s.process.orders.Reader, a["id"])
			if err != nil {
				return err
			}
			return same(a["n"], strconv.Itoa(len(b.Calls)))
		}},
	}
}
