package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/sealed"
)

func importCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "import SOURCE LOG",
		Short: "Make a log of an export, or of another log",
		Long: "Makes a new log with all records of an export, or of any other source: the same\n" +
			"bytes, and so the same root, which is compared in the end. LOG is a new file, or\n" +
			"the URL of a database whose log is empty or not there yet; there an import that\n" +
			"was interrupted goes on where it is given again, and nobody may append to it.\n" +
			"The new log has a name of its own, under which it goes on. A filtered export is\n" +
			"not the whole log, and is refused.",
		Example: "  tilltape import yesterday.tilltape restored.tilltape",
		Args:    takes("a source", "a new log"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return reading(cmd, args[0], func(ctx context.Context, s *source) error {
				original, err := importing(s)
				if err != nil {
					return err
				}
				meter := t.meter("record")
				c, err := t.into(ctx, original, args[1], meter.of)
				meter.end()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(t.out, "%s %s, root %s\n    from %s\n", t.paint(green, "ok:"), counted(c.Size, "record"),
					c.Root, c.Origin)
				return err
			})
		},
	}
}

// into copies a log into the one that is named.
func (t *terminal) into(ctx context.Context, from sealed.Original, name string,
	progress func(done, total uint64)) (seal.Checkpoint, error) {
	if isDatabase(name, nil) {
		s, err := openDatabaseAs(ctx, name, postgres.Config{Migrate: true})
		if err != nil {
			return seal.Checkpoint{}, err
		}
		c, err := sealed.Copy(ctx, from, s.Reader.(store.Log), progress)
		return c, errors.Join(err, s.close())
	}
	if isURL(name) {
		return seal.Checkpoint{}, &usageError{err: errors.New("a log cannot be made there"),
			hint: "name a new file, or a database"}
	}
	return t.intoFile(ctx, from, name, progress)
}

// intoFile makes the log of a file, which has its name once it is whole.
func (t *terminal) intoFile(ctx context.Context, from sealed.Original, path string,
	progress func(done, total uint64)) (c seal.Checkpoint, err error) {
	err = t.newByName(path, func(aside string) error {
		log, err := bolt.Open(aside, nil)
		if err != nil {
			return err
		}
		c, err = sealed.Copy(ctx, from, log, progress)
		return errors.Join(err, log.Close())
	})
	return c, err
}
