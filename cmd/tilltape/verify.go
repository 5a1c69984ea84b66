package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// verifyFlags are what an auditor brings along, as the command line has it.
type verifyFlags struct {
	checkpoints, apoKeys, levels []string
	keys                         *publicKeys
	skipIndexes                  bool
	settlement                   settlementFlags
}

func verifyCommand(t *terminal) *cobra.Command {
	var f verifyFlags
	var format *choice
	cmd := &cobra.Command{
		Use:   "verify SOURCE",
		Short: "Say what of a log is proven, and what is wrong with it",
		Long: "Reads a whole log and says on four levels what of it is proven: bytes (they are\n" +
			"those that were sealed, and what finds records fits them), legality (our rules\n" +
			"can have written what they say), evidence (APO signed the messages that are\n" +
			"kept, and they say what the records say) and money (what moved on which day, and\n" +
			"that it closes). It goes on after what is wrong, and ends with a verdict.\n\n" +
			"What you bring along makes it prove more. A checkpoint that was kept elsewhere,\n" +
			"with the log's public key, shows a history that was rewritten together with its\n" +
			"seal; several narrow down where. APO's public key shows that its messages are\n" +
			"its own. A settlement file is held against the log's movements, both ways.\n" +
			"docs/reference/verification.md tells every problem and the columns of the file.\n\n" +
			"Of a filtered export it says that each record is in the log, and of a proof what\n" +
			"prove --check says; neither is a whole log, and more of it cannot be proven.\n\n" +
			apoKeyForm + " A settlement's columns are named as\n" +
			"type=KIND,transactionId=ID,currency=CCY,amount=SUM,time=AT and so on, and the\n" +
			"words of its type column told as CHARGE=payment,SETTLE=capture,RETURN=refund.\n\n" +
			"The log is opened for reading only and is not changed. Open is the money that\n" +
			"does not close, or a settlement that does not fit.",
		Example: "  tilltape verify orders.tilltape\n" +
			"  tilltape verify orders.tilltape --apo-key apo.pub\n" +
			"  tilltape verify orders.tilltape -o json | jq -r .verdict",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := f.config()
			if err != nil {
				return err
			}
			return f.verify(cmd, t, args[0], cfg, format)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.checkpoints, "checkpoint", nil, "a `FILE` with a checkpoint that was kept elsewhere; again "+
		"for more")
	f.keys = publicKeyFlag(cmd)
	flags.StringArrayVar(&f.apoKeys, "apo-key", nil, apoKeyUsage)
	flags.StringSliceVar(&f.levels, "level", nil, "only these `levels`: bytes, legality, evidence, money")
	flags.BoolVar(&f.skipIndexes, "skip-indexes", false, "leave out what the engine looks records up by; much faster")
	f.settlement.add(flags)
	format = outputFlag(cmd, formatText, formatJSON)
	return cmd
}

// config reads what the flags name.
func (f *verifyFlags) config() (*audit.VerifyConfig, error) {
	cfg := &audit.VerifyConfig{SkipIndexes: f.skipIndexes}
	for _, word := range f.levels {
		i := slices.IndexFunc(audit.Levels(), func(l audit.Level) bool { return l.String() == word })
		if i < 0 {
			return nil, &usageError{err: fmt.Errorf("there is no level %q", word),
				hint: "give some of bytes, legality, evidence, money"}
		}
		cfg.Levels = append(cfg.Levels, audit.Levels()[i])
	}
	var from []string // the file of each checkpoint
	for _, path := range f.checkpoints {
		kept, err := readNote(path, "checkpoint", checkpointsMax)
		if err != nil {
			return nil, err
		}
		for _, signed := range notes(kept) {
			cfg.Checkpoints, from = append(cfg.Checkpoints, signed), append(from, path)
		}
	}
	if err := f.keys.open(); err != nil {
		return nil, err
	}
	cfg.Verifiers = f.keys.keys
	if len(cfg.Checkpoints) > 0 && len(cfg.Verifiers) == 0 {
		return nil, &usageError{err: errors.New("a checkpoint counts by its signature, and no key was given"),
			hint: "give the log's public key with --public-key"}
	}
	for i, signed := range cfg.Checkpoints {
		if _, err := seal.Open(signed, cfg.Verifiers...); err != nil {
			return nil, withHint(fmt.Errorf("checkpoint %s: %w", from[i], err),
				"give the checkpoint as it was kept, and the public key of the log that it is of")
		}
	}
	var err error
	if cfg.Keys, err = readAPOKeys(f.apoKeys); err != nil {
		return nil, err
	}
	cfg.Settlement, err = f.settlement.read()
	return cfg, err
}

