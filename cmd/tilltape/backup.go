package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func backupCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "backup SOURCE FILE",
		Short: "Copy a log into a new file, and verify the copy",
		Long: "Copies a log, of a file or of a database, into a new file. Each record is held\n" +
			"against the log's seal on the way, and the copy is read back and has to have the\n" +
			"same root before it gets its name: a file of that name is a whole backup. It\n" +
			"replaces nothing. Prints what the log was: its records, its root, its origin,\n" +
			"and what it held under earlier origins, so that a log that once went on from a\n" +
			"backup says so.\n\n" +
			"To restore, put the file in the log's place and start the service: the log gets\n" +
			"a new origin, and its ancestry says where it went back to.",
		Example: "  tilltape backup orders.tilltape backup.tilltape",
		Args:    takes("a source", "a new file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isRemote(args[0], nil) {
				return fetchBackup(cmd.Context(), t, args[0], args[1])
			}
			return reading(cmd, args[0], func(ctx context.Context, s *source) error {
				return backUp(ctx, t, s, args[1])
			})
		},
	}
}

// backedUp is a log that can make a verified copy of itself.
type backedUp interface {
	Backup(ctx context.Context, path string, progress func(done, total uint64)) error
}

func backUp(ctx context.Context, t *terminal, s *source, path string) error {
	log, ok := s.Reader.(backedUp)
	if !ok {
		return &usageError{err: fmt.Errorf("no backup can be made of %s", s.name),
			hint: "give a log's file or a database; an export is a copy already"}
	}
	t.tellHalfMade(path)
	meter := t.meter("record")
	err := log.Backup(ctx, path, meter.of)
	meter.end()
	if err != nil {
		return err
	}
	copied, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return err
	}
	text, err := described(ctx, copied)
	if err = errors.Join(err, copied.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s %s is a whole copy\n%s", t.paint(green, "ok:"), path, text)
	return printError(err)
}

// described says what a log is, in lines.
func described(ctx context.Context, log *bolt.Log) (string, error) {
	is, err := log.Tree(ctx)
	if errors.Is(err, store.ErrInvalid) {
		return "origin   none: the log was made without a seal\n", nil
	}
	if err != nil {
		return "", err
	}
	past, err := log.Ancestry(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "records  %d\nroot     %s\norigin   %s\n", is.Size, is.Root, plain(is.Origin))
	for _, was := range past {
		fmt.Fprintf(&b, "before   %s\n         %s, root %s\n", plain(was.Origin), counted(was.Size, "record"), was.Root)
	}
	return b.String(), nil
}
