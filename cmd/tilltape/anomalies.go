package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

func anomaliesCommand(t *terminal) *cobra.Command {
	var format *choice
	cmd := &cobra.Command{
		Use:   "anomalies SOURCE",
		Short: "List the contradictions that stand open, oldest first",
		Long: "Lists what APO has signed and what contradicts the record, until somebody closes\n" +
			"it. A row is since when it stands open, the order's id, the record's version, by\n" +
			"which it is closed, what is wrong, and the amount where there is one.\n\n" +
			"Ends with 7 where one stands open, so that a watch can ask.",
		Example: "  tilltape anomalies orders.tilltape\n" +
			"  tilltape anomalies orders.tilltape --time relative",
		Args: takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return asking(cmd, args[0], func(ctx context.Context, s *source) error {
				return anomalies(ctx, t, s, format.word)
			})
		},
	}
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL)
	return cmd
}

func anomalies(ctx context.Context, t *terminal, s *source, format string) error {
	r, err := t.reader(s)
	if err != nil {
		return err
	}
	list := t.rows(format)
	for o, err := range r.Anomalies(ctx) {
		if err != nil {
			return err
		}
		for _, a := range o.Anomalies {
			observed, err := observedIn(ctx, s, o.ID, a.Version)
			if err != nil {
				return err
			}
			if format == formatText {
				err = list.text(t.anomaly(&o, a, observed))
			} else {
				err = list.document(func(dst []byte) ([]byte, error) { return appendAnomaly(dst, o.ID, a, observed) })
			}
			if err != nil {
				return err
			}
		}
	}
	return ended(list)
}

// observedIn reads the record of an anomaly: the order itself keeps less of it.
func observedIn(ctx context.Context, s *source, id string, version uint64) (events.AnomalyObserved, error) {
	for r, err := range s.Read(ctx, events.OrderStream(id), version-1) {
		if err != nil {
			return events.AnomalyObserved{}, err
		}
		observed, _ := r.Event.(events.AnomalyObserved)
		return observed, nil
	}
	return events.AnomalyObserved{}, nil
}

func (t *terminal) anomaly(o *order.Order, a order.Anomaly, observed events.AnomalyObserved) string {
	text := fmt.Sprintf("%s  %s  record %d: %s%s", t.paint(dim, t.when(a.At)), plain(o.ID), a.Version,
		t.paint(red, a.Reason.String()), prefix(", ", amountWords(observed.Amount)))
	if observed.Detail != "" {
		text += "\n" + indented(plain(observed.Detail))
	}
	return text
}

// anomalyDocument is a contradiction that stands open.
type anomalyDocument struct {
	OrderID string         `json:"orderId"`
	Version string         `json:"version"`
	Reason  string         `json:"reason"`
	Since   string         `json:"since"`
	Fact    string         `json:"fact,omitempty"`
	Amount  *moneyDocument `json:"amount,omitempty"`
	Code    string         `json:"code,omitempty"`
	Detail  string         `json:"detail,omitempty"`
}

func appendAnomaly(dst []byte, id string, a order.Anomaly, observed events.AnomalyObserved) ([]byte, error) {
	doc := anomalyDocument{OrderID: id, Version: digits(a.Version), Reason: a.Reason.String(),
		Since: a.At.UTC().Format(rawStamp),
		Fact:  string(observed.Fact), Amount: moneyOf(observed.Amount), Code: observed.Code, Detail: observed.Detail}
	text, err := marshal(doc)
	return append(dst, text...), err
}