// checkpointsMax bounds a file of checkpoints, in bytes: what anchor --file has appended to for years.
const checkpointsMax = 64 << 20

// notes parts a file into the signed notes in it, which an empty line keeps apart, as anchor --file does. A note has
// one empty line of its own, before its signatures. What is no note comes whole, for the one that opens it to say so.
func notes(kept []byte) (all [][]byte) {
	for len(bytes.TrimSpace(kept)) > 0 {
		end := len(kept)
		if text, signatures, ok := bytes.Cut(kept, []byte("\n\n")); ok {
			if i := bytes.Index(signatures, []byte("\n\n")); i >= 0 {
				end = len(text) + len("\n\n") + i + len("\n")
			}
		}
		all, kept = append(all, kept[:end]), bytes.TrimLeft(kept[end:], "\n")
	}
	return all
}

// apoKeyUsage and apoKeyForm tell how APO's keys are given.
const (
	apoKeyUsage = "a `FILE` with APO's public key; again for more"
	apoKeyForm  = "An APO key is given as [VERSION=]FILE[,FROM[,UNTIL]], its times in RFC 3339; the\n" +
		"version is 1 where none is given."
)

// readAPOKeys reads APO's public keys.
func readAPOKeys(specs []string) (keys []audit.Key, err error) {
	for _, spec := range specs {
		parts := strings.Split(spec, ",")
		version, path, named := strings.Cut(parts[0], "=")
		if !named {
			version, path = "1", version
		}
		text, err := readNote(path, "key", keyMax)
		if err != nil {
			return nil, err
		}
		public, err := apo.ParsePublicKey(text)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("key %s: %w", path, err), hint: "give APO's public key as PEM"}
		}
		key := audit.Key{Version: version, Public: public}
		for i, part := range parts[1:] {
			at, err := parseMoment(part)
			switch {
			case part == "" && i == 0:
			case err != nil || i > 1:
				return nil, &usageError{err: fmt.Errorf("--apo-key %s: it cannot be read", spec),
					hint: "write it as 1=apo.pub, or with times as 1=apo.pub,2026-01-01,2027-01-01"}
			case i == 0:
				key.From = at
			default:
				key.Until = at
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// verify verifies and prints, and ends as the report's outcome says.
func (f *verifyFlags) verify(cmd *cobra.Command, t *terminal, name string, cfg *audit.VerifyConfig,
	format *choice) error {
	s, err := openSource(cmd.Context(), name)
	if (errors.Is(err, store.ErrDamaged) || errors.Is(err, bolt.ErrNotALog)) && !isURL(name) {
		left, damagedErr := bolt.OpenDamaged(name)
		if errors.Is(damagedErr, bolt.ErrNotALog) {
			return err // of an export, say
		}
		if damagedErr != nil {
			return damagedErr
		}
		defer func() { _ = left.Close() }()
		return t.verified(name, format, cfg, t.meter("record"), func() (*audit.Report, error) {
			return audit.VerifyDamaged(cmd.Context(), left, cfg)
		})
	}
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	if s.part != nil {
		return f.verifyPart(cmd, t, s, format)
	}
	return t.verified(s.name, format, cfg, t.meterOf(cmd.Context(), s), func() (*audit.Report, error) {
		return audit.Verify(cmd.Context(), s.Reader, cfg)
	})
}

// verified verifies with a meter and prints the report. name is the source's as it may be shown.
func (t *terminal) verified(name string, format *choice, cfg *audit.VerifyConfig, meter *meter,
	verify func() (*audit.Report, error)) error {
	cfg.Progress = meter.at
	report, err := verify()
	meter.end()
	if err != nil {
		return err
	}
	if format.word == formatJSON {
		text, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		_, err = fmt.Fprintf(t.out, "%s\n", text)
		return errors.Join(err, outcomeError(report.Outcome()))
	}
	_, err = io.WriteString(t.out, (&verifyPrinter{t: t, source: name}).text(report))
	return errors.Join(err, outcomeError(report.Outcome()))
}

// outcomeError sets the exit code.
func outcomeError(o audit.Outcome) error {
	switch o {
	case audit.Clean:
		return nil
	case audit.Open:
		return quiet(errOpen)
	case audit.CutOff:
		return quiet(errCut)
	case audit.Altered:
		return quiet(store.ErrDamaged)
	}
	return quiet(errUnreadable)
}
