package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/apo/apotest"
)

// simulateFlags are what simulate can be told.
type simulateFlags struct{ listen, keys, script, client, notify string }

func simulateCommand(t *terminal) *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated APO on loopback, for clients in any language",
		Long: "Runs an APO on loopback until it is interrupted: real HTTP, real signatures, its\n" +
			"own rules and a ledger. Clients need the URL, the client id and the keys, which\n" +
			"it prints. A script makes answers fail; the format is in the documentation of\n" +
			"package apotest. A client's pay call begins a payment; buyer and dashboard are\n" +
			"played under /_control/.",
		Example: "  tilltape simulate --listen 127.0.0.1:8620 --keys keys",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return simulate(cmd.Context(), *t, &f) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "`address` on loopback; port 0 takes a free one")
	cmd.Flags().StringVar(&f.keys, "keys", "",
		"`directory` of the key files; those missing are made (default: a temporary one, removed at the end)")
	cmd.Flags().StringVar(&f.script, "script", "", "`file` that says which answers fail, and how")
	cmd.Flags().StringVar(&f.client, "client", apotest.DefaultClientID, "the merchant's client `id`")
	cmd.Flags().StringVar(&f.notify, "notify", "", "`URL` on loopback that notifications are sent to")
	return cmd
}

func simulate(ctx context.Context, t terminal, f *simulateFlags) (err error) {
	// From the first key on, so that an interrupt leaves none behind.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir := f.keys
	if dir == "" {
		made, err := os.MkdirTemp("", "tilltape-keys-")
		if err != nil {
			return withHint(err, "name a directory with --keys")
		}
		defer func() { err = errors.Join(err, os.RemoveAll(made)) }()
		dir = made
	}
	s, err := simulator(f, dir)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/_control/", s.ControlHandler())
	mux.Handle("/", s)
	if err := s.StartHandler(f.listen, mux); err != nil {
		return simulateError(err, "give --listen a free address on loopback, such as 127.0.0.1:0")
	}
	fmt.Fprintf(t.out, "url      %s\nclient   %s\nkeys     %s\ncontrol  %s/_control/\n", s.URL(), s.ClientID(), dir,
		s.URL())
	fmt.Fprintln(t.err, t.paintErr(dim, "stop it with Ctrl-C"))
	<-ctx.Done()
	return s.Close()
}

// simulateError is a failure with its way out, and a usage error where the flags ask for what no simulator can be.
func simulateError(err error, hint string) error {
	_, system := errors.AsType[*net.OpError](err) // a port that is taken is no slip of whoever named it
	if !system && (errors.Is(err, apotest.ErrConfig) || errors.Is(err, apotest.ErrScript)) {
		return &usageError{err: err, hint: hint}
	}
	return withHint(err, hint)
}

// simulator makes the server with its script and with the keys in the directory.
func simulator(f *simulateFlags, dir string) (*apotest.Server, error) {
	cfg := apotest.Config{ClientID: f.client, NotifyURL: f.notify}
	if f.script != "" {
		text, err := os.ReadFile(f.script)
		if err != nil {
			return nil, withHint(fmt.Errorf("reading the script: %w", err), "name a readable file with --script")
		}
		if cfg.Script, err = apotest.ParseScript(text); err != nil {
			return nil, simulateError(fmt.Errorf("%s: %w", f.script, err),
				"one fault a line: OP CALLS DO, for instance: cancel 1 unknown")
		}
	}
	if err := notAFile(dir, "--keys"); err != nil {
		return nil, err
	}
	if err := cfg.ReadKeys(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, withHint(err, "mend the files in "+dir+" or name an empty directory with --keys")
	}
	s, err := apotest.NewUnstartedServer(&cfg)
	if err != nil {
		return nil, simulateError(err, "see: tilltape simulate --help")
	}
	if err := s.WriteKeys(dir); err != nil {
		return nil, withHint(err, "name a directory that can be written with --keys")
	}
	return s, nil
}
