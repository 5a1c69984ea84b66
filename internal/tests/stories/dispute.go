package stories

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
)

// disputeSteps are what buyers and acquirers do about disputes: a story has one a payment, named by its order.
func disputeSteps() []storyStep {
	play := func(form string, play func(s *story, dispute string) error) storyStep {
		return does(form, func(s *story, a args) error {
			id, known := s.disputes[a["id"]]
			if !known {
				return fmt.Errorf("nobody disputes %s", a["id"])
			}
			return play(s, id)
		})
	}
	return []storyStep{
		does("the buyer disputes {n} of {id}", func(s *story, a args) error {
			n, err := a.minor("n")
			if err != nil {
				return err
			}
			id, err := s.server.OpenDispute(preq(a), apotest.Dispute{Minor: n})
			if s.disputes == nil {
				s.disputes = map[string]string{}
			}
			s.disputes[a["id"]] = id
			return err
		}),
		play("APO warns that the defence of {id} is due",
			func(s *story, id string) error { return s.server.AlertDispute(id) }),
		play("the dispute of {id} is defended", func(s *story, id string) error { return s.server.DefendDispute(id) }),
		play("the dispute of {id} is lost",
			func(s *story, id string) error { return s.server.EndDispute(id, apo.DisputeMerchantLiable, 0) }),
		play("the dispute of {id} is won",
			func(s *story, id string) error { return s.server.EndDispute(id, apo.DisputeBuyerLiable, 0) }),
		play("the buyer withdraws the dispute of {id}",
			func(s *story, id string) error { return s.server.EndDispute(id, apo.DisputeWithdrawn, 0) }),
		does("APO tells of {type} about {id}", func(s *story, a args) error {
			return s.server.Tell(preq(a), map[string]any{"notifyType": a["type"]})
		}),
	}
}

func disputeAsserts() []storyStep {
	return []storyStep{
		sees("{id} has lost {n} in disputes",
			func(o order.Order, a args) error { return same(a["n"], strconv.FormatInt(o.Disputed, 10)) }),
		sees("{n} of {id} can be refunded",
			func(o order.Order, a args) error { return same(a["n"], strconv.FormatInt(o.Refundable(), 10)) }),
		sees("{id} needs no defence",
			func(o order.Order, _ args) error { return same(true, o.Head().DisputeBy.IsZero()) }),
		{"{id} is listed to be defended", func(s *story, a args) error {
			for o, err := range s.process.orders.Disputes(s.ctx) {
				if err != nil || o.ID == a["id"] {
					return err
				}
			}
			return errors.New("it is not")
		}},
	}
}
