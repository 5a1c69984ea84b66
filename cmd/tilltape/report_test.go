package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

var errPlain = errors.New("log day.tape: is locked")

func TestReport(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code int
		want string
	}{
		{"a plain error has no hint", errPlain, exitFailure, "error: log day.tape: is locked\n"},
		{"a hint has a line of its own", withHint(errPlain, "stop the service"), exitFailure,
			"error: log day.tape: is locked\nhint: stop the service\n"},
		{"a hint survives wrapping", fmt.Errorf("replay: %w", withHint(errPlain, "stop the service")), exitFailure,
			"error: replay: log day.tape: is locked\nhint: stop the service\n"},
		{"the outer hint wins", withHint(withHint(errPlain, "inner"), "outer"), exitFailure,
			"error: log day.tape: is locked\nhint: outer\n"},
		{"a remedy in the text is not said twice",
			withHint(errors.New("log x: is locked; stop the service"), "stop the service"), exitFailure,
			"error: log x: is locked\nhint: stop the service\n"},
		{"a usage error has its own code", &usageError{err: errPlain, hint: "see: tilltape --help"}, exitUsage,
			"error: log day.tape: is locked\nhint: see: tilltape --help\n"},
		{"a usage error found while running",
			fmt.Errorf("graph: %w", &usageError{err: errors.New("no such format"), hint: "use dot"}), exitUsage,
			"error: graph: no such format\nhint: use dot\n"},
		{"what is not there", withHint(fmt.Errorf("order %q is %w", "o-9", errNotFound), "list them"), exitNotFound,
			"error: order \"o-9\" is not found\nhint: list them\n"},
		{"an illegal record", &audit.IllegalError{Position: 7, Err: errPlain}, exitAltered,
			"error: log position 7 ( , version 0): log day.tape: is locked\nhint: keep the file as it is and compare it " +
				"with a backup\n"},
		{"a record that is not what was written", &store.DamagedError{Log: "log x", Position: 7, Reason: "altered"},
			exitAltered,
			"error: log x, position 7: the log is damaged: altered\nhint: keep the log as it is, to compare, and go on from " +
				"a backup\n"},
		{"another file", fmt.Errorf("opening: %w", bolt.ErrNotALog), exitUnreadable, "error: opening: not a log\n"},
		{"a file of the future", fmt.Errorf("opening: %w", store.ErrNewerFormat), exitUnreadable,
			"error: opening: log has a newer format\n"},
		{"a record of the future", store.Unreadable("log x", 7, &events.UpgradeError{What: "frame", Found: "format 9",
			Known: "format 4"}), exitUnreadable, "error: log x, position 7: log has a newer format: frame: found format 9; " +
			"this version knows format 4\nhint: upgrade first: a newer one wrote the log\n"},
		{"a full disk", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, exitFailure,
			"error: write x: no space left on device\nhint: free some space, and give the command again\n"},
		{"two at once", errors.Join(errors.New("a; b"), errors.New("c; d")), exitFailure, "error: a; b\nc; d\n"},
		{"a cancellation that was not ours", context.Canceled, exitFailure, "error: context canceled\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var errs bytes.Buffer
			assert.Equal(t, tt.code, report(t.Context(), terminal{err: &errs}, tt.err))
			assert.Equal(t, tt.want, errs.String())
		})
	}
}

func TestReportOfAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer

	assert.Equal(t, exitInterrupted, report(ctx, terminal{err: &errs}, fmt.Errorf("demo: %w", context.Canceled)))
	assert.Equal(t, "error: interrupted\n", errs.String())

	errs.Reset()
	assert.Equal(t, exitFailure, report(ctx, terminal{err: &errs}, errPlain), "a real failure is told even after a signal")
	assert.Equal(t, "error: log day.tape: is locked\n", errs.String())
}

func TestWithHintKeepsTheChain(t *testing.T) {
	assert.ErrorIs(t, withHint(errPlain, "x"), errPlain)
	assert.ErrorIs(t, &usageError{err: errPlain}, errPlain)
}
