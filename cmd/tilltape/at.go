package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
)

// parsePoint reads a point of a log's past: a position in digits, or a time.
func parsePoint(text string) (audit.Point, error) {
	if position, err := strconv.ParseUint(text, 10, 64); err == nil && position > 0 {
		return audit.Point{Position: position}, nil
	}
	at, err := parseMoment(text)
	if err != nil {
		return audit.Point{}, fmt.Errorf("%q is no point of a log: give a position such as 120, or a time such as "+
			"2026-11-23T09:30:00Z or 2026-11-23 (UTC)", text)
	}
	return audit.Point{Time: at}, nil
}

// pointFlag is a flag that takes a point.
type pointFlag struct{ audit.Point }

// String is the point; empty where none is given.
func (p *pointFlag) String() string {
	if p.Point == (audit.Point{}) {
		return ""
	}
	return p.Point.String()
}

// Set reads the point.
func (p *pointFlag) Set(text string) (err error) {
	p.Point, err = parsePoint(text)
	return err
}

// Type is what stands for the value in a help text.
func (p *pointFlag) Type() string { return "point" }

func atCommand(t *terminal) *cobra.Command {
	var format *choice
	cmd := &cobra.Command{
		Use:   "at SOURCE POINT [ORDER]",
		Short: "Show how orders stood at a time or position",
		Long: "Shows one order, or lists all, as the log had them at a point of its past: a\n" +
			"time (what was recorded by then), or a position (right after that record). An\n" +
			"order is shown as show does, with what could be done then. All orders take a\n" +
			"replay of the log up to the point, which judges it on the way.",
		Example: "  tilltape at orders.tilltape 2026-11-23T01:12:25Z o-06\n" +
			"  tilltape at orders.tilltape 30\n" +
			"  tilltape at orders.tilltape 2026-11-24 -o jsonl | jq .status",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return takes("a source", "a point of its past", "an order's id")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			point, err := parsePoint(args[1])
			if err != nil {
				return &usageError{err: err, hint: helpHint(cmd)}
			}
			if len(args) == 3 {
				return askingOf(cmd, ofPlaces, args[0], func(ctx context.Context, s *source) error {
					return orderAt(ctx, t, s, args[2], point, format.word)
				})
			}
			return reading(cmd, args[0], func(ctx context.Context, s *source) error {
				return allAt(ctx, t, s, point, format.word)
			})
		},
	}
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

func orderAt(ctx context.Context, t *terminal, s *source, id string, point audit.Point, format string) error {
	o, err := audit.OrderAt(ctx, s.Reader, id, point)
	if errors.Is(err, order.ErrUnknownOrder) {
		return withHint(fmt.Errorf("order %q is %w in %s at %s", id, errNotFound, s.name, point),
			"look at a later point; when it came is told by: tilltape history "+s.name+" "+id)
	}
	if err != nil {
		return ofOrder(s, id, err)
	}
	r, err := t.reader(s)
	if err != nil {
		return err
	}
	env := order.Env{Now: point.Time, NewID: r.Config().NewID, Policy: r.Config().Policy}
	if env.Now.IsZero() { // of a position: when its order was last heard of
		env.Now = o.StatusSince
		for e, err := range audit.History(ctx, s.Reader, id) {
			if err != nil || e.Record.Position > point.Position {
				break
			}
			env.Now = e.Record.Recorded
		}
	}
	actions := o.Actions(env)
	if format != formatText {
		doc, err := shownDocument(o, actions)
		if err != nil {
			return err
		}
		return t.one(format, doc)
	}
	_, err = io.WriteString(t.out, t.shown(&o, actions))
	return printError(err)
}

func allAt(ctx context.Context, t *terminal, s *source, point audit.Point, format string) error {
	m := t.meterUpTo(ctx, s, point)
	all, err := audit.At(ctx, s.Reader, point, &audit.Config{Progress: m.at})
	m.end()
	if err != nil {
		return err
	}
	list := t.rows(format)
	for o := range all.Orders() {
		if format == formatText {
			err = list.text(t.orderRow(&o))
		} else {
			err = list.document(func(dst []byte) ([]byte, error) { return jsonform.AppendOrder(dst, o) })
		}
		if err != nil {
			return err
		}
	}
	return list.end()
}

// orderRow is an order in a line: since when, its words, its amount, and its id.
func (t *terminal) orderRow(o *order.Order) string {
	return fmt.Sprintf("%s  %s  %s  %s", t.paint(dim, t.when(o.StatusSince)), padded(o.Words(), 17),
		padded(o.Amount.String(), 14), plain(o.ID))
}
