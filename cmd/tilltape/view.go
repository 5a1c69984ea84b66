package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/viewer"
)

// Bounds of the server of view.
const (
	viewHeaderTimeout = 5 * time.Second
	viewIdleTimeout   = time.Minute
	viewHeaderMax     = 16 << 10 // bytes
	viewGrace         = 2 * time.Second
)

// viewFlags are what view can be told.
type viewFlags struct {
	listen string
	keys   []string
}

func viewCommand(t *terminal) *cobra.Command {
	var f viewFlags
	cmd := &cobra.Command{
		Use:   "view SOURCE",
		Short: "Show a log in a browser, on this machine alone",
		Long: "Serves pages over a log, a backup or an export until it is interrupted, and\n" +
			"prints where: what stands open, each order's story with what may be done now,\n" +
			"the log itself. It listens on loopback and refuses any other address; a log that\n" +
			"a service holds open is shown by the service itself, with package viewer.\n\n" +
			"Judged by the library's defaults and the cancel windows that Antom documents; a\n" +
			"service may have set others. --now judges as of another moment.",
		Example: "  tilltape view orders.tilltape\n" +
			"  tilltape view yesterday.tilltape --apo-key apo.pub",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			// From the beginning on, so that an interrupt leaves nothing behind.
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			cmd.SetContext(ctx)
			return reading(cmd, args[0], func(ctx context.Context, s *source) error { return view(ctx, t, s, &f) })
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "`address` on loopback; port 0 takes a free one")
	cmd.Flags().StringArrayVar(&f.keys, "apo-key", nil, apoKeyUsage)
	return cmd
}

// view serves a log until ctx ends.
func view(ctx context.Context, t *terminal, s *source, f *viewFlags) error {
	keys, err := readAPOKeys(f.keys)
	if err != nil {
		return err
	}
	listener, err := listenHere(ctx, f.listen)
	if err != nil {
		return err
	}
	pages, err := viewer.New(s.Reader, &viewer.Config{Title: plain(titleOf(s.name)), Keys: keys,
		Orders: tilltape.Config{Now: t.now, Policy: order.Policy{Windows: window.Antom()}}})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(t.out, "http://%s/\n", listener.Addr())
	fmt.Fprintln(t.err, t.paintErr(dim, "stop it with Ctrl-C"))
	server := &http.Server{Handler: pages, ReadHeaderTimeout: viewHeaderTimeout, IdleTimeout: viewIdleTimeout,
		MaxHeaderBytes: viewHeaderMax}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
		return errors.Join(err, pages.Close())
	case <-ctx.Done():
	}
	err = pages.Close() // which ends what follows the log
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), viewGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		err = errors.Join(err, server.Close())
	}
	<-served
	return err
}

// titleMax is how much of a source's name a page has room for, in bytes.
const titleMax = 60

// titleOf is a source's name without the folder that it is in, or its end where it is long.
func titleOf(name string) string {
	if !isURL(name) {
		name = filepath.Base(name)
	}
	runes := []rune(name)
	for len(string(runes)) > titleMax {
		runes = runes[1:]
	}
	if short := string(runes); short != name {
		return "…" + short
	}
	return name
}

// listenHere listens at an address of this machine's own network.
func listenHere(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if host == "localhost" {
		host = "127.0.0.1" // and whatever the system takes for it is not asked
	}
	ip, bad := netip.ParseAddr(host)
	if err != nil || bad != nil || !ip.IsLoopback() {
		return nil, &usageError{err: fmt.Errorf("--listen %q is no address on loopback with a port", address),
			hint: "give one such as 127.0.0.1:8080; from elsewhere, let ssh lead to it: ssh -L 8080:127.0.0.1:8080 HOST"}
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, withHint(fmt.Errorf("listening at %s: %w", address, err), "give --listen a free port, or 0")
	}
	return listener, nil
}
