package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// salvaging is what a salvage is told on the command line.
type salvaging struct {
	file, to           string
	with               string // a backup
	checkpoint, public string // files
	behind             string
	memory             int // MiB
	format             *choice
}

// memoryDefault is how many MiB the process that reads a damaged file may take, if nothing else is said: enough for
// some six million records.
const memoryDefault = 1024

func salvageCommand(t *terminal) *cobra.Command {
	var s salvaging
	cmd := &cobra.Command{
		Use:   "salvage DAMAGED NEW",
		Short: "Make a new log of what is whole in a damaged file",
		Long: "Reads every byte of a log's file that does not open any more, without believing\n" +
			"any link in it, and takes the records that are proven: by the log's seal, by a\n" +
			"backup, by a tile of the seal or by their checksum. It makes a new log of all\n" +
			"records up to the first that is missing, with an origin of its own and an\n" +
			"ancestry that says which log it was, and reports what is missing, whose it was,\n" +
			"and which orders are whole. The damaged file is only read, by a process of its\n" +
			"own with a limit on its memory. No service may have it open.\n\n" +
			"With --with, a backup fills holes and proves what it has. With --checkpoint and\n" +
			"--public-key, a checkpoint that was kept says whether the records are those that\n" +
			"it was signed over. With --behind, the records behind the first hole go into a\n" +
			"new file as JSON lines, each with its bytes as a log has them.\n\n" +
			"It ends with 0 where nothing is missing, with 11 where records are, and with 10\n" +
			"where some were altered, or are not what the checkpoint was signed over.",
		Example: "  tilltape salvage orders.tilltape salvaged.tilltape\n" +
			"  tilltape salvage orders.tilltape filled.tilltape --with yesterday.tilltape",
		Args: takes("the damaged file", "a new file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.file, s.to = args[0], args[1]
			if s.checkpoint == "" && !given(cmd, "public-key") {
				s.public = ""
			}
			if (s.checkpoint == "") != (s.public == "") {
				return &usageError{err: errors.New("--checkpoint and --public-key go together"),
					hint: "give the key that the checkpoint was signed with"}
			}
			if made := s.made(); len(made) == 2 && filepath.Clean(made[0]) == filepath.Clean(made[1]) {
				return &usageError{err: errors.New("the new log and what is behind the first hole cannot be one file"),
					hint: "name another one with --behind"}
			}
			if s.memory <= 0 {
				return &usageError{err: fmt.Errorf("--memory %d is no size", s.memory), hint: "give it in MiB"}
			}
			if err := logFile(s.file, "name the damaged file of a log; an export and a proof are written again"); err != nil {
				return err
			}
			if s.with != "" {
				if err := logFile(s.with, "--with takes a backup; of an export one is made with: tilltape import "+s.with+
					" NEW"); err != nil {
					return err
				}
			}
			return s.inChild(cmd.Context(), t)
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *salvaging) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.with, "with", "", "a `backup` of the log")
	cmd.Flags().StringVar(&s.checkpoint, "checkpoint", "", "the `file` of a checkpoint that was kept")
	cmd.Flags().StringVar(&s.public, "public-key", "", "the `file` of the public key that it is verified with")
	cmd.Flags().StringVar(&s.behind, "behind", "", "the new `file` for what is behind the first hole")
	cmd.Flags().IntVar(&s.memory, "memory", memoryDefault, "how many `MiB` of memory it may take")
	s.format = outputFlag(cmd, formatText, formatJSON)
}

// salvageChild is the process that reads. It is no command for people.
func salvageChild(t *terminal) *cobra.Command {
	var s salvaging
	cmd := &cobra.Command{
		Use:    salvageChildCommand,
		Short:  "Read a damaged file (used by salvage)",
		Long:   "Does what salvage is told, in the process that it runs in.",
		Hidden: true,
		Args:   takes("the damaged file", "a new file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.file, s.to = args[0], args[1]
			const mebibyte = 1 << 20
			limit := uint64(s.memory) * mebibyte
			debug.SetMemoryLimit(int64(limit))
			ctx, stop := context.WithCancelCause(cmd.Context())
			defer stop(nil)
			go func() {
				limitMemory(limit, heap, time.Tick(memoryEvery), func() { stop(errMemory) })
				os.Exit(outOfMemory)
			}()
			err := s.run(ctx, t)
			if errors.Is(context.Cause(ctx), errMemory) { // and what was half made is gone
				os.Exit(outOfMemory)
			}
			return err
		},
	}
	s.flags(cmd)
	return cmd
}

// outOfMemory is the exit code of a process that took more memory than it was given.
const outOfMemory = 99

