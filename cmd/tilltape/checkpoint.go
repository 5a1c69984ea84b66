package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
)

// fetchTimeout bounds how long a web server has for a checkpoint.
const fetchTimeout = 30 * time.Second

// noteMode lets everyone read: a checkpoint is for showing, and so is a roll.
const noteMode = 0o644

func checkpointCommand(t *terminal) *cobra.Command {
	c := &checkpoints{t: t}
	cmd := &cobra.Command{
		Use:   "checkpoint SOURCE",
		Short: "Print what a log holds, signed, and hold it against what it held",
		Long: "Prints the log's checkpoint: its origin, the number of its records and the root\n" +
			"over all of them; signed, if there is a --key-file. Keep it where the owner of\n" +
			"the log has no hand in it: it stands for every record there was.\n\n" +
			"  --since FILE       prove that the log goes on from a checkpoint that was kept:\n" +
			"                     nothing it had then was altered, moved or taken away\n" +
			"  --roll FILE        write the log's roll into a new file, signed: what says\n" +
			"                     where each order ends, for proofs by this checkpoint\n" +
			"  --check-roll FILE  prove that a signed roll is what the records come to\n\n" +
			"These read the log; --roll and --check-roll read every record. Exit code 10 says\n" +
			"that the log, or the roll, is not what was signed.\n\n" +
			"SOURCE can be a folder of tiles, or the web address of one: its checkpoint is\n" +
			"fetched, and printed once its signature was checked with a --public-key. Of a\n" +
			"running service the log is fetched, as for other commands.",
		Example: "  tilltape checkpoint orders.tilltape\n" +
			"  tilltape checkpoint orders.tilltape --key-file orders.key > today.note\n" +
			"  tilltape checkpoint orders.tilltape --since kept.note --public-key orders.pub",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&c.since, "since", "", "prove that the log goes on from the signed checkpoint in this `file`")
	cmd.Flags().StringVar(&c.roll, "roll", "", "write the signed roll into this new `file`")
	cmd.Flags().StringVar(&c.checkRoll, "check-roll", "", "prove that the signed roll in this `file` is true")
	cmd.MarkFlagsMutuallyExclusive("since", "roll", "check-roll")
	keyFileFlag(cmd, &c.keyFile)
	c.keys = publicKeyFlag(cmd)
	c.format = outputFlag(cmd, formatText, formatJSON)
	return cmd
}

type checkpoints struct {
	t                      *terminal
	since, roll, checkRoll string
	keyFile                string
	keys                   *publicKeys
	format                 *choice
}

func (c *checkpoints) run(cmd *cobra.Command, name string) error {
	if isRemote(name, nil) {
		signed, err := fetchCheckpoint(cmd.Context(), name)
		if !errors.Is(err, errService) {
			return c.ofTiles(cmd, signed, err)
		}
	} else if isTiles(name) {
		signed, err := readNote(filepath.Join(name, audit.CheckpointFile), "checkpoint", seal.MaxCheckpoint)
		return c.ofTiles(cmd, signed, err)
	}
	var signer *seal.Signer
	if c.keyFile != "" {
		var err error
		if signer, err = readSigner(c.keyFile); err != nil {
			return err
		}
		c.keys.keys = append(c.keys.keys, signer.Verifier())
	}
	if err := c.keys.open(); err != nil {
		return err
	}
	return reading(cmd, name, func(ctx context.Context, s *source) error {
		switch {
		case c.since != "":
			return c.goesOn(ctx, cmd, s)
		case c.checkRoll != "":
			return c.rollHolds(ctx, cmd, s)
		case c.roll != "":
			return c.writeRoll(ctx, s, signer)
		}
		now, err := treeOf(ctx, s)
		if err != nil {
			return err
		}
		if signer == nil {
			return c.print(now, []byte(now.String()))
		}
		signed, err := signer.Sign(now)
		if err != nil {
			return notItsKey(ctx, s, err)
		}
		return c.print(now, signed)
	})
}

// notItsKey says in the words of the flags that a key does not sign for a log.
func notItsKey(ctx context.Context, s *source, err error) error {
	const hint = "name this log's key with --key-file"
	now, unknown := treeOf(ctx, s)
	if unknown != nil {
		return withHint(err, hint)
	}
	name := now.Origin[:max(0, strings.LastIndex(now.Origin, "/"))] // what follows is random
	return withHint(err, hint+"; one that speaks for it is made with: tilltape keygen "+name+" FILE")
}

