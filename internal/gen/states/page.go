package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/tilltape/tilltape/internal/law"
)

const (
	statesName = "states.md"
	errorsName = "errors.md"
)

// The marks around the region of errors.md that is replaced.
const (
	reasonsBegin = "<!-- The table is written by go generate ./internal/law from internal/law/reasons.go. -->\n"
	reasonsEnd   = "<!-- End of the written table. -->\n"
)

//go:embed states.md.tmpl
var statesTemplate string

// statesPage renders docs/reference/states.md: prose from the template, everything else from package law.
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
		return nil, fmt.Errorf("%s has lost the mark that its table of reasons begins with; put this line back: %s",
			errorsName, reasonsBegin)
	}
	_, after, ok := bytes.Cut(rest, []byte(reasonsEnd))
	if !ok {
		return nil, fmt.Errorf("%s has lost the mark that its table of reasons ends with; put this line back: %s", errorsName,
			reasonsEnd)
	}
	reasons, err := table("reasons")
	if err != nil {
		return nil, err
	}
	return slices.Concat(before, []byte(reasonsBegin), []byte("\n"+reasons+"\n"), []byte(reasonsEnd), after), nil
}

func mermaid(machine string) (string, error) {
	for _, m := range law.Machines() {
		if m.String() == machine {
			return "```mermaid\n" + m.Mermaid() + "```\n", nil
		}
	}
	return "", fmt.Errorf("the law has no machine %q", machine)
}

func table(name string) (string, error) {
	for _, t := range law.Tables() {
		if t.Name == name {
			return t.Markdown(), nil
		}
	}
	return "", fmt.Errorf("the law has no table %q", name)
}

// moves lists what brings an order into the status, what takes it out, and which commands it takes, from the tables.
func moves(status string) (string, error) {
	at := slices.IndexFunc(law.Statuses(), func(s law.Status) bool { return s.String() == status })
	if at < 0 {
		return "", fmt.Errorf("the law has no status %q", status)
	}
	s := law.Statuses()[at]
	in, out, takes := arrivals(s), departures(s), commands(s)
	if len(in) == 0 {
		return "", errors.New("nothing leads to the status " + status)
	}
	return item("reached by "+listed(in)) + item("left by "+listed(out)) + item("takes "+listed(takes)), nil
}

// pageWidth is what a line of the page's prose has at the most, in characters.
const pageWidth = 120

// item is an entry of a list, broken where it is wider than the page.
func item(text string) string {
	var b strings.Builder
	line := "-"
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

// arrivals: create for the first status, and each fact that leads here, with the statuses it leads from.
func arrivals(to law.Status) []string {
	var out []string
	if to == law.Created {
		out = append(out, "the command "+law.VerbCreate.String())
	}
	for _, f := range law.Facts() {
		var from []string
		for _, s := range law.Statuses() {
			if c := law.StatusCell(f, s); s != to && c.To == to && moving(c) {
				from = append(from, s.String())
			}
		}
		if len(from) > 0 {
			out = append(out, fmt.Sprintf("*%s* (from %s)", f, strings.Join(from, ", ")))
		}
	}
	return out
}

func departures(from law.Status) []string {
	var out []string
	for _, f := range law.Facts() {
		if c := law.StatusCell(f, from); c.To != from && moving(c) {
			out = append(out, fmt.Sprintf("*%s* (to %s)", f, c.To))
		}
	}
	return out
}

func moving(c law.Cell) bool { return c.Effect == law.Applied || c.Effect == law.AppliedAnomaly }

func commands(in law.Status) []string {
	var out []string
	for _, v := range law.Verbs() {
		switch permit, _ := law.CommandPermit(v, in); permit {
		case law.Allowed:
			out = append(out, v.String())
		case law.Local:
			out = append(out, v.String()+" (done without APO)")
		case law.Already:
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