// errMemory: the process has taken more memory than it was given.
var errMemory = errors.New("more memory than it was given")

const (
	memoryEvery = 5 * time.Millisecond // how often is looked: a file that is read soon can take much, too
	memoryGrace = 400                  // looks: how long a process that is told to stop may take to clean up
)

// heap is how many bytes of memory are in use, after all that the collector can do.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// limitMemory looks at each tick what is used, and calls stop once that is more than the limit, so that what is half
// made is cleaned up. It returns when the process has to end at once: it has twice what it was given, or was given the
// time to clean up.
func limitMemory(limit uint64, used func() uint64, tick <-chan time.Time, stop func()) {
	looks := 0
	for range tick {
		now := used()
		if looks == 0 && now <= limit {
			continue
		}
		if looks == 0 {
			stop()
		}
		if looks++; now > 2*limit || looks > memoryGrace {
			return
		}
	}
}

// made are the files that are to be made.
func (s *salvaging) made() []string {
	if s.behind == "" {
		return []string{s.to}
	}
	return []string{s.to, s.behind}
}

// run salvages in this process.
func (s *salvaging) run(ctx context.Context, t *terminal) (err error) {
	config := &salvage.Config{Backup: s.with}
	if config.Checkpoint, err = s.kept(); err != nil {
		return err
	}
	for _, path := range s.made() {
		if err := free(path); err != nil {
			return err
		}
	}
	t.tellHalfMade(s.to)
	meter := t.meter("byte")
	config.Progress = func(done, total int64) { meter.of(uint64(done), uint64(total)) }
	found, err := salvage.Read(ctx, s.file, config)
	meter.end()
	if err != nil {
		return salvageError(s.file, err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	written := t.meter("record")
	failed := error(nil)
	if found.Report().Taken > 0 {
		failed = found.Write(ctx, s.to, written.of)
		written.end()
	}
	if failed == nil && s.behind != "" {
		failed = t.newFile(s.behind, keyMode, func(w io.Writer) error { return writeBehind(ctx, w, found) })
	}
	report := found.Report()
	if err := s.print(t, report); err != nil {
		return errors.Join(failed, err)
	}
	switch {
	case failed != nil:
		return failed
	case len(report.Altered) > 0 || report.Checkpoint != nil && report.Checkpoint.Verdict == salvage.Differs:
		return quiet(store.ErrDamaged)
	case !report.Whole():
		return quiet(errCut)
	}
	return nil
}

// salvageError tells a file that is not there from one that cannot be read.
func salvageError(path string, err error) error {
	if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
		return withHint(fmt.Errorf("log %s is %w", path, errNotFound), "check the path")
	}
	return openError(err)
}

func (s *salvaging) print(t *terminal, report salvage.Report) error {
	if s.format.word == formatJSON {
		document, err := json.Marshal(report)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "%s\n", document)
		return printError(err)
	}
	verdict := t.paint(green, "whole:") + " nothing is missing"
	if !report.Whole() {
		missing := uint64(0)
		for _, m := range report.Missing {
			missing += m.Last - m.First + 1
		}
		verdict = fmt.Sprintf("%s %s missing, %s up to the first", t.paint(yellow, "cut off:"), counted(missing, "record"),
			counted(report.Taken, "record"))
	}
	if len(report.Altered) > 0 {
		verdict = t.paint(red, "altered:") + " the seal disproves what is there; see below"
	}
	none := ""
	if report.Taken == 0 {
		none = "new log    none: the first record is not there, or not proven\n"
	}
	_, err := fmt.Fprintf(t.out, "%s\n%s%s", verdict, report, none)
	return printError(err)
}

// writeBehind writes the records behind the first hole, each with its bytes.
func writeBehind(ctx context.Context, w io.Writer, found *salvage.Found) error {
	var line []byte
	for r, err := range found.Behind(ctx) {
		if err != nil {
			return err
		}
		frame, err := events.AppendFrame(nil, r)
		if err != nil {
			return err
		}
		if line, err = jsonform.AppendStored(line[:0], r, frame); err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// kept reads the checkpoint, if there is one, and verifies its signature.
func (s *salvaging) kept() (*seal.Checkpoint, error) {
	if s.checkpoint == "" {
		return nil, nil
	}
	signed, err := readNote(s.checkpoint, "checkpoint", seal.MaxCheckpoint)
	if err != nil {
		return nil, err
	}
	public := &publicKeys{texts: []string{s.public}}
	if err := public.open(); err != nil {
		return nil, err
	}
	c, err := seal.Open(signed, public.keys...)
	if err != nil {
		return nil, err
	}
	return &c, nil
}
