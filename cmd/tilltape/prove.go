package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// proofMode keeps other users out: a proof has what APO's messages tell of a buyer.
const proofMode = 0o600

func proveCommand(t *terminal) *cobra.Command {
	p := &prover{t: t}
	cmd := &cobra.Command{
		Use:   "prove SOURCE ORDER FILE",
		Short: "Prove one order to a third party, complete",
		Long: "Writes a proof of one order into a new file: its records, what shows that they\n" +
			"are in the log, and that none of them is missing up to the checkpoint that is\n" +
			"signed in it. Of other orders it has hashes alone. Whoever is given it needs\n" +
			"nothing but the log owner's public key:\n\n" +
			"  tilltape prove --check FILE --public-key KEY\n\n" +
			"reads the proof, holds everything in it against everything else, and prints what\n" +
			"it shows: the order and its records. Exit code 10 says that it does not hold.\n\n" +
			"The checkpoint is signed with --key-file, of the log as it is; or it is one that\n" +
			"was signed before, and anchored perhaps, with the roll that belongs to it: then\n" +
			"no private key is needed. The roll says where each order ends; a proof without\n" +
			"one cannot exclude later records, and says so. A proof has APO's own messages,\n" +
			"and these can hold personal data: give it to those who may see the order.",
		Example: "  tilltape prove orders.tilltape o-09 o-09.proof --key-file orders.key\n" +
			"  tilltape prove --check o-09.proof --public-key orders.pub",
		Args: func(cmd *cobra.Command, args []string) error {
			if p.check != "" && (len(args) == 0 || given(cmd, "check")) {
				return noArguments(cmd, args)
			}
			return takes("a source", "the order's id", "the proof's file")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.read(cmd)
			}
			return p.write(cmd, args[0], args[1], args[2])
		},
	}
	cmd.Flags().StringVar(&p.check, "check", "", "read the proof in this `file`, and say what it shows")
	cmd.Flags().StringVar(&p.checkpoint, "checkpoint", "", "prove by the signed checkpoint in this `file`")
	cmd.Flags().StringVar(&p.roll, "roll", "", "the `file` with the signed roll of that checkpoint")
	keyFileFlag(cmd, &p.keyFile)
	p.keys = publicKeyFlag(cmd)
	p.format = outputFlag(cmd, formatText, formatJSON)
	return cmd
}

type prover struct {
	t                       *terminal
	check, checkpoint, roll string
	keyFile                 string
	keys                    *publicKeys
	format                  *choice
}

// config is what the flags say.
func (p *prover) config(cmd *cobra.Command) (cfg audit.ProveConfig, err error) {
	switch {
	case p.keyFile == "" && p.checkpoint == "":
		return cfg, &usageError{err: errors.New("nothing says who signs"),
			hint: "give --key-file, or a signed --checkpoint with its --roll and --public-key"}
	case p.checkpoint == "" && given(cmd, "roll"):
		return cfg, &usageError{err: errors.New("a roll is of a checkpoint"), hint: "give --checkpoint too"}
	}
	if p.keyFile != "" {
		if cfg.Signer, err = readSigner(p.keyFile); err != nil {
			return cfg, err
		}
		p.keys.keys = append(p.keys.keys, cfg.Signer.Verifier())
	}
	if err := p.keys.wanted(cmd, "a checkpoint"); err != nil {
		return cfg, err
	}
	cfg.Verifiers = p.keys.keys
	if p.checkpoint != "" {
		if cfg.Checkpoint, err = readNote(p.checkpoint, "checkpoint", seal.MaxCheckpoint); err != nil {
			return cfg, err
		}
	}
	if p.roll != "" && p.checkpoint != "" {
		cfg.Roll, err = readNote(p.roll, "roll", seal.MaxCheckpoint)
	}
	return cfg, err
}

