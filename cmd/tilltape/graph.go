package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/internal/law"
)

// The formats that a machine can be drawn in.
const (
	formatMermaid = "mermaid"
	formatDOT     = "dot"
)

func graphCommand(t *terminal) *cobra.Command {
	var format, machine string
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Draw the machines that an order is made of",
		Long: "Draws one of the three machines, from the tables that decide: the status (what\n" +
			"is proven about the money), the operation (how far a command is at APO) or the\n" +
			"gateway capture (what APO captures by itself). Mermaid shows on pages of GitHub\n" +
			"and GitLab; DOT is for Graphviz.",
		Example: "  tilltape graph --format dot | dot -Tsvg -o status.svg\n" +
			"  tilltape graph --machine operation",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
	cmd.Flags().StringVar(&format, "format", formatMermaid, "the drawing's language: "+formatMermaid+" or "+formatDOT)
	cmd.Flags().StringVar(&machine, "machine", law.MachineStatus.String(), "what is drawn: "+machineNames())
	return cmd
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
