package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// The words of --only.
const (
	onlyAll       = "all"
	onlyOpen      = "open"
	onlyDue       = "due"
	onlyParked    = "parked"
	onlyAnomalies = "anomalies"
	onlyDisputes  = "disputes"
)

// listFlags say which orders are listed.
type listFlags struct {
	only   *choice
	status string
	limit  int
	after  string
	format *choice
}

func listCommand(t *terminal) *cobra.Command {
	f := listFlags{only: newChoice(onlyAll, onlyOpen, onlyDue, onlyParked, onlyAnomalies, onlyDisputes)}
	cmd := &cobra.Command{
		Use:   "list SOURCE",
		Short: "List the orders of a log",
		Long: "Lists orders, the one that has waited longest first: by the time since when they\n" +
			"have their status, or since when they are what --only asks for. A row is that\n" +
			"time, the status, what stands open, and the order's id. The log's index is read,\n" +
			"so the first row comes at once, however long the log is; and of orders that are\n" +
			"captured or refunded the records, which tell whether all of it is.\n\n" +
			"--limit and --after read a long list in pages; what to go on with is told on\n" +
			"standard error where more is there.",
		Example: "  tilltape list orders.tilltape\n" +
			"  tilltape list orders.tilltape --only open\n" +
			"  tilltape list orders.tilltape --status captured -o jsonl | jq -r .stream.id",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.filter(t.now())
			if err != nil {
				return &usageError{err: err, hint: helpHint(cmd)}
			}
			return asking(cmd, args[0], func(ctx context.Context, s *source) error {
				return f.list(ctx, t, s, filter)
			})
		},
	}
	cmd.Flags().Var(f.only, "only", "which orders")
	cmd.Flags().StringVar(&f.status, "status", "", "only orders in this `status`")
	cmd.Flags().IntVar(&f.limit, "limit", 0, "at most so many (default: all)")
	cmd.Flags().StringVar(&f.after, "after", "", "go on after this `place` of the same list")
	f.format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

// filter is what is asked of the log's index.
func (f *listFlags) filter(now time.Time) (filter store.Filter, err error) {
	switch f.only.word {
	case onlyAll:
		filter = store.AllOrders()
	case onlyOpen:
		filter = store.Outstanding()
	case onlyDue:
		filter = store.DueBy(now)
	case onlyParked:
		filter = store.Attention(events.AttentionParked)
	case onlyAnomalies:
		filter = store.Attention(events.AttentionAnomaly)
	case onlyDisputes:
		filter = store.Attention(events.AttentionDispute)
	}
	if f.status != "" {
		var s order.Status
		if s.UnmarshalText([]byte(f.status)) != nil {
			var words []string
			for _, known := range order.Statuses() {
				words = append(words, known.String())
			}
			return filter, fmt.Errorf("there is no status %q: give %s", f.status, either(words))
		}
		if f.only.word != onlyAll {
			return filter, errors.New("--status and --only are two lists: give one of them")
		}
		filter = store.InStatus(f.status)
	}
	if f.limit < 0 {
		return filter, fmt.Errorf("--limit %d: give at least 1, or nothing for all", f.limit)
	}
	if f.after != "" {
		last, err := parsePlace(f.after)
		if err != nil {
			return filter, err
		}
		filter = filter.After(last)
	}
	if f.limit > 0 {
		filter = filter.Limit(f.limit + 1) // one more tells whether there is more
	}
	return filter, nil
}

// placeSeparator stands between a place's time and its order's id.
const placeSeparator = "/"

// placeOf is where in the list a head stands, as text.
func placeOf(filter store.Filter, h store.Head) string {
	return filter.Time(h).UTC().Format(rawStamp) + placeSeparator + h.Stream.ID
}

// parsePlace is a head that stands there, whatever the list is about.
func parsePlace(text string) (store.Head, error) {
	when, id, ok := strings.Cut(text, placeSeparator)
	at, err := time.Parse(rawStamp, when)
	if !ok || err != nil || events.CheckID("order id", id) != nil {
		return store.Head{}, fmt.Errorf("--after %q is no place of a list: give what was told on standard error", text)
	}
	return store.Head{Stream: events.OrderStream(id), Head: events.Head{StatusSince: at, OperationSince: at,
		ParkedSince: at, AnomalySince: at, DisputeBy: at, Due: at}}, nil
}

func (f *listFlags) list(ctx context.Context, t *terminal, s *source, filter store.Filter) error {
	r, err := t.reader(s)
	if err != nil {
		return err
	}
	list := t.rows(f.format.word).metered(t, "order")
	var last store.Head
	for h, err := range s.Heads(ctx, filter) {
		if err != nil {
			return err
		}
		if f.limit > 0 && list.n == f.limit {
			if err := list.end(); err != nil {
				return err
			}
			fmt.Fprintf(t.err, "more: add --after '%s'\n", plain(placeOf(filter, last)))
			return nil
		}
		last = h
		if f.format.word == formatText {
			var status string
			if status, err = statusWords(ctx, r, &h); err == nil {
				err = list.text(t.head(filter, h, status))
			}
		} else {
			err = list.document(func(dst []byte) ([]byte, error) { return jsonform.AppendHead(dst, h) })
		}
		if err != nil {
			return err
		}
	}
	return list.end()
}

// statusWords is the status, and whether it is of a part: "refunded" alone would say that all of the money went back.
func statusWords(ctx context.Context, r *tilltape.Reader, h *store.Head) (string, error) {
	if h.Status != order.Captured.String() && h.Status != order.Refunded.String() {
		return h.Status, nil
	}
	o, err := r.Get(ctx, h.Stream.ID)
	if err != nil {
		return "", err
	}
	return prefix(partWord(&o), o.Status.String()), nil
}

// partWord is "partly " before the status of an order of which only a part is captured or refunded.
func partWord(o *order.Order) string {
	if o.Status == order.Captured && o.PartiallyCaptured() || o.Status == order.Refunded && o.PartiallyRefunded() {
		return "partly "
	}
	return ""
}

// head is an order's row: the time the list is about, the status, what stands open, and the id.
func (t *terminal) head(filter store.Filter, h store.Head, status string) string {
	return fmt.Sprintf("%s  %s  %s  %s", t.paint(dim, t.when(filter.Time(h))), padded(status, 15),
		t.paint(yellow, padded(open(h.Head), 20)), plain(h.Stream.ID))
}

// open is what stands open of an order, in words.
func open(h events.Head) string {
	var words []string
	if h.Phase != order.Idle.String() {
		words = append(words, h.Phase)
	}
	for _, a := range events.Attentions() {
		if !h.Since(a).IsZero() && a.String() != h.Phase {
			words = append(words, a.String())
		}
	}
	return strings.Join(words, ", ")
}

// padded fills a text up with spaces.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}
