package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/tilltape/tilltape/order"
)

const (
	statesName = "states.md"
	errorsName = "errors.md"
)

// The marks around the region of errors.md that is replaced.
const (
	reasonsBegin = "<!-- The table is written by go generate ./order from order/reason.go. -->\n"
	reasonsEnd   = "<!-- End of the written table. -->\n"
)

//go:embed states.md.tmpl
var statesTemplate string

// statesPage renders docs/reference/states.md: prose from the template, everything else from package order.
func statesPage() ([]byte, error) {
	t, err := template.New(statesName).Funcs(template.FuncMap{
		"mermaid": mermaid, "table": table, "moves": moves,
	}).Parse(statesTemplate)
	if err != nil {
		return nil, fmt.Errorf("the template of %s: %w", statesName, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", statesName, err)
	}
	return b.Bytes(), nil
}

// errorsPage replaces the marked region of the page by the reasons a command is refused for.
func errorsPage(page []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(page, []byte(reasonsBegin))
	if !ok {
		return nil, fmt.Errorf("%s has lost the mark that its table of reasons begins with; put this line back: %s", errorsName, reasonsBegin)
	}
	_, after, ok := bytes.Cut(rest, []byte(reasonsEnd))
	if !ok {
		return nil, fmt.Errorf("%s has lost the mark that its table of reasons ends with; put this line back: %s", errorsName, reasonsEnd)
	}
	reasons, err := table("reasons")
	if err != nil {
		return nil, err
	}
	return slices.Concat(before, []byte(reasonsBegin), []byte("\n"+reasons+"\n"), []byte(reasonsEnd), after), nil
}

func mermaid(machine string) (string, error) {
	for _, m := range order.Machines() {
		if m.String() == machine {
			return "```mermaid\n" + m.Mermaid() + "```\n", nil
		}
	}
	return "", fmt.Errorf("package order has no machine %q", machine)
}

func table(name string) (string, error) {
	for _, t := range order.Tables() {
		if t.Name == name {
			return t.Markdown(), nil
		}
	}
	return "", fmt.Errorf("package order has no table %q", name)
}

// moves lists what brings an order into the status, what takes it out, and which commands it takes, from the tables.
func moves(status string) (string, error) {
	at := slices.IndexFunc(order.Statuses(), func(s order.Status) bool { return s.String() == status })
	if at < 0 {
		return "", fmt.Errorf("package order has no status %q", status)
	}
	s := order.Statuses()[at]
	in, out, takes := arrivals(s), departures(s), commands(s)
	if len(in) == 0 {
		return "", errors.New("nothing leads to the status " + status)
	}
	return "- reached by " + listed(in) + "\n- left by " + listed(out) + "\n- takes " + listed(takes) + "\n", nil
}

// arrivals: create for the first status, and each fact that leads here, with the statuses it leads from.
func arrivals(to order.Status) []string {
	var out []string
	if to == order.Created {
		out = append(out, "the command "+order.VerbCreate.String())
	}
	for _, f := range order.TableFacts() {
		var from []string
		for _, s := range order.Statuses() {
			if c := order.StatusCell(f, s); s != to && c.To == to && moving(c) {
				from = append(from, s.String())
			}
		}
		if len(from) > 0 {
			out = append(out, fmt.Sprintf("*%s* (from %s)", f, strings.Join(from, ", ")))
		}
	}
	return out
}

func departures(from order.Status) []string {
	var out []string
	for _, f := range order.TableFacts() {
		if c := order.StatusCell(f, from); c.To != from && moving(c) {
			out = append(out, fmt.Sprintf("*%s* (to %s)", f, c.To))
		}
	}
	return out
}

func moving(c order.Cell) bool { return c.Effect == order.Applied || c.Effect == order.AppliedAnomaly }

func commands(in order.Status) []string {
	var out []string
	for _, v := range order.Verbs() {
		switch permit, _ := order.CommandPermit(v, in); permit {
		case order.Allowed:
			out = append(out, v.String())
		case order.Local:
			out = append(out, v.String()+" (done without APO)")
		case order.Already:
			out = append(out, v.String()+" (in effect already)")
		}
	}
	return out
}

func listed(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
