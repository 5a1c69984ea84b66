package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// here is held while a command line runs in this process, which has one working directory.
var here sync.Mutex

// runLine runs a command line of a script, the tool's name first, and returns the code that it ends with and what it
// says on standard error. Where tests run whole the tool is a process of its own, as people start it; everyday it runs
// in this one, in the script's folder and with the script's environment, which takes less than half the time.
func runLine(ts *testscript.TestScript, words []string) (code int, said string) {
	if !long.Enabled() && words[0] == "tilltape" {
		return runHere(ts, words[1:])
	}
	if err := ts.Exec(words[0], words[1:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	return code, ts.ReadFile("stderr")
}

func runHere(ts *testscript.TestScript, args []string) (code int, said string) {
	var errs bytes.Buffer
	t := terminal{out: ts.Stdout(), err: io.MultiWriter(ts.Stderr(), &errs), env: ts.Getenv}
	here.Lock()
	defer here.Unlock()
	ts.Check(os.Chdir(ts.MkAbs(".")))
	defer func() { ts.Check(os.Chdir(packageDir)) }()
	return run(context.Background(), args, t), errs.String()
}

// scriptTool is a command line that ends well, or with ! before it one that does not.
func scriptTool(ts *testscript.TestScript, neg bool, args []string) {
	if code, _ := runLine(ts, append([]string{"tilltape"}, args...)); neg == (code == exitOK) {
		ts.Fatalf("it ended with %d", code)
	}
}
