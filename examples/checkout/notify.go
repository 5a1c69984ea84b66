package main

import (
	"context"

	"github.com/tilltape/tilltape/notify"
)

// heard says what became of an order that APO told of. The endpoint for that is the library's: it verifies, records
// whether or not APO still waits for the answer, and acknowledges what is on disk. Everything else APO sends again.
func (s *shop) heard(ctx context.Context, n notify.Notification) {
	if n.Err != nil {
		return // the library has logged it
	}
	o, err := s.Orders.Get(ctx, n.OrderID)
	if err != nil { // APO may have hung up; what it told is recorded all the same
		s.logger.Info("notified", "order", n.OrderID, "fact", n.Fact.Kind().String())
		return
	}
	s.logger.Info("notified", "order", o.ID, "fact", n.Fact.Kind().String(), "now", o.Words())
}
