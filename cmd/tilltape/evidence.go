package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/store"
)

func evidenceCommand(t *terminal) *cobra.Command {
	var keys []string
	var format *choice
	cmd := &cobra.Command{
		Use:   "evidence SOURCE ORDER",
		Short: "Gather what APO was told and has signed about an order",
		Long: "Gathers all that is on record of an order's dealings with APO: each call that\n" +
			"was perhaps made and what came of it, and each message that APO signed. With\n" +
			"APO's public key it says of each whether the signature holds; one that does not\n" +
			"ends the command with code 10.\n\n" +
			apoKeyForm + "\n\n" +
			"With -o json it is the support case that package evidence makes, every message\n" +
			"whole, so that whoever gets it can check the signatures again. Messages can hold\n" +
			"personal data; SECURITY.md says which.",
		Example: "  tilltape evidence orders.tilltape o-06\n" +
			"  tilltape evidence orders.tilltape o-06 --apo-key apo.pub\n" +
			"  tilltape evidence orders.tilltape o-06 -o json > o-06.json",
		Args: takes("a source", "the order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			known, err := readAPOKeys(keys)
			if err != nil {
				return err
			}
			return asking(cmd, args[0], func(ctx context.Context, s *source) error {
				reader, err := tilltape.NewReader(s.Reader, &tilltape.Config{Now: t.now})
				if err != nil {
					return err
				}
				bundle, err := evidence.Of(ctx, reader, args[1])
				if err != nil {
					return ofOrder(s, args[1], err)
				}
				show := evidencePrinter{t: t, bundle: &bundle, keys: known}
				if err := show.check(); err != nil {
					return err
				}
				if format.word == formatJSON {
					_, err = bundle.WriteTo(t.out)
				} else {
					_, err = io.WriteString(t.out, show.text())
				}
				if show.bad > 0 {
					err = errors.Join(err, quiet(store.ErrDamaged))
				}
				return err
			})
		},
	}
	cmd.Flags().StringArrayVar(&keys, "apo-key", nil, apoKeyUsage)
	format = outputFlag(cmd, formatText, formatJSON)
	return cmd
}

// evidencePrinter writes a support case for people.
type evidencePrinter struct {
	t      *terminal
	bundle *evidence.Bundle
	keys   []audit.Key
	words  []string // of each message, on its signature
	bad    int
	b      strings.Builder
}

// check holds each message against APO's keys.
func (p *evidencePrinter) check() error {
	for _, m := range p.bundle.Messages {
		word := p.t.paint(yellow, "not checked")
		if len(p.keys) > 0 {
			problem, err := audit.CheckSignature(m.Evidence(), p.keys)
			if err != nil {
				return err
			}
			if word = p.t.paint(green, "signature holds"); problem != 0 {
				word = p.t.paint(red, problem.String())
				p.bad++
			}
		}
		p.words = append(p.words, word)
	}
	return nil
}

func (p *evidencePrinter) text() string {
	o := &p.bundle.Order
	fmt.Fprintf(&p.b, "order %s, %s since %s, version %d\n", plain(o.ID), p.t.paint(bold, o.Status),
		p.t.when(o.Since.Time), o.Version)
	fmt.Fprintf(&p.b, "payment %s, request %s\n", plain(orNone(o.PaymentID)), plain(orNone(o.PaymentRequestID)))
	fmt.Fprintf(&p.b, "\n%s\n", p.t.paint(bold, "calls"))
	if len(p.bundle.Calls) == 0 {
		p.b.WriteString("  none\n")
	}
	for _, c := range p.bundle.Calls {
		came := "no answer on record"
		if c.Answer != nil {
			came = strings.TrimSpace(c.Answer.Fact + " " + c.Answer.Code)
			if c.Answer.Problem != "" {
				came += ": " + c.Answer.Problem
			}
		}
		fmt.Fprintf(&p.b, "  %s  %3d  %-16s %s\n", p.t.when(c.Claimed.Time), c.Version, c.Call, plain(came))
	}
	fmt.Fprintf(&p.b, "\n%s", p.t.paint(bold, "messages that APO signed"))
	if len(p.keys) == 0 && len(p.bundle.Messages) > 0 {
		p.b.WriteString(" (their signatures are checked with --apo-key)")
	}
	p.b.WriteByte('\n')
	if len(p.bundle.Messages) == 0 {
		p.b.WriteString("  none\n")
	}
	recorded := map[uint64]time.Time{}
	for _, f := range p.bundle.Facts {
		recorded[f.Version] = f.Recorded.Time
	}
	for i, m := range p.bundle.Messages {
		fmt.Fprintf(&p.b, "  %s  %3d  %-16s %s, %s\n", p.t.when(recorded[m.Version]), m.Version, m.Via,
			counted(uint64(len(m.Evidence().Body)), "byte"), p.words[i])
	}
	return p.b.String()
}

func orNone(text string) string {
	if text == "" {
		return "not known"
	}
	return text
}
