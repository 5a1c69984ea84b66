package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
)

// update has the scripts' expected files rewritten.
var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// TestScripts runs the stories of the command line: one file a command, beside the fixture's files. TILLTAPE_NOW is
// when the fixture's log ends. Beside testscript's own commands they have
//
//	tilltape …              runs a command line that ends well, as runLine says; exec has it in a process of its own
//	exits CODE tilltape …   runs a command line that ends with that code; an error has a line that says what to do
//	holds FILE              opens a log for appends, as a service does, until the script's end
//	alter FILE OLD NEW      puts one text of a file in the place of another of its length
//	forge FILE OLD NEW      does that to texts of records, and makes their checksums fit
//	cut FILE BYTES          leaves so much of a file
//	behead FILE             zeroes both of bbolt's header pages
//	serves                  starts an APO that knows no order, with its keys, and sets the variables that reach it
//	signs LOG OUT KEY [AS]  writes a log's checkpoint, signed by a new key whose public half it writes, too; AS: that of
//	                        a log of that origin, with other records
func TestScripts(t *testing.T) {
	day, err := aDayOnce()
	require.NoError(t, err)
	bin := filepath.Dir(theTool(t))
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join(packageDir, "testdata", "script"), // command lines change the folder
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TILLTAPE_NOW", dayEnds.Format(time.RFC3339))
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("GOGC", "off") // five hundred processes that live for milliseconds need not collect
			return day.write(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tilltape": scriptTool, "exits": scriptExits, "holds": scriptHolds, "alter": scriptAlter, "cut": scriptCut,
			"forge": scriptForge, "behead": scriptBehead,
			"signs": scriptSigns, "serves": scriptServes,
			"free-port": scriptFreePort, "answers": scriptAnswers,
		},
		RequireExplicitExec: true,
	})
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND …")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, said := runLine(ts, args[1:])
	if got != exitOK && strings.Contains(said, "error: ") && !strings.Contains(said, "\nhint: ") {
		ts.Fatalf("an error without a way out: %s", said)
	}
	if got != want {
		ts.Fatalf("it ended with %d, not with %d", got, want)
	}
}

func scriptServes(ts *testscript.TestScript, _ bool, _ []string) {
	s, err := apotest.NewServer(nil)
	ts.Check(err)
	ts.Defer(func() { _ = s.Close() })
	ts.Check(s.WriteKeys(ts.MkAbs("keys")))
	for name, value := range reaching(s, ts.MkAbs("keys")) {
		ts.Setenv(name, value)
	}
}

// scriptFreePort sets a variable to a port of loopback that nobody listens on now.
func scriptFreePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// scriptAnswers waits until somebody answers at the URL.
func scriptAnswers(ts *testscript.TestScript, _ bool, args []string) {
	for until := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get(args[0])
		if err == nil {
			ts.Check(answer.Body.Close())
			return
		}
		if time.Now().After(until) {
			ts.Fatalf("%v", err)
		}
	}
}

func scriptHolds(ts *testscript.TestScript, _ bool, args []string) {
	log, err := bolt.Open(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	ts.Defer(func() { _ = log.Close() })
}

func scriptAlter(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	all, err := os.ReadFile(path)
	ts.Check(err)
	if len(args[1]) != len(args[2]) || !bytes.Contains(all, []byte(args[1])) {
		ts.Fatalf("%s does not have %q, or %q is of another length", args[0], args[1], args[2])
	}
	ts.Check(logfile.Write(path, bytes.ReplaceAll(all, []byte(args[1]), []byte(args[2]))))
}

func scriptForge(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	image, err := os.ReadFile(path)
	ts.Check(err)
	places := logfile.Places(image, []byte(args[1]))
	if len(args[1]) != len(args[2]) || len(places) == 0 {
		ts.Fatalf("%s does not have %q, or %q is of another length", args[0], args[1], args[2])
	}
	for _, at := range places {
		begin, size, sum := logfile.FrameAround(image, at)
		copy(image[at:], args[2])
		if size > 0 {
			binary.BigEndian.PutUint32(image[sum:], logfile.FrameSum(image[begin:begin+size]))
		}
	}
	ts.Check(logfile.Write(path, image))
}

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

func scriptBehead(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	_, err = file.WriteAt(make([]byte, 2*os.Getpagesize()), 0)
	ts.Check(errors.Join(err, file.Close()))
}

func scriptSigns(ts *testscript.TestScript, _ bool, args []string) {
	log, err := bolt.Open(ts.MkAbs(args[0]), &bolt.Config{ReadOnly: true})
	ts.Check(err)
	defer func() { _ = log.Close() }()
	c, err := log.Tree(context.Background())
	ts.Check(err)
	if len(args) > 3 {
		c.Origin = args[3]
		c.Root[0] ^= 1
	}
	private, public, err := seal.GenerateKey(nil, c.Origin)
	ts.Check(err)
	signer, err := seal.NewSigner(private)
	ts.Check(err)
	signed, err := signer.Sign(c)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), signed, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(public+"\n"), 0o600))
}

