package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/apo/apotest"
)

// simulateFlags are what simulate can be told.
type simulateFlags struct{ listen, keys, script, client, notify string }

func simulateCommand(t terminal) *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated APO on loopback, for clients in any language",
		Long: "Runs an APO on loopback until it is interrupted: real HTTP, real signatures, its own rules and a ledger. " +
			"Clients\n" +
			"need the URL, the client id and the keys, which it prints. A script makes answers fail; the format is in the\n" +
			"documentation of package apotest. Payments are registered and played under /_control/.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulate(cmd.Context(), t, &f) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "address on loopback; port 0 takes a free one")
	cmd.Flags().StringVar(&f.keys, "keys", "",
		"directory of the key files; those missing are made (default: a temporary one)")
	cmd.Flags().StringVar(&f.script, "script", "", "file that says which answers fail, and how")
	cmd.Flags().StringVar(&f.client, "client", apotest.DefaultClientID, "the merchant's client id")
	cmd.Flags().StringVar(&f.notify, "notify", "", "URL on loopback that notifications are sent to")
	return cmd
}

func simulate(ctx context.Context, t terminal, f *simulateFlags) error {
	s, dir, err := simulator(f)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/_control/", s.ControlHandler())
	mux.Handle("/", s)
	if err := s.StartHandler(f.listen, mux); err != nil {
		return withHint(err, "give --listen a free address on loopback, such as 127.0.0.1:0")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintf(t.out, "url      %s\nclient   %s\nkeys     %s\ncontrol  %s/_control/\n", s.URL(), s.ClientID(), dir,
		s.URL())
	fmt.Fprintln(t.err, t.paintErr(dim, "stop it with Ctrl-C"))
	<-ctx.Done()
	return s.Close()
}

// simulator makes the server with its keys and its script.
func simulator(f *simulateFlags) (*apotest.Server, string, error) {
	cfg := apotest.Config{ClientID: f.client, NotifyURL: f.notify}
	if f.script != "" {
		text, err := os.ReadFile(f.script)
		if err != nil {
			return nil, "", withHint(fmt.Errorf("reading the script: %w", err), "name a readable file with --script")
		}
		if cfg.Script, err = apotest.ParseScript(text); err != nil {
			return nil, "", withHint(fmt.Errorf("%s: %w", f.script, err),
				"one fault a line: OP CALLS DO, for instance: cancel 1 unknown")
		}
	}
	dir := f.keys
	if dir == "" {
		made, err := os.MkdirTemp("", "tilltape-keys-")
		if err != nil {
			return nil, "", withHint(err, "name a directory with --keys")
		}
		dir = made
	}
	if err := cfg.ReadKeys(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", withHint(err, "mend the files in "+dir+" or name an empty directory with --keys")
	}
	s, err := apotest.NewUnstartedServer(&cfg)
	if err != nil {
		return nil, "", err
	}
	if err := s.WriteKeys(dir); err != nil {
		return nil, "", withHint(err, "name a directory that can be written with --keys")
	}
	return s, dir, nil
}