// treeOf is what the log says that it holds.
func treeOf(ctx context.Context, s *source) (seal.Checkpoint, error) {
	sealer, ok := s.Reader.(audit.Sealer)
	if !ok {
		return seal.Checkpoint{}, withHint(fmt.Errorf("%s does not know its root", s.name), "name the log itself")
	}
	return sealer.Tree(ctx)
}

// What is printed for programs; docs/reference/json.md tells it.
type (
	signedJSON struct {
		checkpointJSON
		Note string `json:"note"`
	}
	consistencyJSON struct {
		Then  checkpointJSON `json:"then"`
		Now   checkpointJSON `json:"now"`
		Proof []string       `json:"proof"`
	}
	rollJSON struct {
		Log  checkpointJSON `json:"log"`
		Roll string         `json:"roll"`
	}
)

// print prints a checkpoint as it is signed, or for programs.
func (c *checkpoints) print(said seal.Checkpoint, note []byte) error {
	if c.format.word == formatJSON {
		return printJSON(c.t, signedJSON{checkpointForm(said), string(note)})
	}
	_, err := c.t.out.Write(note)
	return err
}

// consistency is a log that proves how it grew.
type consistency interface {
	ProveConsistency(ctx context.Context, old, size uint64) ([]seal.Hash, error)
}

// goesOn proves that the log goes on from what it held.
func (c *checkpoints) goesOn(ctx context.Context, cmd *cobra.Command, s *source) error {
	if err := c.keys.wanted(cmd, "a checkpoint"); err != nil {
		return err
	}
	signed, err := readNote(c.since, "checkpoint", seal.MaxCheckpoint)
	if err != nil {
		return err
	}
	then, err := seal.Open(signed, c.keys.keys...)
	if err != nil {
		return err
	}
	now, err := treeOf(ctx, s)
	if err != nil {
		return err
	}
	log, ok := s.Reader.(consistency)
	if !ok {
		return withHint(fmt.Errorf("%s does not prove how it grew", s.name), "name the log itself")
	}
	if then.Origin != now.Origin {
		return c.anotherOrigin(ctx, s, then, now)
	}
	if then.Size > now.Size {
		return withHint(fmt.Errorf("the log is %w: it has %s, and had %d when the checkpoint was signed", errCut,
			counted(now.Size, "record"), then.Size), "keep the log as it is, and look for the records in a backup")
	}
	proof, err := log.ProveConsistency(ctx, then.Size, now.Size)
	if err != nil {
		return err
	}
	if err := seal.VerifyConsistency(proof, then.Size, then.Root, now.Size, now.Root); err != nil {
		return err
	}
	return c.tellConsistent(then, now, proof)
}

// anotherOrigin looks for a checkpoint of a log that this one was copied from.
func (c *checkpoints) anotherOrigin(ctx context.Context, s *source, then, now seal.Checkpoint) error {
	if log, ok := s.Reader.(interface {
		Ancestry(context.Context) ([]seal.Checkpoint, error)
	}); ok {
		past, err := log.Ancestry(ctx)
		if err != nil {
			return err
		}
		for _, p := range past {
			if p.Origin == then.Origin {
				return withHint(fmt.Errorf("the checkpoint is of %s, which this log was until it had %s; it is %s now",
					then.Origin, counted(p.Size, "record"), now.Origin),
					"hold the checkpoint against the log that went on under its origin, or against a backup of it")
			}
		}
	}
	return withHint(fmt.Errorf("the checkpoint is of %s, and the log is %s", then.Origin, now.Origin),
		"name the checkpoint of this log")
}

func (c *checkpoints) tellConsistent(then, now seal.Checkpoint, proof []seal.Hash) error {
	if c.format.word == formatJSON {
		hashes := make([]string, len(proof))
		for i, h := range proof {
			hashes[i] = h.String()
		}
		return printJSON(c.t, consistencyJSON{checkpointForm(then), checkpointForm(now), hashes})
	}
	_, err := fmt.Fprintf(c.t.out, "%s the log goes on from the %s that it had:\n    none was altered, moved or "+
		"taken away\n%s %s\n", c.t.paint(green, "ok:"), counted(then.Size, "record"), c.t.paint(bold, "seal:"),
		sealWords(now))
	return err
}

