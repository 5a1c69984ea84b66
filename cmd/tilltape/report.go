package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"
)

// hinter is an error that knows the way out. Hint is one line without a full stop, and is printed after the error.
type hinter interface {
	error
	Hint() string
}

// usageError is a command line that was not understood; nothing was done.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string   { return e.err.Error() }
func (e *usageError) Unwrap() []error { return []error{errUsage, e.err} }
func (e *usageError) Hint() string    { return e.hint }

// hintedError is a failure with its way out; make one with withHint.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }
func (e *hintedError) Hint() string  { return e.hint }

// withHint adds the way out to a failure, in the words of this command's flags.
func withHint(err error, hint string) error { return &hintedError{err: err, hint: hint} }

// report prints a failure and returns its exit code.
func report(ctx context.Context, t terminal, err error) int {
	// Only our own signal counts: a cancelled context inside the library is an ordinary failure.
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(t.err, t.paintErr(bold, "error:"), "interrupted")
		return exitInterrupted
	}
	if silent, ok := errors.AsType[quietError](err); ok {
		return exitCode(silent)
	}
	text, hint := explain(err)
	fmt.Fprintln(t.err, t.paintErr(red, "error:"), text)
	if hint != "" {
		fmt.Fprintln(t.err, t.paintErr(bold, "hint:"), hint)
	}
	return exitCode(err)
}

// remedyMark stands before the way out in the text of each error of the library.
const remedyMark = "; "

// explain parts an error into what failed and what to do. The outermost hint wins: it speaks of this command's flags,
// where an inner one speaks of the library's. Where no error hands its hint out, what its text ends with is it.
func explain(err error) (text, hint string) {
	text = err.Error()
	var trim func(error)
	trim = func(e error) {
		if h, ok := e.(hinter); ok { // not one further in: each level is looked at
			text = strings.TrimSuffix(text, "; "+h.Hint())
		}
		switch e := e.(type) {
		case interface{ Unwrap() error }:
			if inner := e.Unwrap(); inner != nil {
				trim(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if inner.Error() == err.Error() { // what only gives it a kind, and not one of several
					trim(inner)
				}
			}
		}
	}
	trim(err)
	var told hinter
	at := strings.LastIndex(text, remedyMark)
	switch {
	case errors.As(err, &told):
		hint = told.Hint()
		text = strings.TrimSuffix(text, remedyMark+hint)
	case errors.Is(err, syscall.ENOSPC):
		hint = "free some space, and give the command again"
	case at >= 0 && !strings.Contains(text, "\n"): // of several errors each has its own
		text, hint = text[:at], text[at+len(remedyMark):]
	}
	return shown(text), shown(hint)
}

// shown is a text as a terminal may have it: what is in it may come from a file or from a service.
func shown(text string) string {
	lines := strings.Split(withoutKeys(text), "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// privateKey is one as text, in either of the forms that are in use: whoever gives it where a file's name is wanted
// must not find it in a log.
var privateKey = regexp.MustCompile(`(?s)PRIVATE\+KEY\+[^\s"]+|-----BEGIN [A-Z ]*PRIVATE KEY-----.*`)

func withoutKeys(text string) string { return privateKey.ReplaceAllString(text, "(a private key)") }
