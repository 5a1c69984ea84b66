package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// demoLog is the name of the log that the demo writes.
const demoLog = "orders.tilltape"

// errDemo: an expectation of the demo did not hold.
var errDemo = errors.New("the demo did not go as it must")

func demoCommand(t *terminal) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Drive a day of orders against a simulated APO",
		Long: "Starts an APO on loopback (real HTTP, real signatures), opens a log in a bbolt\n" +
			"file, and drives a day of orders: cancels that work, cancels that are refused\n" +
			"before APO is called, answers that get lost, a process that dies. Ends by\n" +
			"replaying the log and comparing it with APO's ledger. Exits 0 only if every\n" +
			"expectation held. The clock is simulated: nothing waits.",
		Example: "  tilltape demo\n" +
			"  tilltape demo --dir day",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := demoPath(dir)
			if err != nil {
				return err
			}
			return runDemo(cmd.Context(), *t, path)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "",
		"write the log into this `directory` (default: a temporary one, which is kept and named)")
	return cmd
}

// demoPath finds the place of the log, and refuses to touch one that is there.
func demoPath(dir string) (string, error) {
	if dir == "" {
		made, err := os.MkdirTemp("", "tilltape-demo-")
		if err != nil {
			return "", withHint(fmt.Errorf("making a temporary directory: %w", err), "name a directory with --dir")
		}
		return filepath.Join(made, demoLog), nil
	}
	// Its parents are not made: a path with a slip in it would become a tree of directories.
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, fs.ErrNotExist):
		return "", withHint(fmt.Errorf("directory %s cannot be made: there is no %s", dir, filepath.Dir(dir)),
			"make that one first, or name another one with --dir")
	case err != nil && !errors.Is(err, fs.ErrExist):
		return "", withHint(fmt.Errorf("making the directory: %w", err), "name another one with --dir")
	}
	if err := notAFile(dir, "--dir"); err != nil {
		return "", err
	}
	path := filepath.Join(dir, demoLog)
	if _, err := os.Stat(path); err == nil {
		return "", withHint(fmt.Errorf("%s is there already, and a log is never overwritten", path),
			"name an empty directory with --dir, or replay it: tilltape replay "+path)
	}
	return path, nil
}

// notAFile refuses a file where the flag names a directory. One that is not there is for whoever makes it.
func notAFile(dir, flag string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return withHint(fmt.Errorf("%s is a file and no directory", dir), "name a directory with "+flag)
	}
	return nil
}

// runDemo tells the stories one after another, and at the end whether all of it was as it must be.
func runDemo(ctx context.Context, t terminal, path string) error {
	d, err := newDemo(t, path)
	if err != nil {
		return err
	}
	defer d.close()
	d.title("A day at the till")
	d.say("APO    %s, real HTTP, real signatures, a simulated clock", d.apo.URL())
	d.say("log    %s", path)
	for _, s := range d.stories() {
		d.begin(s.title)
		if err := s.tell(ctx); err != nil {
			return fmt.Errorf("%q: %w", s.title, err)
		}
	}
	if err := d.balance(ctx); err != nil {
		return err
	}
	return d.verdict()
}

// verdict says whether all of it was as it must be.
func (d *demo) verdict() error {
	if len(d.broken) == 0 {
		d.say("%s all %d expectations held", d.t.paint(green, "ok:"), d.expected)
		return nil
	}
	for _, b := range d.broken {
		d.say("%s %s", d.t.paint(red, "broken:"), b)
	}
	return withHint(fmt.Errorf("%w: %d of %d expectations broken", errDemo, len(d.broken), d.expected),
		"look at the lines marked broken; the log is in "+d.path)
}
