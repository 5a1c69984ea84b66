package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
)

func historyCommand(t *terminal) *cobra.Command {
	var format *choice
	cmd := &cobra.Command{
		Use:   "history SOURCE ORDER",
		Short: "Tell what happened to an order",
		Long: "Tells what happened to an order, oldest first: when, what, who, why, which call\n" +
			"was made, APO's code, and for how long nobody knew what had come of it. Commands\n" +
			"that were refused stand among it. A number is a record's version, which other\n" +
			"commands and messages name it by; a refusal has none.\n\n" +
			"Reads the order's own records alone, and trusts them: replay judges them.",
		Example: "  tilltape history orders.tilltape o-06\n" +
			"  tilltape history orders.tilltape o-06 --time relative\n" +
			"  tilltape history orders.tilltape o-06 -o jsonl | jq .what",
		Args: takes("a source", "an order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return asking(cmd, args[0], func(ctx context.Context, s *source) error {
				return history(ctx, t, s, args[1], format.word)
			})
		},
	}
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

func history(ctx context.Context, t *terminal, s *source, id, format string) error {
	list := t.rows(format)
	for e, err := range audit.History(ctx, s.Reader, id) {
		if err != nil {
			return ofOrder(s, id, err)
		}
		if format == formatText {
			err = list.text(t.entry(&e))
		} else {
			err = list.document(func(dst []byte) ([]byte, error) { return appendEntry(dst, &e) })
		}
		if err != nil {
			return err
		}
	}
	return list.end()
}

// entryIndent is where the details of an entry begin.
const entryIndent = "       "

// entry is one thing that happened, in a line and, below it, what is known beside it.
func (t *terminal) entry(e *audit.Entry) string {
	number := fmt.Sprintf("%5d", e.Record.Version)
	what := t.paint(bold, plain(e.What))
	if e.Refused {
		number, what = "    -", t.paint(yellow, plain(e.What))
	}
	if _, is := e.Record.Event.(events.AnomalyObserved); is {
		what = t.paint(red, plain(e.What))
	}
	text := fmt.Sprintf("%s  %s  %s", number, t.paint(dim, t.when(e.Record.Recorded)), what)
	var details []string
	add := func(detail string) {
		if detail != "" {
			details = append(details, detail)
		}
	}
	add(prefix("by ", plain(e.Record.Actor)))
	add(viaWords(e.Via))
	if e.Call.Kind != 0 {
		add("call " + callWords(e.Call))
	}
	add(prefix("code ", plain(e.Code)))
	add(prefix("command ", plain(e.Record.CommandID)))
	if !e.Refused {
		add("then " + e.Order.Words())
	}
	text += "\n" + indented(strings.Join(details, "; "))
	if e.Why != "" {
		text += "\n" + indented(plain(e.Why))
	}
	if e.Unknown > 0 {
		text += "\n" + t.paint(yellow, indented("nobody knew what had come of it for "+span(e.Unknown)))
	}
	return text
}

func indented(text string) string {
	wrapped := wrap(text, textWidth-len(entryIndent))
	return entryIndent + strings.ReplaceAll(wrapped, "\n", "\n"+entryIndent)
}

func prefix(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// entryDocument is an entry for programs; docs/reference/json.md tells it.
type entryDocument = documents.Entry

func appendEntry(dst []byte, e *audit.Entry) ([]byte, error) {
	doc, err := documents.EntryOf(e)
	if err != nil {
		return dst, err
	}
	text, err := marshal(doc)
	return append(dst, text...), err
}
