// Command checkout is a small checkout service that keeps its orders with Tilltape: commands over HTTP, the pay call,
// an endpoint for APO's notifications, and a Run that asks APO whatever is owed. The README beside it walks through an
// order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	listen, gateway, client, keys, log, store, origin, signer string
}

func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("checkout", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "address to serve on")
	f.StringVar(&s.gateway, "gateway", "", "APO's `URL`; plain http is for loopback alone")
	f.StringVar(&s.client, "client", "", "your client `id` at APO")
	f.StringVar(&s.keys, "keys", "keys", "`directory` with "+privateKeyFile+" and "+publicKeyFile)
	f.StringVar(&s.log, "log", "orders.tilltape", "`file` that keeps the orders")
	f.StringVar(&s.store, "store", "",
		"`URL` of a PostgreSQL database that keeps the orders instead, for any number of processes")
	f.StringVar(&s.origin, "origin", "",
		"`name` of the log, such as shop.example/orders; the first that it is opened with is its name for good")
	f.StringVar(&s.signer, "signer", "", "`file` with the private key that signs for the log, as seal.GenerateKey made it")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("%q is not understood; everything is given by flags, see --help", f.Arg(0))
	case s.gateway == "" || s.client == "":
		return s, errors.New("--gateway and --client are needed; `tilltape simulate` prints both")
	}
	return s, nil
}

// run serves until ctx ends, and leaves nothing open.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	keys, err := readKeys(s.keys)
	if err != nil {
		return err
	}
	client, err := apo.NewClient(s.gateway, s.client, keys, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	signer, err := readSigner(s.signer)
	if err != nil {
		return err
	}
	log, closeLog, err := openLog(ctx, s, signer)
	if err != nil {
		return err
	}
	// The log is closed last: what is under way still has to be recorded.
	defer func() { err = errors.Join(err, closeLog()) }()
	logger := slog.New(slog.NewTextHandler(out, nil))
	orders, err := tilltape.New(log, client,
		&tilltape.Config{Policy: order.Policy{Windows: window.Antom()}, Actor: "checkout", Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, orders.Close()) }()

	shop := &shop{orders: orders, client: client, logger: logger}
	if err := shop.hears(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return err
	}
	return shop.serve(ctx, listener)
}
