package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
)

// Exit codes; `tilltape help exit-codes` promises them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 6
	exitOpen        = 7
	exitAltered     = 10
	exitCut         = 11
	exitUnreadable  = 12
	exitInterrupted = 130 // what a shell reports for a program that SIGINT ended
)

// exitMeaning is what a code says: in a word or two for a command's own help, and as a sentence.
type exitMeaning struct {
	code           int
	short, meaning string
}

// exitMeanings are all codes there are.
var exitMeanings = []exitMeaning{
	{exitOK, "done", "done"},
	{exitFailure, "failed", "the command ran and failed, in none of the ways below"},
	{exitUsage, "not understood", "the command line was not understood (an unknown command or flag, a missing argument, " +
		"a flag that asks for what cannot be); nothing was done"},
	{exitNotFound, "not found", "what was asked for is not there: a file, an order, a log in a database"},
	{exitOpen, "open", "it was done, and something stands open that needs somebody"},
	{exitAltered, "altered", "the log is not what was written: its seal or the rules disprove a record, or it is damaged"},
	{exitCut, "cut off", "what is there is good, and it ends before it should"},
	{exitUnreadable, "unreadable", "it is no log, or one that only a newer version or another user can read"},
	{exitInterrupted, "interrupted", "it was interrupted, and nothing half done is left"},
}

// exitCodes tells which kind of failure has which code. The first row that fits counts; what fits none is exitFailure.
var exitCodes = []struct {
	kind error
	code int
}{
	{errTrouble, diffTrouble},
	{errDiffers, diffDiffers},
	{errUsage, exitUsage},
	{errNotFound, exitNotFound},
	{order.ErrUnknownOrder, exitNotFound},
	{postgres.ErrNoLog, exitNotFound},
	{errOpen, exitOpen},
	{errCut, exitCut},
	{export.ErrCutOff, exitCut},
	{export.ErrFiltered, exitUsage}, // a part of a log was asked what only the whole can answer
	{store.ErrNotFound, exitNotFound},
	{audit.ErrIllegal, exitAltered},
	{seal.ErrProof, exitAltered},
	{seal.ErrSignature, exitAltered},
	{seal.ErrMalformed, exitUnreadable},
	{events.ErrDamaged, exitAltered}, // a record in a proof
	{events.ErrUpgrade, exitUnreadable},
	{store.ErrDamaged, exitAltered},
	{bolt.ErrNotALog, exitUnreadable},
	{store.ErrNewerFormat, exitUnreadable},
	{errUnreadable, exitUnreadable},
	{errInterrupted, exitInterrupted},
}

var (
	errUsage    = errors.New("not understood")
	errNotFound = errors.New("not found")
	// errOpen ends a command that has done its work and told of what needs somebody: it is no failure, and is not told
	// as one. quiet makes an error of that kind.
	errOpen = errors.New("something stands open")
	// errCut: what is there is good, and ends before it should.
	errCut = errors.New("cut off")
	// errInterrupted: another process was interrupted with this one, and has said so.
	errInterrupted = errors.New("interrupted")
	// errTrouble is any failure of a command whose codes are those of the tool of the same name elsewhere.
	errTrouble = errors.New("trouble")
)

// quietError ends a command with its kind's exit code, and is told nobody: the command's output says it all.
type quietError struct{ kind error }

func (e quietError) Error() string { return e.kind.Error() }
func (e quietError) Unwrap() error { return e.kind }

// quiet is an error that only sets the exit code.
func quiet(kind error) error { return quietError{kind} }

func exitCode(err error) int {
	for _, row := range exitCodes {
		if errors.Is(err, row.kind) {
			return row.code
		}
	}
	return exitFailure
}

// exitsKey is where a command keeps its codes, for its help and for docs/reference/cli.md.
const exitsKey = "exit codes"

// exits says which exit codes a command has beside those of every command: done, failed, not understood, interrupted.
func exits(cmd *cobra.Command, codes ...int) *cobra.Command {
	own := map[int]string{}
	for _, m := range exitMeanings {
		if slices.Contains(codes, m.code) || slices.Contains([]int{exitOK, exitFailure, exitUsage, exitInterrupted}, m.code) {
			own[m.code] = m.short
		}
	}
	return exitsAs(cmd, own)
}

// exitsAs says what exit codes a command has whose codes mean something of their own.
func exitsAs(cmd *cobra.Command, meanings map[int]string) *cobra.Command {
	var all []string
	for code := range 256 {
		if short, has := meanings[code]; has {
			all = append(all, strconv.Itoa(code)+" "+short)
		}
	}
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[exitsKey] = strings.ReplaceAll(wrap("Exit codes: "+strings.Join(all, ", "), textWidth-2), "\n", "\n  ")
	return cmd
}

// exitTopic is what `tilltape help exit-codes` prints.
func exitTopic() *cobra.Command {
	text := &strings.Builder{}
	text.WriteString("The exit code tells kinds of failure apart. The help of each command names those\nit has.\n\n")
	for _, m := range exitMeanings {
		for i, line := range strings.Split(wrap(m.meaning, textWidth-7), "\n") {
			label := strconv.Itoa(m.code)
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(text, "  %-4s %s\n", label, line)
		}
	}
	text.WriteString("\nOf diff: 0 both say the same, 1 they differ, 2 trouble, of whatever kind.")
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: text.String()}
}

// textWidth is how wide text is that is broken into lines.
const textWidth = 80

// moments are a day and its time of day, which stay together on a line.
var moments = regexp.MustCompile(`\b(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})`)

// wrap breaks a text into lines of at most so many characters, where it has spaces.
func wrap(text string, width int) string {
	const joint = "\x00"
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(moments.ReplaceAllString(text, "${1}"+joint+"${2}")) {
		word = strings.ReplaceAll(word, joint, " ")
		length := len([]rune(word))
		switch {
		case n == 0:
		case n+1+length > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += length
	}
	return b.String()
}
