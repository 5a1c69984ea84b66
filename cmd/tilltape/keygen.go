package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/seal"
)

// keyMode keeps other users out: whoever has the key signs as the log's owner.
const keyMode = 0o600

func keygenCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "keygen NAME FILE",
		Aliases: []string{"key"}, // as it was called at first
		Short:   "Make the key that signs a log's checkpoints",
		Long: "Makes the key that signs a log's checkpoints, writes its private half into a\n" +
			"new file, and prints the public one, for whoever is to verify. NAME says whose\n" +
			"log it is, preferably as a web address such as shop.example/orders: the key\n" +
			"speaks for logs whose origin is that, or begins with that and a slash. What\n" +
			"tilltape checkpoint prints first is a log's origin; a log that was made without\n" +
			"one is tilltape/… and its key's NAME is tilltape. A file that is there already\n" +
			"is left alone.",
		Example: "  tilltape keygen shop.example/orders new.key > new.pub",
		Args:    takes("the log's name", "the key's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			private, public, err := seal.GenerateKey(nil, args[0])
			if err != nil {
				return &usageError{err: err, hint: "a name such as shop.example/orders"}
			}
			if err := writeNew(args[1], private+"\n"); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(t.out, public); err != nil {
				return fmt.Errorf("printing the public key: %w", err)
			}
			return nil
		},
	}
}

// writeNew writes a file that was not there; what it could not finish is gone again.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, keyMode)
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("key %s: the file is there already", path), "name a new file; that key may be in use")
	}
	if err != nil {
		return withHint(fmt.Errorf("writing the key: %w", err), "name a file in a directory that can be written")
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return withHint(errors.Join(fmt.Errorf("writing the key: %w", err), os.Remove(path)), "look at the disk")
	}
	return nil
}
