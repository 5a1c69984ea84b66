package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
)

// The exit codes of diff are those of the tool of that name.
const (
	diffSame    = 0
	diffDiffers = 1
	diffTrouble = 2
)

// errDiffers: the two sides do not say the same. It is no failure, and only sets the exit code.
var errDiffers = errors.New("they differ")

func diffCommand(t *terminal) *cobra.Command {
	var from, to pointFlag
	var format *choice
	cmd := &cobra.Command{
		Use:   "diff SOURCE [SOURCE]",
		Short: "Tell what differs between two logs, or two times of one",
		Long: "Tells which orders differ, and in what: between two logs (or a log and a backup,\n" +
			"an export), or between two points of one log. --from is the point of the first\n" +
			"side and --to that of the second; each is a time or a position, and the end\n" +
			"where it is not given. A line with - is of an order that only the first side\n" +
			"has, one with + of an order that only the second has, and one with ~ of an order\n" +
			"that both have. Positions do not count, refused commands neither.",
		Example: "  tilltape diff yesterday.tilltape orders.tilltape\n" +
			"  tilltape diff orders.tilltape --from 2026-11-24\n" +
			"  tilltape diff orders.tilltape --from 30 --to 40 -o jsonl",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return takes("a source", "another one")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && from == to {
				return &usageError{err: errors.New("a log is compared with itself at the same point"),
					hint: "give --from, or another source"}
			}
			return diffError(diff(cmd, t, args, from.Point, to.Point, format.word))
		},
	}
	cmd.Flags().Var(&from, "from", "the point of the first side")
	cmd.Flags().Var(&to, "to", "the point of the second side")
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return exitsAs(cmd, map[int]string{diffSame: "same", diffDiffers: "differs", diffTrouble: "trouble",
		exitInterrupted: "interrupted"})
}

// diffError gives every failure of diff the one code that it has for trouble.
func diffError(err error) error {
	if err == nil || errors.Is(err, errDiffers) {
		return err
	}
	return &troubleError{err}
}

// troubleError is any failure of a command that has one code for all.
type troubleError struct{ err error }

func (e *troubleError) Error() string   { return e.err.Error() }
func (e *troubleError) Unwrap() []error { return []error{errTrouble, e.err} }

func diff(cmd *cobra.Command, t *terminal, args []string, from, to audit.Point, format string) error {
	return reading(cmd, args[0], func(ctx context.Context, first *source) error {
		before, beforeMeter := t.side(ctx, first, from)
		if len(args) == 1 {
			after, afterMeter := t.side(ctx, first, to)
			return differences(ctx, t, before, after, format, beforeMeter, afterMeter)
		}
		return reading(cmd, args[1], func(ctx context.Context, second *source) error {
			after, afterMeter := t.side(ctx, second, to)
			return differences(ctx, t, before, after, format, beforeMeter, afterMeter)
		})
	})
}

// side is a source at a point, and the meter of reading it.
func (t *terminal) side(ctx context.Context, s *source, at audit.Point) (audit.Side, *meter) {
	m := t.meterUpTo(ctx, s, at)
	return audit.Side{Log: s.Reader, At: at, Progress: m.at}, m
}

func differences(ctx context.Context, t *terminal, before, after audit.Side, format string, meters ...*meter) error {
	list := t.rows(format)
	read := func() { // both sides are, once there is anything to tell of them
		for _, m := range meters {
			m.end()
		}
	}
	defer read()
	for c, err := range audit.Diff(ctx, before, after) {
		read()
		if err != nil {
			return err
		}
		if format == formatText {
			err = list.text(t.change(&c))
		} else {
			err = list.document(func(dst []byte) ([]byte, error) { return appendChange(dst, &c) })
		}
		if err != nil {
			return err
		}
	}
	if err := list.end(); err != nil || list.n == 0 {
		return err
	}
	return quiet(errDiffers)
}

// change is an order that differs, in a line, and a line for each thing in which it does.
func (t *terminal) change(c *audit.Change) string {
	switch {
	case c.Before == nil:
		return t.paint(green, "+ "+plain(c.OrderID)+"  "+summary(c.After))
	case c.After == nil:
		return t.paint(red, "- "+plain(c.OrderID)+"  "+summary(c.Before))
	}
	text := t.paint(bold, "~ "+plain(c.OrderID))
	for _, f := range c.Fields {
		before, after := plain(f.Before), plain(f.After)
		if before == "" {
			before = "nothing"
		}
		if after == "" {
			after = "nothing"
		}
		text += fmt.Sprintf("\n    %s %s -> %s", padded(f.Name, 16), t.paint(red, before), t.paint(green, after))
	}
	return text
}

// summary is an order in a few words.
func summary(o *order.Order) string {
	return fmt.Sprintf("%s, %s, version %d", o.Words(), o.Amount, o.Version)
}

// changeDocument is an order that differs.
type changeDocument struct {
	OrderID string          `json:"orderId"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Fields  []string        `json:"fields,omitempty"`
}

func appendChange(dst []byte, c *audit.Change) ([]byte, error) {
	doc := changeDocument{OrderID: c.OrderID}
	for _, side := range []struct {
		o  *order.Order
		to *json.RawMessage
	}{{c.Before, &doc.Before}, {c.After, &doc.After}} {
		if side.o == nil {
			continue
		}
		text, err := jsonform.AppendOrder(nil, *side.o)
		if err != nil {
			return dst, err
		}
		*side.to = text
	}
	for _, f := range c.Fields {
		doc.Fields = append(doc.Fields, f.Name)
	}
	text, err := marshal(doc)
	return append(dst, text...), err
}