func (p *prover) write(cmd *cobra.Command, log, id, path string) error {
	cfg, err := p.config(cmd)
	if err != nil {
		return err
	}
	return reading(cmd, log, func(ctx context.Context, s *source) error {
		meter := p.t.meterOf(ctx, s)
		cfg.Progress = meter.at
		proof, err := audit.Prove(ctx, s.Reader, id, &cfg)
		meter.end()
		switch {
		case errors.Is(err, seal.ErrInvalid):
			return notItsKey(ctx, s, err)
		case errors.Is(err, store.ErrNotFound):
			return withHint(err, "list the orders with: tilltape list "+s.name)
		case err != nil:
			return err
		}
		// What goes out is what another one reads, held against the same keys as they will hold it.
		proven, err := audit.VerifyProof(proof, cfg.Verifiers...)
		if err != nil {
			return err
		}
		b, _ := proof.AppendBinary(nil) // its error is always nil
		if err := p.t.newFile(path, proofMode, func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
			return err
		}
		return p.tell(proven, len(b), false)
	})
}

func (p *prover) read(cmd *cobra.Command) error {
	if err := p.keys.wanted(cmd, "a proof"); err != nil {
		return err
	}
	b, err := readNote(p.check, "proof", audit.MaxOrderProof)
	if err != nil {
		return err
	}
	proof, err := audit.ParseProof(b)
	if err != nil {
		return proofError(err)
	}
	return p.holds(cmd, &proofFile{proof, len(b)})
}

// holds verifies a proof, and tells what it shows.
func (p *prover) holds(cmd *cobra.Command, proof *proofFile) error {
	if err := p.keys.wanted(cmd, "a proof"); err != nil {
		return err
	}
	proven, err := audit.VerifyProof(proof.Proof, p.keys.keys...)
	if err != nil {
		return proofError(err)
	}
	return p.tell(proven, proof.size, true)
}

// proofJSON is what a proof shows, for programs. Numbers that can pass 2^53 are texts, as in docs/reference/json.md.
type proofJSON struct {
	Log      checkpointJSON    `json:"log"`
	Complete bool              `json:"complete"`
	Bytes    int               `json:"bytes,string"`
	Order    json.RawMessage   `json:"order"`
	Records  []json.RawMessage `json:"records"`
}

type checkpointJSON struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size,string"`
	Root   string `json:"root"`
}

func checkpointForm(c seal.Checkpoint) checkpointJSON {
	return checkpointJSON{Origin: c.Origin, Size: c.Size, Root: c.Root.String()}
}

// tell prints what a proof shows; all says whether its records are wanted as text too.
func (p *prover) tell(proven *audit.Proven, size int, all bool) error {
	if p.format.word == formatJSON {
		return p.document(proven, size)
	}
	out := p.t.out
	if all {
		for _, r := range proven.Records {
			if _, err := fmt.Fprintf(out, "%s  %3d  %-22s %s\n", p.t.when(r.Recorded), r.Version, r.Event.Kind(),
				plain(r.Actor)); err != nil {
				return fmt.Errorf("printing the records: %w", err)
			}
		}
	}
	last := proven.Records[len(proven.Records)-1]
	end := "complete: it has no other record among the log's first " + strconv.FormatUint(proven.Log.Size, 10)
	if !proven.Complete {
		end = "perhaps not complete: later records are not excluded, for the proof has no roll"
	}
	_, err := fmt.Fprintf(out, "%s order %s: %s, %s, at positions %d to %d\n    %s\n%s %s\n", p.t.paint(green, "ok:"),
		plain(proven.Order.ID), proven.Order.Words(), counted(last.Version, "record"), proven.Records[0].Position,
		last.Position, end, p.t.paint(bold, "seal:"), sealWords(proven.Log))
	return err
}

func (p *prover) document(proven *audit.Proven, size int) error {
	form := proofJSON{Log: checkpointForm(proven.Log), Complete: proven.Complete, Bytes: size}
	var err error
	if form.Order, err = jsonform.AppendOrder(nil, proven.Order); err != nil {
		return err
	}
	for _, r := range proven.Records {
		b, err := jsonform.AppendRecord(nil, r)
		if err != nil {
			return err
		}
		form.Records = append(form.Records, b)
	}
	return printJSON(p.t, form)
}

// printJSON prints one document, on a line.
func printJSON(t *terminal, form any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	return e.Encode(form)
}
