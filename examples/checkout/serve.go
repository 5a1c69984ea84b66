package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// A command waits for APO twice at the most, a call and an inquiry, of [tilltape.DefaultCallTimeout] each.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	idleTimeout     = time.Minute
	headerMax       = 16 << 10
	commandTimeout  = 45 * time.Second
	shutdownTimeout = commandTimeout
)

// serve answers requests and lets the orders settle until ctx ends. Then nothing new is taken and what is under way
// gets its time. It ends too where settling does: without that nothing that is unknown would become known, and nobody
// would notice.
func (s *shop) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: readTimeout + commandTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerMax}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settled := make(chan error, 1) // Run takes over what an earlier process left, too
	go func() {
		settled <- s.orders.Run(ctx)
		stop()
	}()
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(listener)
		stop()
	}()
	s.logger.Info("serving", "address", listener.Addr().String())
	<-ctx.Done()
	s.logger.Info("stopping")
	patience, end := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer end()
	err := server.Shutdown(patience)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return errors.Join(err, <-settled)
}
