package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/store"
)

const (
	salvageChildCommand = "salvage-child"
	// childPatience is how long a child that was interrupted may take to clean up.
	childPatience = 5 * time.Second
)

// childKinds are what a child says with its exit code, for the process that started it to say again.
var childKinds = map[int]error{exitFailure: errors.New("failed"), exitUsage: errUsage, exitNotFound: errNotFound,
	exitAltered: store.ErrDamaged, exitCut: errCut, exitUnreadable: errUnreadable, exitInterrupted: errInterrupted}

// inChild salvages in a process of its own: a damaged file may take more memory than there is.
func (s *salvaging) inChild(ctx context.Context, t *terminal) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the own binary: %w", err)
	}
	colour := colourNever
	if t.colourOut {
		colour = colourAlways
	}
	args := []string{salvageChildCommand, "--output", s.format.word, "--memory", strconv.Itoa(s.memory), "--color", colour}
	for name, value := range map[string]string{"--with": s.with, "--checkpoint": s.checkpoint, "--public-key": s.public,
		"--behind": s.behind} {
		if value != "" {
			args = append(args, name, value)
		}
	}
	child := exec.CommandContext(ctx, self, append(args, "--", s.file, s.to)...)
	child.Env = append(os.Environ(), childMark+"=1")
	child.Stdout, child.Stderr = t.out, t.err
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	child.WaitDelay = childPatience
	err = child.Run()
	if child.ProcessState == nil { // it was not started
		return cmp.Or(ctx.Err(), err)
	}
	// What it said of itself counts, also where an interrupt came when it was done.
	code := child.ProcessState.ExitCode()
	kind := childKinds[code]
	switch {
	case code == exitOK && errors.Is(err, context.Canceled):
		return nil
	case code == exitOK:
		return err
	case code == outOfMemory:
		return withHint(
			fmt.Errorf("the process that read %s took more than %d MiB of memory, and was ended", s.file, s.memory),
			"give it more with --memory")
	case kind != nil:
		return quiet(kind)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	t.tellHalfMade(s.to)
	for _, path := range s.made() {
		if free(path) != nil { // it has its name only when it is whole
			return withHint(fmt.Errorf("the process that read %s died (%w) when it had made %s", s.file, err, path),
				"verify what it made, and run it again with other names for what it did not tell")
		}
	}
	return withHint(fmt.Errorf("the process that read %s died (%w); nothing was made of it", s.file, err),
		"give it more memory with --memory, and read a copy of the file on another disk")
}
