package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/bolt"
)

const (
	crashCommand = "demo-crash"
	// crashWait bounds how long the child may take to die.
	crashWait = 30 * time.Second
)

// errAlive: the child did not die where it was told to.
var errAlive = errors.New("the process that was to die did not")

// dieCancelling has a child process open the log and cancel the order, and die for real once APO has answered and
// before that is on record. It returns how the child ended.
func (d *demo) dieCancelling(ctx context.Context, id string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the own binary: %w", err)
	}
	keys, err := os.MkdirTemp("", "tilltape-keys-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(keys) }()
	if err := d.apo.WriteKeys(keys); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, crashWait)
	defer cancel()
	child := exec.CommandContext(ctx, self, crashCommand, "--log", d.path, "--url", d.apo.URL(), "--client",
		d.apo.ClientID(),
		"--keys", keys, "--now", d.clock.Now().Format(time.RFC3339Nano), "--order", id)
	child.Env = append(os.Environ(), childMark+"=1")
	out, err := child.CombinedOutput()
	var died *exec.ExitError
	if !errors.As(err, &died) || died.Exited() && died.ExitCode() != killedCode {
		return "", fmt.Errorf("%w: %v: %s", errAlive, err, strings.TrimSpace(string(out)))
	}
	return died.Error(), nil
}

const (
	// childMark tells a test binary that it is to be the demo's child.
	childMark = "TILLTAPE_DEMO_CHILD"
	// killedCode is how a killed process ends where there are no signals.
	killedCode = 1
)

// crashChild is the process that dies. It is no command for people.
func crashChild() *cobra.Command {
	var log, url, client, keys, now, id string
	cmd := &cobra.Command{
		Use:    crashCommand,
		Short:  "Cancel an order and die before the answer is recorded (used by demo)",
		Long:   "Opens a log, cancels an order and kills its own process once APO has answered. It is what demo starts.",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := time.Parse(time.RFC3339Nano, now)
			if err != nil {
				return err
			}
			return cancelAndDie(cmd.Context(), log, url, client, keys, at, id)
		},
	}
	for name, to := range map[string]*string{"log": &log, "url": &url, "client": &client, "keys": &keys, "now": &now,
		"order": &id} {
		cmd.Flags().StringVar(to, name, "", "")
	}
	return cmd
}

func cancelAndDie(ctx context.Context, path, url, clientID, dir string, now time.Time, id string) error {
	keys, err := apotest.ReadKeys(dir)
	if err != nil {
		return err
	}
	client, err := apo.NewClient(url, clientID, keys, nil)
	if err != nil {
		return err
	}
	log, err := bolt.Open(path, nil)
	if err != nil {
		return err
	}
	clock := func() time.Time { return now }
	orders, err := tilltape.New(log, dying{client}, demoConfig(clock))
	if err != nil {
		return err
	}
	_, err = orders.Cancel(ctx, id,
		order.Cancel{CommandID: "cancel-" + id, Reason: "the buyer changed their mind", Actor: "alice"})
	return errors.Join(errAlive, err)
}

// dying is a gateway whose process does not survive a cancel: APO has done the work and answered, and nobody is there
// to hear it.
type dying struct{ *apo.Client }

func (g dying) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	_ = g.Client.Cancel(ctx, r)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err == nil {
		select {} // the signal is on its way
	}
	return apo.CancelAnswer{Answer: apo.Answer{Err: err}}
}
