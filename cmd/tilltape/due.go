package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

func dueCommand(t *terminal) *cobra.Command {
	var by moment
	var format *choice
	cmd := &cobra.Command{
		Use:   "due SOURCE",
		Short: "List what APO is owed, oldest first",
		Long: "Lists the orders for which something is due: a call to APO that is to be made,\n" +
			"again or for the first time, or an inquiry. A row is since when it is due, what\n" +
			"is to be sent or asked, how far the operation is, and the order's id. Where a\n" +
			"process has claimed a call, it is due again once the claim ends without an end\n" +
			"on record. A service that runs works all of this off by itself: what is due for\n" +
			"long shows that nobody runs, or that APO does not answer.\n\n" +
			"Ends with 7 where something is due, so that a watch can ask.",
		Example: "  tilltape due orders.tilltape\n" +
			"  tilltape due orders.tilltape --by 2026-12-01",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at := by.Time
			if at.IsZero() {
				at = t.now()
			}
			return asking(cmd, args[0], func(ctx context.Context, s *source) error {
				return due(ctx, t, s, at, format.word)
			})
		},
	}
	cmd.Flags().Var(&by, "by", "what is due by then (default: now)")
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

func due(ctx context.Context, t *terminal, s *source, by time.Time, format string) error {
	r, err := t.reader(s)
	if err != nil {
		return err
	}
	list := t.rows(format).metered(t, "order")
	for h, err := range s.Heads(ctx, store.DueBy(by)) {
		if err != nil {
			return err
		}
		o, err := r.Get(ctx, h.Stream.ID)
		if err != nil {
			return err
		}
		if format == formatText {
			err = list.text(t.owed(h, &o, by))
		} else {
			err = list.document(func(dst []byte) ([]byte, error) { return appendOwed(dst, h, &o, by) })
		}
		if err != nil {
			return err
		}
	}
	return ended(list)
}

// ended ends a list of what stands open, which is its exit code where there is any.
func ended(list *rows) error {
	if err := list.end(); err != nil || list.n == 0 {
		return err
	}
	return quiet(errOpen)
}

// owed is a row of what is due.
func (t *terminal) owed(h store.Head, o *order.Order, by time.Time) string {
	what := "a call's claim ends"
	if c, ok := o.Due(by); ok {
		what = "send " + callWords(c)
		if c.IsInquiry() {
			what = "ask by " + callWords(c)
		}
	}
	phase := h.Phase
	if phase == order.Idle.String() {
		phase = ""
	}
	return fmt.Sprintf("%s  %s  %s  %s", t.paint(dim, t.when(h.Due)), padded(what, 27),
		t.paint(yellow, padded(phase, 10)), plain(h.Stream.ID))
}

// owedDocument is what is due for an order; without a call a claim ends then.
type owedDocument struct {
	Due  string          `json:"due"`
	Call *callDocument   `json:"call,omitempty"`
	Head json.RawMessage `json:"head"`
}

func appendOwed(dst []byte, h store.Head, o *order.Order, by time.Time) ([]byte, error) {
	head, err := jsonform.AppendHead(nil, h)
	if err != nil {
		return dst, err
	}
	doc := owedDocument{Due: h.Due.UTC().Format(rawStamp), Head: head}
	if c, ok := o.Due(by); ok {
		doc.Call = callOf(c)
	}
	text, err := marshal(doc)
	return append(dst, text...), err
}
