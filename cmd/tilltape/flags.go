package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tilltape/tilltape/internal/words"
)

// environment begins the name of the variable that stands for a flag: TILLTAPE_OUTPUT for --output.
const environment = "TILLTAPE_"

// The formats of -o. Each command says which of them it has.
const (
	formatText  = "text"
	formatJSON  = "json"
	formatJSONL = "jsonl"
	formatCSV   = "csv"
	formatXLSX  = "xlsx"
)

// choice is a flag that takes one of some words, the first where it is not given.
type choice struct {
	words []string
	word  string
}

func newChoice(words ...string) *choice { return &choice{words: words, word: words[0]} }

// String is the word.
func (c *choice) String() string { return c.word }

// Set takes one of the words.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("give %s", either(c.words))
	}
	c.word = word
	return nil
}

// Type is what stands for the value in a help text.
func (c *choice) Type() string { return strings.Join(c.words, "|") }

// either is "a, b or c".
func either(these []string) string { return words.List(these, "or") }

// moment is a flag that takes a time.
type moment struct{ time.Time }

// String is the time; empty where there is none.
func (m *moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339Nano)
}

// momentForms are how a time can be given, beside [time.RFC3339Nano]; without a zone it is in UTC.
var momentForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04", time.DateOnly}

// Set reads the time.
func (m *moment) Set(text string) error {
	at, err := parseMoment(text)
	m.Time = at
	return err
}

// Type is what stands for the value in a help text.
func (m *moment) Type() string { return "time" }

func parseMoment(text string) (time.Time, error) {
	for _, form := range momentForms {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("give a time such as 2026-11-23T09:30:00Z, 2026-11-23 09:30 or 2026-11-23 (UTC)")
}

// outputFlag gives a command -o; the first of the formats is what it prints unasked.
func outputFlag(cmd *cobra.Command, formats ...string) *choice {
	format := newChoice(formats...)
	cmd.Flags().VarP(format, "output", "o", "what is printed")
	return format
}

// settings are the flags that every command has.
type settings struct {
	colour, times *choice
	now           moment
}

func settingsOf(root *cobra.Command) *settings {
	s := &settings{colour: newChoice(colourAuto, colourAlways, colourNever),
		times: newChoice(timeISO, timeRelative, timeRaw)}
	flags := root.PersistentFlags()
	flags.Var(s.colour, "color", "whether to use colour")
	flags.Var(s.times, "time", "how text shows times")
	flags.Var(&s.now, "now", "the moment to judge and tell ages by (default: now)")
	return s
}

// settle has the flags of a command line, and for those not given the environment, decide how a command runs.
func (s *settings) settle(t *terminal) {
	t.setColour(s.colour.word)
	t.times, t.at = s.times.word, s.now.Time
}

// byVariable marks a flag whose value comes from the environment.
const byVariable = "by a variable"

// given tells whether a flag stands in the command line. A variable that a command has no use for is left alone, since
// it may be meant for another one; a flag is refused then.
func given(cmd *cobra.Command, flag string) bool {
	f := cmd.Flags().Lookup(flag)
	return f.Changed && f.Annotations[byVariable] == nil
}

// fromEnvironment sets each flag that was not given and has a variable.
func fromEnvironment(t *terminal, cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := variable(f.Name)
		value := t.getenv(name)
		if err != nil || f.Changed || value == "" || f.Name == "help" {
			return
		}
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[byVariable] = []string{name}
		if bad := cmd.Flags().Set(f.Name, value); bad != nil {
			err = &usageError{err: fmt.Errorf("%s=%q: %w", name, value, innermost(bad)), hint: "change it, or give --" + f.Name}
		}
	})
	return err
}

// variable is the name of what stands for a flag in the environment.
func variable(flag string) string {
	return environment + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// innermost is a flag's own word on what was wrong, without what pflag says of the command line: nobody gave it there.
func innermost(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	switch bad.GetFlag().Value.Type() { // of these pflag has the words of package strconv
	case "int":
		return errors.New("give a whole number")
	case "bool":
		return errors.New("give true or false")
	}
	return bad.Unwrap()
}

// flagError is what was wrong with the flags of a command line.
func flagError(cmd *cobra.Command, err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		err = fmt.Errorf("--%s %q: %w", bad.GetFlag().Name, bad.GetValue(), innermost(err))
	}
	return &usageError{err: err, hint: helpHint(cmd)}
}
