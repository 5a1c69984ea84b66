package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/internal/path"
)

// The formats that a machine can be drawn in.
const (
	formatMermaid = "mermaid"
	formatDOT     = "dot"
	formatSVG     = "svg" // of an order's path alone
)

func graphCommand(t *terminal) *cobra.Command {
	format, machine := newChoice(formatMermaid, formatDOT, formatSVG), newChoice(machineNames()...)
	var only string
	cmd := &cobra.Command{
		Use:   "graph [SOURCE --order ORDER]",
		Short: "Draw the machines that an order is made of",
		Long: "Draws one of the three machines, from the tables that decide: the status (what\n" +
			"is proven about the money), the operation (how far a command is at APO) or the\n" +
			"gateway capture (what APO captures by itself). Mermaid shows on pages of GitHub\n" +
			"and GitLab; DOT is for Graphviz.\n\n" +
			"With --order it draws the status and the operation with the path that the order\n" +
			"of a log took; a number is the record's version, and attempts that were refused\n" +
			"are dashed. SVG of a path needs no other program.",
		Example: "  tilltape graph --format dot | dot -Tsvg -o status.svg\n" +
			"  tilltape graph --machine operation\n" +
			"  tilltape graph orders.tilltape --order o-06 --format svg > o-06.svg",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case only == "" && len(args) == 1:
				return fmt.Errorf("a drawing of a source is of one order, and no --order says of which; it was given %q", args[0])
			case only == "", len(args) == 0 && !given(cmd, "order"):
				return noArguments(cmd, args)
			}
			return takes("a source")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return asking(cmd, args[0], func(ctx context.Context, s *source) error {
					return drawPath(ctx, t, s, only, format.word)
				})
			}
			if format.word == formatSVG {
				return &usageError{err: errors.New(formatSVG + " is of an order's path"),
					hint: "name a source and its --order, or give --format " + formatMermaid + " or " + formatDOT}
			}
			_, err := io.WriteString(t.out, draw(format.word, machine.word))
			return printError(err)
		},
	}
	cmd.Flags().Var(format, "format", "the drawing's language; "+formatSVG+" is of a path")
	cmd.Flags().Var(machine, "machine", "what is drawn")
	cmd.Flags().StringVar(&only, "order", "", "draw the path of this `order` of the source")
	return cmd
}

// drawPath draws the path that an order took.
func drawPath(ctx context.Context, t *terminal, s *source, id, format string) error {
	p, err := path.Of(ctx, s.Reader, id)
	if err != nil {
		return ofOrder(s, id, err)
	}
	drawing := p.Mermaid
	switch format {
	case formatDOT:
		drawing = p.DOT
	case formatSVG:
		drawing = p.SVG
	}
	_, err = io.WriteString(t.out, drawing())
	return printError(err)
}

// draw draws the machine of that name.
func draw(format, machine string) string {
	all := law.Machines()
	m := all[slices.Index(machineNames(), machine)]
	if format == formatDOT {
		return m.DOT()
	}
	return m.Mermaid()
}

// machineNames are the machines' names, in their order.
func machineNames() (names []string) {
	for _, m := range law.Machines() {
		names = append(names, m.String())
	}
	return names
}
