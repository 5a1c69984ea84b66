package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
)

func anchorCommand(t *terminal) *cobra.Command {
	a := &anchors{t: t}
	cmd := &cobra.Command{
		Use:   "anchor SOURCE",
		Short: "Leave a log's checkpoint where others keep it",
		Long: "Signs what the log holds and leaves it where the log's owner has no hand in it:\n" +
			"only then can a log that was rewritten and signed anew be told from the true\n" +
			"one. The checkpoint is printed too, with the witnesses' signatures.\n\n" +
			"  --witness KEY@URL  have a witness cosign it, by the protocol of C2SP: it does\n" +
			"                     so only if the log goes on from what it has seen. Its\n" +
			"                     operator has to know the log's origin and public key\n" +
			"  --file FILE        append it to a file, on another machine's disk perhaps\n" +
			"  --post URL         send it there, in a POST request\n" +
			"  --page FILE        write a page to print, with the root for people to compare\n" +
			"  --tiles DIR        bring a folder of tiles up to date, for a web server. All\n" +
			"                     of the log is in it: serve it to those who may see that\n\n" +
			"Each can be given again. All are tried; what failed is told at the end. Exit\n" +
			"code 10 says that a witness, or the folder, has what the log does not go on\n" +
			"from: other records, or more than the log has.",
		Example: "  tilltape anchor orders.tilltape --key-file orders.key --file anchored.notes\n" +
			"  tilltape anchor orders.tilltape --key-file orders.key --tiles www/log",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&a.witnesses, "witness", nil, "have this witness cosign it: its `key@address`")
	flags.StringArrayVar(&a.files, "file", nil, "append it to this `file`")
	flags.StringArrayVar(&a.addresses, "post", nil, "send it to this `URL`, in a POST request")
	flags.StringArrayVar(&a.pages, "page", nil, "write a page to print into this new `file`")
	flags.StringArrayVar(&a.tiles, "tiles", nil, "bring this `folder` of tiles up to date")
	keyFileFlag(cmd, &a.keyFile)
	return cmd
}

type anchors struct {
	t                                         *terminal
	witnesses, files, addresses, pages, tiles []string
	keyFile                                   string
}

func (a *anchors) run(cmd *cobra.Command, name string) error {
	if a.keyFile == "" {
		return &usageError{err: errors.New("a checkpoint that nobody signed proves nothing"), hint: "give --key-file"}
	}
	if len(a.witnesses)+len(a.files)+len(a.addresses)+len(a.pages)+len(a.tiles) == 0 {
		return &usageError{err: errors.New("nothing says where it is to be kept"), hint: helpHint(cmd)}
	}
	witnesses, err := a.cosigners()
	if err != nil {
		return err
	}
	places, err := a.places()
	if err != nil {
		return err
	}
	signer, err := readSigner(a.keyFile)
	if err != nil {
		return err
	}
	return reading(cmd, name, func(ctx context.Context, s *source) error {
		now, err := treeOf(ctx, s)
		if err != nil {
			return err
		}
		signed, err := signer.Sign(now)
		if err != nil {
			return notItsKey(ctx, s, err)
		}
		signed, failed := cosign(ctx, s, signed, signer.Verifier(), witnesses)
		failed = errors.Join(failed, seal.Anchors(places...)(ctx, signed))
		for _, dir := range a.tiles {
			meter := a.t.meterOf(ctx, s)
			_, err := audit.ExportTiles(ctx, meter.watch(s.Reader), dir, signed, signer.Verifier())
			meter.end()
			if _, of := errors.AsType[*fs.PathError](err); of {
				err = withHint(err, "name a folder of tiles that this user can write, or a new one")
			}
			failed = errors.Join(failed, err)
		}
		if _, err := a.t.out.Write(signed); err != nil {
			return fmt.Errorf("printing the checkpoint: %w", err)
		}
		return failed
	})
}

// cosigners are the witnesses that the flags name.
func (a *anchors) cosigners() (all []*seal.Witness, err error) {
	for _, text := range a.witnesses {
		at := strings.LastIndex(text, "@http")
		if at < 0 {
			return nil, &usageError{err: fmt.Errorf("--witness %q is no key@address", text),
				hint: "give the witness's key, an @ and the address, as its operator publishes them"}
		}
		key, err := seal.NewWitnessKey(text[:at])
		if err != nil {
			return nil, &usageError{err: err, hint: "give the witness's key as its operator publishes it"}
		}
		w, err := seal.NewWitness(http.DefaultClient, text[at+1:], key)
		if err != nil {
			return nil, &usageError{err: err, hint: "give the witness's address as its operator publishes it"}
		}
		all = append(all, w)
	}
	return all, nil
}

// places are where the flags say that the checkpoint is left.
func (a *anchors) places() (all []seal.Anchor, err error) {
	for _, path := range a.files {
		all = append(all, seal.FileAnchor(path))
	}
	for _, address := range a.addresses {
		place, err := seal.HTTPAnchor(http.DefaultClient, address)
		if err != nil {
			return nil, &usageError{err: err, hint: "give a whole address with --post"}
		}
		all = append(all, place)
	}
	for _, path := range a.pages {
		all = append(all, func(ctx context.Context, checkpoint []byte) error {
			return a.t.newFile(path, noteMode, func(w io.Writer) error { return seal.PageAnchor(w)(ctx, checkpoint) })
		})
	}
	return all, nil
}

// cosign has every witness cosign the checkpoint, and returns it with the signatures of those that did.
func cosign(ctx context.Context, s *source, signed []byte, key *seal.Verifier, witnesses []*seal.Witness) ([]byte,
	error) {
	if len(witnesses) == 0 {
		return signed, nil
	}
	log, ok := s.Reader.(consistency)
	if !ok {
		return signed, withHint(fmt.Errorf("%s does not prove how it grew, so no witness can cosign it", s.name),
			"name the log itself")
	}
	var failed error
	for _, w := range witnesses {
		cosigned, err := w.Cosign(ctx, signed, log.ProveConsistency, key)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		signed = cosigned
	}
	return signed, failed
}
