package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default is back, so that a second one ends a command that does not stop.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], newTerminal(os.Stdout, os.Stderr, os.Getenv)))
}
