package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/tilltape/tilltape/service"
)

// privatePatience is how long what is read on the private address, a backup perhaps, still has when the service stops.
const privatePatience = 5 * time.Second

// serve answers requests and lets the orders settle until ctx ends, or until one of the three does: a service that no
// longer settles would go on answering and never learn what is unknown. So it does where the log has stopped and a
// restart mends it. Then it is drained.
func (s *shop) serve(ctx context.Context, public, private net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settling, settled := context.WithCancel(context.WithoutCancel(ctx))
	defer settled()
	ended := make(chan error, 5)
	begin := func(task func() error) {
		go func() {
			ended <- task()
			stop()
		}()
	}
	orders, pages := s.Server(s.routes()), s.Server(s.privateRoutes())
	s.state.driving(s.now())
	s.state.settling.Store(true) // before anybody can ask whether it is ready
	begin(func() error {         // takes over what an earlier process left, too
		defer s.state.settling.Store(false)
		return s.Orders.Run(settling)
	})
	begin(func() error { return served(orders.Serve(public)) })
	begin(func() error { return served(pages.Serve(private)) })
	begin(func() error { return s.logStops(settling) })
	begin(func() error { return s.tells(settling, tellAgain) })
	s.logger.Info("serving", "address", public.Addr().String(), "private", private.Addr().String())
	<-ctx.Done()
	err := s.drain(orders, pages)
	settled()
	for range cap(ended) {
		err = errors.Join(err, <-ended)
	}
	s.logger.Info("stopped")
	return err
}

// served is nil where a server was told to end.
func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// drain ends both servers so that nobody is turned away: first it is said that the service is going, so that whoever
// sends requests sends them elsewhere, then no more are taken, and what is under way ends. What is read on the private
// address can be read until then.
func (s *shop) drain(orders, pages *http.Server) error {
	s.state.draining.Store(true)
	s.logger.Info("stopping", "wait", s.settings.drainWait)
	if s.state.settling.Load() { // else there is nothing to wait for
		time.Sleep(s.settings.drainWait)
	}
	err := service.Stop(orders, s.Patience())
	return errors.Join(err, s.viewer.Close(), service.Stop(pages, privatePatience))
}
