package main

import (
	"context"
	"fmt"
	"io"
	"strings"

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
	var format, machine, only string
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
					return drawPath(ctx, t, cmd, s, only, format)
				})
			}
			drawing, err := draw(format, machine)
			if err != nil {
				return &usageError{err: err, hint: helpHint(cmd)}
			}
			if _, err := io.WriteString(t.out, drawing); err != nil {
				return fmt.Errorf("printing the drawing: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", formatMermaid,
		"the drawing's language: "+formatMermaid+", "+formatDOT+", or of a path "+formatSVG)
	cmd.Flags().StringVar(&only, "order", "", "draw the path of this `order` of the source")
	cmd.Flags().StringVar(&machine, "machine", law.MachineStatus.String(), "what is drawn: "+machineNames())
	return cmd
}

// drawPath draws the path that an order took.
func drawPath(ctx context.Context, t *terminal, cmd *cobra.Command, s *source, id, format string) error {
	p, err := path.Of(ctx, s.Reader, id)
	if err != nil {
		return ofOrder(s, id, err)
	}
	languages := map[string]func() string{formatMermaid: p.Mermaid, formatDOT: p.DOT, formatSVG: p.SVG}
	language := languages[format]
	if language == nil {
		return &usageError{err: fmt.Errorf("unknown format %q: give %s, %s or %s", format, formatMermaid, formatDOT,
			formatSVG), hint: helpHint(cmd)}
	}
	_, err = io.WriteString(t.out, language())
	return printError(err)
}

func draw(format, machine string) (string, error) {
	for _, m := range law.Machines() {
		if m.String() != machine {
			continue
		}
		switch format {
		case formatMermaid:
			return m.Mermaid(), nil
		case formatDOT:
			return m.DOT(), nil
		}
		return "", fmt.Errorf("unknown format %q: give %s or %s", format, formatMermaid, formatDOT)
	}
	return "", fmt.Errorf("unknown machine %q: give %s", machine, machineNames())
}

// machineNames lists the machines as a sentence does.
func machineNames() string {
	var names []string
	for _, m := range law.Machines() {
		names = append(names, m.String())
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
