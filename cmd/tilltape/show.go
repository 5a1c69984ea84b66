package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/order"
)

func showCommand(t *terminal) *cobra.Command {
	var format *choice
	cmd := &cobra.Command{
		Use:   "show SOURCE ORDER",
		Short: "Show how an order stands, and what may be done now",
		Long: "Shows how an order stands: its status and amounts, what APO has been asked and\n" +
			"has not decided, what stands open, and which commands it would take now. Of the\n" +
			"others it says why not, because of which record, and what to do instead.\n\n" +
			"Judged by the library's defaults and the cancel windows that Antom documents; a\n" +
			"service may have set others. --now judges as of another moment.",
		Example: "  tilltape show orders.tilltape o-06\n" +
			"  tilltape show orders.tilltape o-06 --now 2026-11-23T02:00:00Z\n" +
			"  tilltape show orders.tilltape o-12 -o json | jq .order.operations",
		Args: takes("a source", "an order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return asking(cmd, args[0], func(ctx context.Context, s *source) error {
				return show(ctx, t, s, args[1], format.word)
			})
		},
	}
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

func show(ctx context.Context, t *terminal, s *source, id, format string) error {
	r, err := t.reader(s)
	if err != nil {
		return err
	}
	o, err := r.Get(ctx, id)
	if err != nil {
		return ofOrder(s, id, err)
	}
	cfg := r.Config()
	actions := o.Actions(order.Env{Now: t.now(), NewID: cfg.NewID, Policy: cfg.Policy})
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

// What docs/reference/json.md tells of an order and its commands.
type (
	actionDocument = documents.Action
	orderDocument  = documents.Order
)

func shownDocument(o order.Order, actions []order.Action) ([]byte, error) {
	doc, err := documents.OrderOf(o, actions)
	if err != nil {
		return nil, err
	}
	return marshal(doc)
}

// sheet is lines of a label and what stands beside it.
type sheet struct {
	t *terminal
	b strings.Builder
}

// labelWidth is how wide the labels of a sheet are.
const labelWidth = 13

func (s *sheet) line(label, format string, args ...any) {
	text := strings.ReplaceAll(wrap(fmt.Sprintf(format, args...), textWidth-labelWidth-3), "\n",
		"\n"+strings.Repeat(" ", labelWidth+3))
	fmt.Fprintf(&s.b, "  %s %s\n", s.t.paint(dim, padded(label, labelWidth)), text)
}

// shown is the whole page of an order.
func (t *terminal) shown(o *order.Order, actions []order.Action) string {
	s := &sheet{t: t}
	fmt.Fprintf(&s.b, "%s %s\n", t.paint(bold, "order "+plain(o.ID)), o.Words())
	s.line("status", "%s since %s, version %d", o.Status, t.when(o.StatusSince), o.Version)
	how := map[events.CaptureMode]string{order.CaptureNone: "paid in one step", order.CaptureAutomatic: "captured by APO",
		order.CaptureManual: "captured by us"}
	s.line("ordered", "%s by %s, %s, at %s", o.Amount, plain(o.Method), how[o.CaptureMode], t.when(o.CreatedAt))
	s.line("payment", "%s", plain(strings.TrimPrefix(prefix(", paymentId ", o.PaymentID)+
		prefix(", paymentRequestId ", o.PaymentRequestID), ", ")))
	s.amounts(o)
	s.standsOpen(o)
	s.actions(o, actions)
	return s.b.String()
}

func (s *sheet) amounts(o *order.Order) {
	for _, a := range []struct {
		label string
		minor int64
		zero  bool // shown although there is none
	}{{"authorized", o.Authorized, true}, {"captured", o.Captured, true}, {"refunded", o.Refunded, true},
		{"disputed", o.Disputed, false}, {"late", o.Late.Authorized, false}, {"late capt.", o.Late.Captured, false},
		{"late refund", o.Late.Refunded, false}, {"late disp.", o.Late.Disputed, false}} {
		if a.zero || a.minor != 0 {
			s.line(a.label, "%s", decimals(a.minor, o.Amount.Currency))
		}
	}
}

// standsOpen tells what nobody has decided yet.
func (s *sheet) standsOpen(o *order.Order) {
	for _, p := range o.Operations() {
		asked := fmt.Sprintf("asked %s", counted(p.Attempt, "time"))
		if p.Code != "" {
			asked += ", newest code " + plain(p.Code)
		}
		if !p.Due.IsZero() {
			asked += ", due " + s.t.when(p.Due)
		}
		amount := prefix(" ", amountWords(p.Amount))
		s.line("open", "%s%s %s since %s: %s (record %d)", p.Verb(), amount, p.Phase, s.t.when(p.Since), asked, p.Intent)
	}
	if o.Gateway == order.GatewayOutstanding {
		s.line("open", "APO captures by itself, and has not told the end of it")
	}
	for _, a := range o.Anomalies {
		s.line("anomaly", "%s since %s (record %d)", a.Reason, s.t.when(a.At), a.Version)
	}
	for _, record := range o.Doubts() {
		s.line("in doubt", "what record %d tells", record)
	}
	for _, h := range o.Held {
		s.line("held", "refund of %s, whose capture is not known (record %d)", decimals(h.Minor, o.Amount.Currency),
			h.Version)
	}
	for _, d := range o.Disputes() {
		if d.Closed {
			continue
		}
		s.line("dispute", "%s, to be defended by %s (record %d)%s", amountWords(d.Amount), s.t.when(d.DefendBy), d.Version,
			defended(d))
	}
	if next := o.NextDue(); !next.IsZero() {
		s.line("next", "APO is asked at %s", s.t.when(next))
	}
}

func defended(d order.Dispute) string {
	switch {
	case d.Defended:
		return ", defended"
	case d.Undefendable:
		return ", which APO does not take"
	}
	return ""
}

// amountWords is an amount; empty where there is none.
func amountWords(m order.Money) string {
	if m.Currency == "" {
		return ""
	}
	return m.String()
}

// isDone tells a command that is legal because it is done already, and given again does nothing.
func isDone(o *order.Order, a *order.Action) bool { return documents.Done(o, a) }

// actions tells what may be done now, and why the rest may not.
func (s *sheet) actions(o *order.Order, actions []order.Action) {
	fmt.Fprintf(&s.b, "%s\n", s.t.paint(bold, "may be done now"))
	legal := 0
	for _, a := range actions {
		if !a.Legal || isDone(o, &a) {
			continue
		}
		legal++
		what := "yes"
		if a.Max.Currency != "" {
			what = "up to " + a.Max.String()
		}
		s.line(a.Verb.String(), "%s", what)
	}
	switch {
	case legal > 0:
	case o.Status == order.Cancelled || o.Status == order.Failed:
		s.line("nothing", "it has ended")
	default:
		s.line("nothing", "APO's word or a person's comes first")
	}
	fmt.Fprintf(&s.b, "%s\n", s.t.paint(bold, "not now"))
	for _, a := range actions {
		if isDone(o, &a) {
			s.line(a.Verb.String(), "already cancelled; given again it does nothing, and is no error")
		}
		if e := a.Rejected; e != nil && a.Verb != order.VerbCreate { // it is placed, as everybody sees
			text := plain(e.Why()) + "; " + e.Remedy
			if !e.LegalAt.IsZero() {
				text += "; from " + s.t.when(e.LegalAt)
			}
			if e.Cause.Version != 0 {
				text += fmt.Sprintf(" (record %d)", e.Cause.Version)
			}
			s.line(a.Verb.String(), "%s", text)
		}
	}
}
