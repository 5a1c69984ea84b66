package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

func replayCommand(t *terminal) *cobra.Command {
	var only string
	var format *choice
	cmd := &cobra.Command{
		Use:   "replay SOURCE",
		Short: "Replay a log and judge every record by the rules",
		Long: "Replays a log from its first record: holds every record against the log's seal,\n" +
			"folds every order, and judges every record by the tables that decided it when it\n" +
			"was written. Prints what the log comes to and the root that its records give, or\n" +
			"where it is not what was written: the first record that the seal disproves or\n" +
			"that our rules cannot have written, with exit code 10. A history that was\n" +
			"rewritten together with its seal shows only beside a checkpoint that was kept\n" +
			"elsewhere: compare the root. The log is opened for reading only and is not\n" +
			"changed.\n\n" +
			"With -o jsonl it prints the records and no summary, one JSON object a line, in\n" +
			"the form that docs/reference/json.md tells. They are printed as they pass: the\n" +
			"exit code says at the end whether all of them are good.",
		Example: "  tilltape replay orders.tilltape\n" +
			"  tilltape replay orders.tilltape --order o-06\n" +
			"  tilltape replay orders.tilltape -o jsonl | jq .fact.kind",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return reading(cmd, args[0], func(ctx context.Context, s *source) error {
				show := replayPrinter{t: t, source: s, file: s.name, only: only, json: format.word == formatJSONL}
				return show.run(ctx, s.Reader)
			})
		},
	}
	cmd.Flags().StringVar(&only, "order", "", "show the facts of this `order`")
	format = outputFlag(cmd, formatText, formatJSONL)
	return cmd
}

type replayPrinter struct {
	t      *terminal
	source *source
	file   string
	only   string
	json   bool
	words  string // the order's, as the newest record so far leaves it
	line   []byte // of a record for programs, used again
}

// run replays and prints. Facts are printed as they pass; the summary says at the end whether all of it was legal.
func (p *replayPrinter) run(ctx context.Context, log store.Reader) error {
	cfg := &audit.Config{Each: func(r events.Record, o order.Order) error {
		if p.only == r.Stream.ID || p.json && p.only == "" {
			return p.fact(r, o)
		}
		return nil
	}}
	meter := p.t.meterOf(ctx, p.source)
	cfg.Progress = meter.at
	replayed, err := audit.Replay(ctx, log, cfg)
	meter.end()
	if err != nil {
		return err
	}
	if p.only != "" {
		if _, known := replayed.Order(p.only); !known {
			return withHint(fmt.Errorf("order %q is %w in this log", p.only, errNotFound),
				"list the orders with: tilltape list "+p.file)
		}
		return nil
	}
	if p.json {
		return nil
	}
	if _, err := io.WriteString(p.t.out, p.summary(replayed)); err != nil {
		return fmt.Errorf("printing the summary: %w", err)
	}
	return nil
}

// fact prints one record, for people or for programs.
func (p *replayPrinter) fact(r events.Record, o order.Order) error {
	if p.json {
		return p.document(r)
	}
	if r.Stream.Category == events.CategoryOrder { // a refusal leaves the order as it was
		p.words = o.Words()
	}
	_, err := fmt.Fprintf(p.t.out, "%s  %3d  %-22s %-15s %s\n", p.t.when(r.Recorded), r.Version, r.Event.Kind(), p.words,
		plain(r.Actor))
	return err
}

// document prints one record for programs, as docs/reference/json.md has it.
func (p *replayPrinter) document(r events.Record) error {
	line, err := jsonform.AppendRecord(p.line[:0], r)
	if err != nil {
		return err
	}
	p.line = append(line, '\n')
	if _, err := p.t.out.Write(p.line); err != nil {
		return fmt.Errorf("printing record %d: %w", r.Position, err)
	}
	return nil
}

func (p *replayPrinter) summary(replayed *audit.Replayed) string {
	out := &strings.Builder{}
	fmt.Fprintf(out, "%s %s of %s, every one legal\n", p.t.paint(green, "ok:"), counted(replayed.Records, "record"),
		counted(uint64(replayed.Len()), "order"))
	fmt.Fprintf(out, "%s %s\n", p.t.paint(bold, "seal:"), sealWords(replayed.Seal))
	if replayed.Records == 0 {
		return out.String()
	}
	zone := ""
	if p.t.times != timeRaw && p.t.times != timeRelative {
		zone = " UTC"
	}
	fmt.Fprintf(out, "    from %s to %s%s\n", p.t.when(replayed.First), p.t.when(replayed.Last), zone)
	partly, open := p.each(replayed)
	whole := replayed.Statuses()
	for _, s := range order.Statuses() {
		if n := partly[s]; n > 0 {
			fmt.Fprintf(out, "    %4d partly %s\n", n, s)
		}
		if n := whole[s] - partly[s]; n > 0 {
			fmt.Fprintf(out, "    %4d %s\n", n, s)
		}
	}
	if n := replayed.Refusals; n > 0 {
		fmt.Fprintf(out, "    %4d refused %s on record\n", n, noun(n, "command"))
	}
	return out.String() + open
}

// each looks at every order once: it counts those of which only a part is captured or refunded, since "refunded" alone
// would say that all of the money went back, and tells what stands open.
func (p *replayPrinter) each(replayed *audit.Replayed) (partly map[order.Status]int, open string) {
	partly = map[order.Status]int{}
	out := &strings.Builder{}
	for o := range replayed.Orders() {
		if partWord(&o) != "" {
			partly[o.Status]++
		}
		for _, a := range o.Anomalies {
			fmt.Fprintf(out, "    %s order %s: %s, since %s (record %d)\n", p.t.paint(yellow, "anomaly:"), plain(o.ID), a.Reason,
				p.t.when(a.At), a.Version)
		}
		for _, op := range o.Operations() {
			fmt.Fprintf(out, "    %s order %s: %s %s, due %s\n", p.t.paint(yellow, "open:"), plain(o.ID), op.Kind, op.Phase,
				p.t.when(op.Due))
		}
	}
	return partly, out.String()
}

// sealWords is what the records have proven: how many of which log, and their root; in two lines, since a root and an
// origin are too long for one.
func sealWords(c seal.Checkpoint) string {
	if c.Origin == "" {
		return "none; nothing shows whether a record was altered"
	}
	return fmt.Sprintf("%s, root %s\n    of %s", counted(c.Size, "record"), c.Root, plain(c.Origin))
}

// counted is "1 order", "2 orders".
func counted(n uint64, what string) string { return words.Counted(n, what) }

// noun is "order" for one, otherwise "orders".
func noun(n uint64, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}