// theTree is every command for people, below the root.
func theTree() []*cobra.Command {
	var tree []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, child := range c.Commands() {
			if !child.Hidden {
				tree = append(tree, child)
				walk(child)
			}
		}
	}
	walk(rootCommand(&terminal{out: io.Discard, err: io.Discard}, func() {}))
	return tree
}

// ours tells our own commands from cobra's help, and from topics.
func ours(c *cobra.Command) bool {
	top := c
	for top.Parent() != nil && top.Parent().HasParent() {
		top = top.Parent()
	}
	return top.Name() != "help" && !c.IsAdditionalHelpTopicCommand()
}

// exitsOf are the codes that a command's help names.
func exitsOf(t *testing.T, c *cobra.Command) (codes []int) {
	t.Helper()
	text, ok := strings.CutPrefix(strings.Join(strings.Fields(c.Annotations[exitsKey]), " "), "Exit codes: ")
	require.True(t, ok, "%s names its exit codes", c.CommandPath())
	for part := range strings.SplitSeq(text, ", ") {
		number, meaning, _ := strings.Cut(part, " ")
		code, err := strconv.Atoi(number)
		require.NoError(t, err, part)
		assert.NotEmpty(t, meaning, part)
		codes = append(codes, code)
	}
	return codes
}

// TestEveryCommandTellsHowItEnds and how it is used, and its script shows each of its codes but those that any command
// ends with.
func TestEveryCommandTellsHowItEnds(t *testing.T) {
	known := map[int]bool{}
	for _, m := range exitMeanings {
		known[m.code] = true
	}
	checked := 0
	for _, c := range theTree() {
		if !ours(c) {
			continue
		}
		assert.NotEmpty(t, c.Long, c.CommandPath())
		assert.NotEmpty(t, c.Example, c.CommandPath())
		script, err := os.ReadFile(filepath.Join("testdata", "script", c.Name()+".txtar"))
		require.NoError(t, err, "each command has a script of its name")
		for _, code := range exitsOf(t, c) {
			assert.True(t, known[code], "%s: %d is in exitMeanings", c.CommandPath(), code)
			if code == exitOK || code == exitFailure || code == exitInterrupted {
				continue
			}
			assert.Contains(t, string(script), "exits "+strconv.Itoa(code)+" tilltape "+c.Name(),
				"%s: the script shows code %d", c.CommandPath(), code)
		}
		checked++
	}
	require.Greater(t, checked, 5)
}

// stopAt ends a command that would run for ever, once it has said so much.
type stopAt struct {
	text string
	stop func()
	all  bytes.Buffer
}

func (w *stopAt) Write(p []byte) (int, error) {
	w.all.Write(p)
	if strings.Contains(w.all.String(), w.text) {
		w.stop()
	}
	return len(p), nil
}

// stopping is where a command writes, and what ends it where it would run for ever once it has said that it is ready.
func stopping(name string, stop func()) *stopAt {
	ready := map[string]string{"simulate": "control", "view": "http://"}[name]
	if ready == "" {
		return &stopAt{stop: func() {}}
	}
	return &stopAt{text: ready, stop: stop}
}

// TestEveryExampleRuns as it stands in its help, up to the first pipe, and ends in a way that its help names.
func TestEveryExampleRuns(t *testing.T) {
	for _, c := range theTree() {
		if !ours(c) {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			aDay(t)
			if c.Name() == "reconcile" {
				for name, value := range anAPO(t) {
					t.Setenv(name, value)
				}
			}
			for line := range strings.Lines(c.Example) {
				line, _, _ = strings.Cut(strings.TrimSpace(line), " | ")
				line, _, _ = strings.Cut(line, " > ")
				line = strings.Replace(line, "127.0.0.1:8620", "127.0.0.1:0", 1) // that port may be somebody's here
				words := strings.Fields(line)
				require.Equal(t, "tilltape", words[0], line)
				ctx, cancel := context.WithCancel(t.Context())
				var errs bytes.Buffer
				out := stopping(c.Name(), cancel)
				code := run(ctx, words[1:], terminal{out: out, err: &errs, env: os.Getenv})
				cancel()
				assert.Contains(t, exitsOf(t, c), code, line)
				if c.Name() != "diff" { // whose 1 is no failure
					assert.NotContains(t, []int{exitFailure, exitUsage, exitNotFound, exitInterrupted}, code, line+errs.String())
				}
				assert.NotEmpty(t, out.all.String(), line)
			}
		})
	}
}

func TestTheTopicOfExitCodesNamesAll(t *testing.T) {
	code, out, _ := execute(t, "help", "exit-codes")
	require.Equal(t, exitOK, code)
	page, err := os.ReadFile("../../docs/reference/errors.md")
	require.NoError(t, err)
	for _, m := range exitMeanings {
		assert.Regexp(t, `(?m)^  `+strconv.Itoa(m.code)+` +`+strings.Fields(m.meaning)[0], out)
		assert.Contains(t, string(page), "\n| "+strconv.Itoa(m.code)+" | ", "docs/reference/errors.md")
	}
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(line)), textWidth+1, line)
	}
}
