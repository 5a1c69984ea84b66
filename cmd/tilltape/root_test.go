package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// execute runs one command line without colour and returns the exit code and both streams.
func execute(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, terminal{out: &o, err: &e})
	return code, o.String(), e.String()
}

func TestExitCodesAndStreams(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		errs string // the whole of standard error
	}{
		{"no command shows the help", nil, exitOK, ""},
		{"help flag", []string{"--help"}, exitOK, ""},
		{"help command", []string{"help"}, exitOK, ""},
		{"version", []string{"version"}, exitOK, ""},
		{"version flag", []string{"--version"}, exitOK, ""},
		{"help of a command", []string{"help", "replay"}, exitOK, ""},
		{"help of a topic", []string{"help", "exit-codes"}, exitOK, ""},
		{"help of what is none", []string{"help", "nope"}, exitUsage,
			"error: no help for \"nope\": there is no such command\nhint: see: tilltape --help\n"},
		{"shell completion", []string{"completion", "bash"}, exitOK, ""},
		{"mistyped command", []string{"vresion"}, exitUsage,
			"error: unknown command \"vresion\"\nhint: did you mean: version\n"},
		{"unknown command", []string{"frobnicate"}, exitUsage,
			"error: unknown command \"frobnicate\"\nhint: see: tilltape --help\n"},
		{"a command's name cannot move the cursor", []string{"\x1b[2J"}, exitUsage,
			"error: unknown command \"\\x1b[2J\"\nhint: see: tilltape --help\n"},
		{"unknown flag of the root", []string{"--nope"}, exitUsage,
			"error: unknown flag: --nope\nhint: see: tilltape --help\n"},
		{"unknown flag of a command", []string{"version", "--nope"}, exitUsage,
			"error: unknown flag: --nope\nhint: see: tilltape version --help\n"},
		{"argument too many", []string{"version", "x"}, exitUsage,
			"error: tilltape version takes no arguments, but was given \"x\"\nhint: see: tilltape version --help\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := execute(t, tt.args...)
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.errs, errs)
			if tt.code == exitOK {
				assert.NotEmpty(t, out)
			} else {
				assert.Empty(t, out, "what failed prints no result")
			}
		})
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	_, out, _ := execute(t, "--help")
	for _, c := range commands(&terminal{}) {
		if c.Hidden {
			assert.NotContains(t, out, c.Name())
			continue
		}
		assert.Contains(t, out, c.Name())
		assert.Contains(t, out, c.Short)
	}
}

func TestTheDocumentationNamesEveryCommand(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, c := range rootCommand(&terminal{}, func() {}).Commands() {
		if c.IsAdditionalHelpTopicCommand() {
			continue
		}
		assert.Equal(t, !c.Hidden, strings.Contains(string(doc), "//\ttilltape "+c.Name()+" "), c.Name())
	}
}

// TestHelpFitsATerminal of eighty columns.
func TestHelpFitsATerminal(t *testing.T) {
	for _, c := range append(commands(&terminal{}), &cobra.Command{Use: "help"}, &cobra.Command{}) {
		if c.Hidden {
			continue
		}
		code, out, errs := execute(t, strings.Fields(c.Name()+" --help")...)
		require.Equal(t, exitOK, code, errs)
		for line := range strings.Lines(out) {
			assert.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 80, line)
		}
	}
}

func TestEveryCommandIsWellFormed(t *testing.T) {
	for _, c := range commands(&terminal{out: io.Discard, err: io.Discard}) {
		t.Run(c.Name(), func(t *testing.T) {
			assert.NotNil(t, c.RunE, "only an error decides the exit code")
			assert.Nil(t, c.Run, "cobra would ignore one of the two")
			assert.NotNil(t, c.Args, "without a rule, stray arguments are swallowed")
			assert.NotEmpty(t, c.Short)
			assert.False(t, strings.HasSuffix(c.Short, "."), "short texts are no sentences")
			assert.NotEmpty(t, c.Long)
		})
	}
}

func TestAnnounceTellsMisuseFromFailure(t *testing.T) {
	failure := errors.New("the command's own")
	build := func() (*cobra.Command, *int) {
		var announced int
		parent := &cobra.Command{Use: "parent", SilenceErrors: true, SilenceUsage: true}
		child := &cobra.Command{Use: "child", Args: noArguments,
			RunE: func(*cobra.Command, []string) error { return failure }}
		child.Flags().String("must", "", "needed")
		require.NoError(t, child.MarkFlagRequired("must"))
		parent.AddCommand(child)
		announce(parent, func() { announced++ })
		return parent, &announced
	}
	t.Run("a missing flag is misuse", func(t *testing.T) {
		parent, announced := build()
		parent.SetArgs([]string{"child"})
		err := parent.Execute()
		require.Error(t, err)
		assert.NotErrorIs(t, err, failure)
		assert.Zero(t, *announced)
	})
	t.Run("what the command returns is not", func(t *testing.T) {
		parent, announced := build()
		parent.SetArgs([]string{"child", "--must=x"})
		assert.ErrorIs(t, parent.Execute(), failure)
		assert.Equal(t, 1, *announced)
	})
}

func TestACommandGetsTheContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "seen")
	root := rootCommand(&terminal{out: io.Discard, err: io.Discard}, func() {})
	var got any
	root.AddCommand(&cobra.Command{Use: "probe", RunE: func(cmd *cobra.Command, _ []string) error {
		got = cmd.Context().Value(key{})
		return nil
	}})
	root.SetArgs([]string{"probe"})
	require.NoError(t, root.ExecuteContext(ctx))
	assert.Equal(t, "seen", got)
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Who keeps what is printed in a file on a disk that is full is told, whatever it was.
func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	for _, line := range []string{"", "help", "--help", "help show", "show --help", "help exit-codes", "version",
		"--version", "completion bash"} {
		var errs bytes.Buffer
		code := run(t.Context(), strings.Fields(line), terminal{out: fullDisk{}, err: &errs})
		assert.NotEqual(t, exitOK, code, line)
		assert.Regexp(t, "^error: printing.*: no space left on device\nhint: ", errs.String(), line)
	}
}
