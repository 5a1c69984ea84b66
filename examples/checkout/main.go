// Command checkout is a checkout service that keeps its orders with Tilltape: commands over HTTP, the pay call, an
// endpoint for APO's notifications, a Run that asks APO whatever is owed, and on an address of its own the viewer,
// backups and probes. The README beside it walks through an order.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/viewer"
)

func main() {
	if len(os.Args) > 1 {
		help(os.Stderr)
		if os.Args[1] != "-h" && os.Args[1] != "-help" && os.Args[1] != "--help" {
			fmt.Fprintf(os.Stderr, "error: %q is not understood; everything is set in the environment\n", os.Args[1])
			os.Exit(1)
		}
		return
	}
	ctx, stop := interruptible()
	err := run(ctx, os.Environ(), os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// interruptible returns a context that the first signal ends. The second one ends the program where it stands: nothing
// that was recorded is lost, and whoever waits gets no answer.
func interruptible() (ctx context.Context, stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop = context.WithCancel(context.Background())
	go func() {
		<-signals
		stop()
		<-signals
		fmt.Fprintln(os.Stderr, "error: told to stop twice, so it stopped at once")
		os.Exit(1)
	}()
	return ctx, stop
}

// actor stands in the log for what nobody else did.
const actor = "checkout"

// leases is how many call timeouts a claim lasts: a call ends well before its claim does.
const leases = 3

// run serves until ctx ends, and leaves nothing open. What is opened is closed the other way round: the log last, since
// what is under way still has to be recorded.
func run(ctx context.Context, environ []string, out io.Writer) (err error) {
	s, err := read(environ)
	if err != nil {
		return err
	}
	keys, err := readKeys(s.keys)
	if err != nil {
		return err
	}
	signer, err := readSigner(s.signer)
	if err != nil {
		return err
	}
	token, err := readToken(s.token)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(out, nil))
	spans, err := newTracing(ctx, environ)
	if err != nil {
		return err
	}
	defer spans.end(logger)
	metrics, err := newMetrics(spans.tracers, nil)
	if err != nil {
		return err
	}
	client, closeClient, err := s.newClient(keys, metrics.telemetry, spans.on)
	if err != nil {
		return err
	}
	defer closeClient()
	log, closeLog, err := openLog(ctx, &s, signer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()

	watched, err := watch(log, s.log)
	if err != nil {
		return err
	}
	shop := &shop{settings: s, client: client, log: watched, token: token, logger: logger, metrics: metrics,
		tracers: spans.tracers}
	shop.tellMode()
	unmeasured, err := metrics.telemetry.Measure(watched)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmeasured()) }()
	if shop.told, err = newTold(&s, log); err != nil {
		return err
	}
	unasked, err := metrics.telemetry.Consumers(shop.consumers()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unasked()) }()
	cfg := shop.config()
	if shop.Service, err = service.New(shop.log, client, &cfg); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.Close()) }()
	if shop.viewer, err = viewer.New(log, &viewer.Config{Title: s.origin, Orders: cfg.Orders, Keys: apoKeys(keys),
		Authorize: isAdmitted, Consumers: shop.consumers(), BackupFolder: s.backups}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.viewer.Close()) }()
	return shop.listen(ctx)
}

// newClient is APO as the settings have it. The time for a call is said here too: the client has a bound of its own,
// and the shorter of the two would count. It tells of the pay calls, which the orders do not; where there are spans,
// what it sends says which it is a part of.
func (s *settings) newClient(keys apo.Keys, telemetry *otel.Telemetry, spans bool) (*apo.Client, func(), error) {
	cfg := apo.Config{CallTimeout: s.callTimeout, Observer: telemetry.Client()}
	if spans {
		cfg.HTTPClient = &http.Client{Transport: otel.Transport(nil)}
	}
	client, err := apo.NewClient(s.gateway, s.client, keys, &cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%sGATEWAY, %sCLIENT: %w", prefix, prefix, err)
	}
	return client, func() {
		client.Close()
		if cfg.HTTPClient != nil {
			cfg.HTTPClient.CloseIdleConnections()
		}
	}, nil
}

// config is that of the orders and of what is around them.
func (s *shop) config() (cfg service.Config) {
	cfg.Orders.Policy = order.Policy{Windows: window.Antom(), Lease: leases * s.settings.callTimeout}
	cfg.Orders.CallTimeout = s.settings.callTimeout
	cfg.Orders.Actor = actor
	cfg.Orders.Logger = s.logger
	cfg.Orders.Observer = s.progress()
	cfg.Notify.Heard = s.heard
	s.metrics.watch(&cfg)
	return cfg
}

// tellMode warns where others on this machine can read the log's file, which has what APO says of buyers. It is made
// with mode 0600; a copy that was put in its place may have another.
func (s *shop) tellMode() {
	if s.settings.database != "" {
		return
	}
	info, err := os.Stat(s.settings.log)
	if err == nil && info.Mode().Perm()&(othersMode|writersMode) != 0 && runtime.GOOS != "windows" {
		s.logger.Warn("others can read or write the log's file; say chmod 0600", "file", s.settings.log,
			"mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
}

// listen takes both addresses before it serves on one.
func (s *shop) listen(ctx context.Context) error {
	public, err := net.Listen("tcp", s.settings.listen)
	if err != nil {
		return fmt.Errorf("%sLISTEN: %w; give another address", prefix, err)
	}
	private, err := net.Listen("tcp", s.settings.private)
	if err != nil {
		return errors.Join(fmt.Errorf("%sPRIVATE: %w; give another address", prefix, err), public.Close())
	}
	return s.serve(ctx, public, private)
}
