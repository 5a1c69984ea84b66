package main

import (
	"context"

	"github.com/tilltape/tilltape/notify"
)

// hears gives the shop its endpoint for APO. It is the library's: it verifies, records whether or not APO still waits
// for the answer, and acknowledges what is on disk. Everything else APO sends again, and the logger given to the Orders
// says what a person should know of it.
func (s *shop) hears() error {
	verifier, err := s.client.Verifier(nil) // it believes APO's keys, which the client has
	if err != nil {
		return err
	}
	s.notify, err = notify.NewHandler(s.orders, verifier, &notify.Config{Heard: s.heard})
	return err
}

// heard says what became of an order that APO told of.
func (s *shop) heard(ctx context.Context, n notify.Notification) {
	if n.Err != nil {
		return // the library has logged it
	}
	o, err := s.orders.Get(ctx, n.OrderID)
	if err != nil { // APO may have hung up; what it told is recorded all the same
		s.logger.Info("notified", "order", n.OrderID, "fact", n.Fact.Kind().String())
		return
	}
	s.logger.Info("notified", "order", o.ID, "fact", n.Fact.Kind().String(), "now", o.Words())
}
