package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of the server that [Service.Server] makes and [Service.Serve] runs. An answer has the time to read
// its request and the time of a command.
const (
	HeaderTimeout = 5 * time.Second
	ReadTimeout   = 10 * time.Second
	IdleTimeout   = time.Minute
	HeaderMax     = 16 << 10 // bytes
)

// Patience is how long a command takes at the most: two calls to APO, and the record of what they proved.
func (s *Service) Patience() time.Duration {
	cfg := s.Orders.Config()
	return 2*cfg.CallTimeout + cfg.RecordTimeout
}

// Server is a server of the handler with the bounds above. It serves nothing yet.
func (s *Service) Server(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: HeaderTimeout, ReadTimeout: ReadTimeout,
		WriteTimeout: ReadTimeout + s.Patience(), IdleTimeout: IdleTimeout, MaxHeaderBytes: HeaderMax,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)}
}

// Serve answers requests at the listener, which it closes, and lets the orders settle, until ctx ends; it returns nil
// then. It ends too where serving or settling does, with the error of that. Then nothing new is taken, and what is
// under way is waited for, for [Service.Patience].
func (s *Service) Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := s.Server(handler)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settled := make(chan error, 1)
	go func() {
		settled <- s.Orders.Run(ctx) // takes over what an earlier process left, too
		stop()
	}()
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(listener)
		stop()
	}()
	s.log.Info("serving", "address", listener.Addr().String())
	<-ctx.Done()
	s.log.Info("stopping")
	err := Stop(server, s.Patience())
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return errors.Join(err, <-settled)
}

// Stop ends a server: it takes nothing new, and what is under way has so long; after that it is cut off, and the error
// is of that.
func Stop(server *http.Server, patience time.Duration) error {
	ctx, end := context.WithTimeout(context.Background(), patience)
	defer end()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
