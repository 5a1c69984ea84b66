package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

func refusalsCommand(t *terminal) *cobra.Command {
	var format *choice
	cmd := &cobra.Command{
		Use:   "refusals SOURCE [ORDER]",
		Short: "List the commands that were refused, oldest first",
		Long: "Lists the commands that were refused before APO was asked: when, the order's id,\n" +
			"who wanted what, why it was not done, and what to do instead. With an order's id\n" +
			"it reads that order's; without, it reads the whole log.",
		Example: "  tilltape refusals orders.tilltape o-06\n" +
			"  tilltape refusals orders.tilltape",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return takes("a source", "an order's id")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return opened(cmd, args[0], func(ctx context.Context, s *source) error {
				if s.proof != nil {
					return &usageError{err: fmt.Errorf("%s is the proof of an order, which has no refused commands", s.name),
						hint: "name the log that it is of"}
				}
				if len(args) > 1 && s.torn != nil {
					return s.torn
				}
				s.tellNote(cmd)
				if len(args) == 1 {
					return refusals(t, everyRefusal(ctx, t, s), format.word)
				}
				r, err := t.reader(s)
				if err != nil {
					return err
				}
				if _, err := r.Get(ctx, args[1]); err != nil {
					return ofOrder(s, args[1], err)
				}
				return refusals(t, r.Refusals(ctx, args[1]), format.word)
			})
		},
	}
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

// everyRefusal reads a whole log for them: no index has them.
func everyRefusal(ctx context.Context, t *terminal, s *source) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		m := t.meterOf(ctx, s)
		defer m.end()
		for r, err := range s.All(ctx, store.Start()) {
			m.at(r.Position)
			if err == nil && r.Stream.Category != events.CategoryRefusal {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func refusals(t *terminal, records iter.Seq2[events.Record, error], format string) error {
	list := t.rows(format)
	for r, err := range records {
		if err != nil {
			return err
		}
		if format == formatText {
			err = list.text(t.refusal(&r))
		} else {
			err = list.document(func(dst []byte) ([]byte, error) { return jsonform.AppendRecord(dst, r) })
		}
		if err != nil {
			return err
		}
	}
	return list.end()
}

func (t *terminal) refusal(r *events.Record) string {
	e, _ := r.Event.(events.CommandRefused)
	what := e.Command + prefix(" ", amountWords(e.Amount))
	if e.Count > 1 {
		what += ", " + counted(e.Count, "time")
	}
	return fmt.Sprintf("%s  %s  %s by %s\n%s", t.paint(dim, t.when(r.Recorded)), plain(r.Stream.ID),
		t.paint(yellow, what), plain(r.Actor), indented(plain(refusedFor(&e))+"; "+plain(e.Remedy)))
}

// refusedFor is the reason in words; the word itself where a newer version wrote it.
func refusedFor(e *events.CommandRefused) string {
	var r order.Reason
	if r.UnmarshalText([]byte(e.Reason)) != nil {
		return e.Reason
	}
	return law.Reason(r).Says("")
}
