package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/cmd/tilltape/internal/tables"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

const (
	// exportMode is for the owner alone: an export has what a log has.
	exportMode fs.FileMode = 0o600
	// standardOutput is the file's name that stands for it.
	standardOutput = "-"

	tableMovements = "movements"
	tableOrders    = "orders"
)

// exporting is what the export command was asked for.
type exporting struct {
	t           *terminal
	format      *choice
	table       *choice
	orders      []string
	kinds       []string
	from, until moment
}

func exportCommand(t *terminal) *cobra.Command {
	x := &exporting{t: t, table: newChoice(tableMovements, tableOrders)}
	cmd := &cobra.Command{
		Use:   "export SOURCE FILE",
		Short: "Write a log as a file of text, or as a table",
		Long: "Writes the log to a new file, or to standard output where FILE is a single dash.\n\n" +
			"As jsonl it is an export: every record with its stored bytes, held against the\n" +
			"log's root, so that whoever has a checkpoint of the log can prove that nothing\n" +
			"is missing or changed. Every command that reads a log reads an export, and\n" +
			"import makes a log of it again. With --order, --from or --until it has only the\n" +
			"records of these orders, or that were written in that time; then it proves that\n" +
			"each of them is in the log, and not that there are no others.\n" +
			"docs/reference/export.md tells the file line by line.\n\n" +
			"As csv or xlsx it is a table for people, made of a log that was judged as replay\n" +
			"does it: movements, each payment, capture, refund, cancel and dispute with its\n" +
			"amount in decimals and who commanded it; or orders, as the log leaves them. For\n" +
			"these --from and --until are about when it happened, by APO's word, or when the\n" +
			"order was placed. Text that a spreadsheet could run has an apostrophe before it.\n" +
			"An xlsx keeps every digit of every id; a csv does if its columns are imported as\n" +
			"text.",
		Example: "  tilltape export orders.tilltape orders.jsonl\n" +
			"  tilltape export orders.tilltape - --order o-06\n" +
			"  tilltape export orders.tilltape november.xlsx -o xlsx --from 2026-11-01\n" +
			"  tilltape export orders.tilltape - -o csv --kind refund",
		Args: takes("a source", "a new file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := x.check(cmd); err != nil {
				return err
			}
			return reading(cmd, args[0], func(ctx context.Context, s *source) error {
				for _, id := range x.orders {
					if err := s.has(ctx, id); err != nil {
						return err
					}
				}
				return x.run(ctx, s, args[1])
			})
		},
	}
	x.format = outputFlag(cmd, formatJSONL, formatCSV, formatXLSX)
	flags := cmd.Flags()
	flags.StringArrayVar(&x.orders, "order", nil, "only this `order`; give it again for more")
	flags.Var(&x.from, "from", "only from this time on")
	flags.Var(&x.until, "until", "only before this time")
	flags.Var(x.table, "table", "of csv and xlsx, which table")
	flags.StringSliceVar(&x.kinds, "kind", nil,
		"of movements, only these `kinds`: "+strings.Join(tables.MovementKinds(), ", "))
	return cmd
}

// check refuses what cannot be meant.
func (x *exporting) check(cmd *cobra.Command) error {
	for _, kind := range x.kinds {
		if !slices.Contains(tables.MovementKinds(), kind) {
			return &usageError{err: fmt.Errorf("there is no kind of movement %q", kind),
				hint: "give " + either(tables.MovementKinds())}
		}
	}
	switch {
	case !x.from.IsZero() && !x.until.IsZero() && !x.from.Before(x.until.Time):
		return &usageError{err: fmt.Errorf("--from is not before --until"), hint: "until is the first moment left out"}
	case x.format.word == formatJSONL && (given(cmd, "kind") || given(cmd, "table") && x.table.word != tableMovements):
		return &usageError{err: fmt.Errorf("--table and --kind are of tables"), hint: "give -o csv or -o xlsx with them"}
	case given(cmd, "kind") && x.table.word != tableMovements:
		return &usageError{err: fmt.Errorf("--kind is of movements"), hint: "leave it out, or --table"}
	}
	return nil
}

func (x *exporting) run(ctx context.Context, s *source, file string) error {
	var said string
	write := func(w io.Writer) (err error) {
		if x.format.word == formatJSONL {
			said, err = x.export(ctx, s, w)
		} else {
			said, err = x.tabulate(ctx, s, w)
		}
		return err
	}
	if file == standardOutput {
		return write(x.t.out)
	}
	if err := x.t.newFile(file, exportMode, write); err != nil {
		return err
	}
	said, more, _ := strings.Cut(said, "\n")
	_, err := fmt.Fprintf(x.t.out, "%s %s in %s\n%s", x.t.paint(green, "ok:"), said, file, more)
	return printError(err)
}

// export writes JSON lines, and says what they are.
func (x *exporting) export(ctx context.Context, s *source, w io.Writer) (string, error) {
	log, ok := s.Reader.(export.Source)
	if !ok {
		return "", fmt.Errorf("%w: %s cannot prove what it holds", store.ErrInvalid, s.name)
	}
	meter := x.t.meter("record")
	defer meter.end()
	h, err := export.Write(ctx, w, log, &export.Config{Progress: meter.of,
		Filter: export.Filter{Orders: x.orders, From: x.from.Time, Until: x.until.Time}})
	if err != nil {
		return "", err
	}
	const indent = "\n    "
	root := fmt.Sprintf("%sroot %s\n", indent, h.Checkpoint.Root)
	if h.Filter.Everything() {
		return counted(h.Count, "record") + root, nil
	}
	return fmt.Sprintf("%d of %s%s    %s\n", h.Count, counted(h.Checkpoint.Size, "record"), root,
		strings.ReplaceAll(wrap(h.Proves(), textWidth-len(indent)), "\n", indent)), nil
}

// tabulate writes a table, and says what it is.
func (x *exporting) tabulate(ctx context.Context, s *source, w io.Writer) (string, error) {
	meter := x.t.meterOf(ctx, s)
	if x.table.word != tableMovements {
		x.kinds = nil // of a variable
	}
	q := tables.Query{Orders: x.orders, Kinds: x.kinds, From: x.from.Time, Until: x.until.Time, Progress: meter.at}
	build, what := tables.Movements, "movement"
	if x.table.word == tableOrders {
		build, what = tables.Orders, "order"
	}
	table, err := build(ctx, s.Reader, q)
	meter.end()
	if err != nil {
		return "", err
	}
	write := table.WriteCSV
	if x.format.word == formatXLSX {
		write = table.WriteXLSX
	}
	return counted(uint64(len(table.Rows)), what), write(w)
}

// importing is a log that can be copied into another one.
func importing(s *source) (sealed.Original, error) {
	original, ok := s.Reader.(sealed.Original)
	if !ok {
		return nil, fmt.Errorf("%w: %s cannot prove what it holds", store.ErrInvalid, s.name)
	}
	return original, nil
}
