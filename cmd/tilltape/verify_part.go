package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/seal"
)

// verifyPart verifies what is no whole log: a proof, or a filtered export.
func (f *verifyFlags) verifyPart(cmd *cobra.Command, t *terminal, s *source, format *choice) error {
	for _, flag := range []string{"apo-key", "level", "settlement", "skip-indexes"} {
		if given(cmd, flag) {
			return &usageError{err: fmt.Errorf("--%s is for a whole log, and %s is none", flag, s.name),
				hint: "leave it out; APO's messages of one order are checked by: tilltape evidence " + s.name + " ORDER"}
		}
	}
	if s.proof != nil {
		if given(cmd, "checkpoint") {
			return &usageError{err: errors.New("--checkpoint is for a log: a proof has its own"),
				hint: "leave it out, and compare the root that is printed"}
		}
		p := &prover{t: t, keys: f.keys, format: format}
		return p.holds(cmd, s.proof)
	}
	log, ok := s.Reader.(*export.Log)
	if !ok {
		return s.part
	}
	return f.verifyFiltered(cmd.Context(), t, s, log, format.word == formatJSON)
}

// partJSON is what a filtered export proves, for programs.
type partJSON struct {
	Verdict     string         `json:"verdict"`
	Log         checkpointJSON `json:"log"`
	Records     uint64         `json:"records,string"`
	Filter      string         `json:"filter"`
	Complete    bool           `json:"complete"` // never
	Checkpoints []heldJSON     `json:"checkpoints,omitempty"`
}

type heldJSON struct {
	checkpointJSON
	State audit.State `json:"state"`
}

// verifyFiltered proves that each record of a filtered export is in the log, and holds that log's root against the
// checkpoints that can say something about it.
func (f *verifyFlags) verifyFiltered(ctx context.Context, t *terminal, s *source, log *export.Log, asJSON bool) error {
	meter := t.meter("record")
	err := log.Verify(ctx, meter.of)
	meter.end()
	if err != nil {
		return err
	}
	h := log.Header()
	held, wrong, err := f.held(&h)
	if err != nil {
		return err
	}
	verdict := fmt.Sprintf("Each of the %s is in the log of %d under its root. Whether the log has others that fit the "+
		"filter (%s) cannot be proven from them; that takes an export without a filter.", counted(h.Count, "record"),
		h.Checkpoint.Size, h.Filter)
	outcome := audit.Clean
	if wrong != "" {
		outcome, verdict = audit.Altered, wrong
	}
	if asJSON {
		err = printJSON(t, partJSON{Verdict: verdict, Log: checkpointForm(h.Checkpoint),
			Records: h.Count, Filter: h.Filter.String(), Checkpoints: held})
		return errors.Join(printError(err), outcomeError(outcome))
	}
	p := &verifyPrinter{t: t, source: s.name}
	p.line("source", plain(s.name))
	p.line("log", plain(h.Checkpoint.Origin))
	p.line("records", fmt.Sprintf("%d of the log's %d, by the filter: %s", h.Count, h.Checkpoint.Size,
		plain(h.Filter.String())))
	p.line("root", fmt.Sprintf("%s over %s", h.Checkpoint.Root, counted(h.Checkpoint.Size, "record")))
	for i := range held {
		p.line("checkpoint", fmt.Sprintf("%s over %s of %s", p.state(held[i].State),
			counted(held[i].Size, "record"), plain(held[i].Origin)))
	}
	p.b.WriteByte('\n')
	p.line("inclusion", p.state(audit.StateProven)+", "+counted(h.Count, "record")+" good")
	p.line("complete", p.state(audit.StateNotChecked)+": a filtered export cannot prove it")
	fmt.Fprintf(&p.b, "\n%s %s\n", t.paint(bold, "verdict:"), wrap(verdict, textWidth-len("verdict: ")))
	_, err = t.out.Write([]byte(p.b.String()))
	return errors.Join(printError(err), outcomeError(outcome))
}

// held holds the export's root against the checkpoints that were kept, and the one in its header where its key was
// given. One over another number of records says nothing about it.
func (f *verifyFlags) held(h *export.Header) (all []heldJSON, wrong string, err error) {
	var signed [][]byte
	for _, path := range f.checkpoints {
		kept, err := readNote(path, "checkpoint", checkpointsMax)
		if err != nil {
			return nil, "", err
		}
		signed = append(signed, notes(kept)...)
	}
	if h.Signed != nil && len(f.keys.keys) > 0 {
		signed = append(signed, bytes.Clone(h.Signed))
	}
	for _, note := range signed {
		c, err := seal.Open(note, f.keys.keys...)
		if err != nil {
			return nil, "", withHint(err, "give the public key of the log that the checkpoint is of")
		}
		of := heldJSON{checkpointJSON: checkpointForm(c)}
		switch {
		case c.Origin != h.Checkpoint.Origin && !slices.ContainsFunc(h.Ancestry, func(past seal.Checkpoint) bool {
			return past.Origin == c.Origin
		}):
			of.State = audit.StateWrong
			wrong = fmt.Sprintf("The checkpoint is of another log: it is of %s, and the export of %s.", c.Origin,
				h.Checkpoint.Origin)
		case c.Origin != h.Checkpoint.Origin, c.Size != h.Checkpoint.Size:
		case c.Root != h.Checkpoint.Root:
			of.State = audit.StateWrong
			wrong = "The export is not of the log that was signed: a checkpoint over as many records has another root."
		default:
			of.State = audit.StateProven
		}
		all = append(all, of)
	}
	return all, wrong, nil
}
