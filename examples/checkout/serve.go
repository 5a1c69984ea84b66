package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// A command waits for APO twice at the most, a call and an inquiry, of [tilltape.DefaultCallTimeout] each.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	commandTimeout  = 45 * time.Second
	shutdownTimeout = commandTimeout
)

// serve answers requests and settles until ctx ends. Then nothing new is taken and what is under way gets its time.
func (s *shop) serve(ctx context.Context, listener net.Listener, every time.Duration) error {
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + commandTimeout}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { s.settle(ctx, every) })

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.logger.Info("serving", "address", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.logger.Info("stopping")
	patience, end := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer end()
	if err := server.Shutdown(patience); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// settle asks APO whatever is owed, again and again: what is not known becomes known here. The first pass takes over
// what an earlier process left.
func (s *shop) settle(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := s.orders.SettleDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.Error("settling", "failed", done.Failed, "err", err)
		}
		if done.Driven > 0 {
			s.logger.Info("settled", "orders", done.Driven, "waiting", done.Waiting)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