func (c *checkpoints) rollHolds(ctx context.Context, cmd *cobra.Command, s *source) error {
	if err := c.keys.wanted(cmd, "a roll"); err != nil {
		return err
	}
	roll, err := readNote(c.checkRoll, "roll", seal.MaxCheckpoint)
	if err != nil {
		return err
	}
	meter := c.t.meterOf(ctx, s)
	said, err := audit.CheckRoll(ctx, meter.watch(s.Reader), roll, c.keys.keys...)
	meter.end()
	if err != nil {
		return err
	}
	if c.format.word == formatJSON {
		return printJSON(c.t, rollJSON{checkpointForm(said.Log), said.Root.String()})
	}
	_, err = fmt.Fprintf(c.t.out, "%s the roll is true: each order ends where it says,\n    among the log's first "+
		"%s\n%s %s\n", c.t.paint(green, "ok:"), counted(said.Log.Size, "record"), c.t.paint(bold, "seal:"),
		sealWords(said.Log))
	return err
}

// writeRoll writes the roll and prints the checkpoint that it is of.
func (c *checkpoints) writeRoll(ctx context.Context, s *source, signer *seal.Signer) error {
	if signer == nil {
		return &usageError{err: errors.New("a roll is signed"), hint: "give --key-file"}
	}
	meter := c.t.meterOf(ctx, s)
	checkpoint, roll, err := audit.Notarize(ctx, s.Reader, &audit.ProveConfig{Signer: signer, Progress: meter.at})
	meter.end()
	if errors.Is(err, seal.ErrInvalid) {
		return notItsKey(ctx, s, err)
	}
	if err != nil {
		return err
	}
	said, err := seal.Open(checkpoint, signer.Verifier())
	if err != nil {
		return err
	}
	if err := c.t.newFile(c.roll, noteMode, func(w io.Writer) error { _, err := w.Write(roll); return err }); err != nil {
		return err
	}
	return c.print(said, checkpoint)
}

// isTiles tells a folder of tiles from a log.
func isTiles(name string) bool {
	info, err := os.Stat(filepath.Join(name, audit.CheckpointFile))
	return err == nil && info.Mode().IsRegular()
}

// ofTiles prints the checkpoint of a folder of tiles, as it was had or not.
func (c *checkpoints) ofTiles(cmd *cobra.Command, signed []byte, err error) error {
	for _, flag := range []string{"since", "roll", "check-roll", "key-file"} {
		if given(cmd, flag) {
			return &usageError{err: errors.New("a folder of tiles only has its checkpoint printed here"), hint: helpHint(cmd)}
		}
	}
	if err := c.keys.wanted(cmd, "a checkpoint"); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	said, err := seal.Open(signed, c.keys.keys...)
	if err != nil {
		return err
	}
	return c.print(said, signed)
}

// errService: what was asked for tiles is no folder of them, but something that shows a log as package viewer does, or
// shows nothing to who does not say who they are.
var errService = errors.New("a service is there, and no folder of tiles")

// fetchCheckpoint asks a web server for the checkpoint of the tiles below an address.
func fetchCheckpoint(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	target, err := url.JoinPath(address, audit.CheckpointFile)
	if err != nil {
		return nil, &usageError{err: errors.New("the web address is none"), hint: "give one such as https://shop.example/log"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, &usageError{err: errors.New("the web address is none"), hint: "give one such as https://shop.example/log"}
	}
	request.Header.Set("Accept", "text/plain, application/problem+json")
	failed := func(err error) error {
		if inner, ok := errors.AsType[*url.Error](err); ok { // it would print the whole address
			err = inner.Err
		}
		return withHint(fmt.Errorf("the checkpoint at %s cannot be had: %w", request.URL.Host, err), "check the address")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusOK:
	case response.Header.Get("Content-Type") == problemType, response.StatusCode == http.StatusUnauthorized,
		response.StatusCode == http.StatusForbidden:
		return nil, errService
	case response.StatusCode == http.StatusNotFound:
		return nil, failed(errNotFound)
	default:
		return nil, failed(fmt.Errorf("the answer has status %d", response.StatusCode))
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, seal.MaxCheckpoint+1))
	if err != nil {
		return nil, failed(err)
	}
	return b, nil
}
