package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// suggestionDistance is how many letters a mistyped command may be away from the one that is offered instead.
const suggestionDistance = 2

// commands is the whole list; a new command is one line here and a file of its own. Each must use RunE: its error is
// what decides the exit code.
func commands(t *terminal) []*cobra.Command {
	return []*cobra.Command{
		crashChild(),
		writeReference(),
		exits(anchorCommand(t), exitNotFound, exitAltered, exitUnreadable),
		exits(anomaliesCommand(t), exitNotFound, exitOpen, exitAltered, exitCut, exitUnreadable),
		exits(atCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(backupCommand(t), exitNotFound, exitAltered, exitUnreadable),
		exits(checkpointCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(compactCommand(t), exitNotFound, exitAltered, exitUnreadable),
		exits(completionCommand(t)),
		exits(demoCommand(t)),
		diffCommand(t),
		exits(dueCommand(t), exitNotFound, exitOpen, exitAltered, exitCut, exitUnreadable),
		exits(evidenceCommand(t), exitNotFound, exitAltered, exitUnreadable),
		exits(exportCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(graphCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(historyCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(importCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(keygenCommand(t)),
		exits(listCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(proveCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(reconcileCommand(t), exitNotFound, exitOpen, exitAltered, exitCut, exitUnreadable),
		exits(refusalsCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(replayCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(salvageCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		salvageChild(t),
		exits(showCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(simulateCommand(t)),
		exits(verifyCommand(t), exitNotFound, exitOpen, exitAltered, exitCut, exitUnreadable),
		exits(viewCommand(t), exitNotFound, exitAltered, exitCut, exitUnreadable),
		exits(versionCommand(t)),
	}
}

// run executes one command line and returns the exit code. It is all of main but the process itself.
func run(ctx context.Context, args []string, t terminal) int {
	var ran bool
	out := &heeded{to: t.out}
	t.out = out
	root := rootCommand(&t, func() { ran = true })
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(context.WithValue(ctx, shownOn{}, &t))
	if err == nil {
		err, ran = printError(out.failed), true
	}
	if err == nil {
		return exitOK
	}
	if !ran {
		err = misuseError(cmd, err)
	}
	return report(ctx, t, err)
}

// heeded is standard output, and remembers that it failed: what prints help does not ask.
type heeded struct {
	to     io.Writer
	failed error
}

// Write implements [io.Writer].
func (h *heeded) Write(text []byte) (int, error) {
	n, err := h.to.Write(text)
	h.failed = cmp.Or(h.failed, err)
	return n, err
}

// misuseError makes a usage error of what cobra found wrong with the command line.
func misuseError(cmd *cobra.Command, err error) error {
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	return &usageError{err: err, hint: helpHint(cmd)}
}

func helpHint(cmd *cobra.Command) string { return "see: " + cmd.CommandPath() + " --help" }

// noArguments is cobra.NoArgs in words that fit a command without subcommands.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, but was given %q", cmd.CommandPath(), args[0])
}

// rootCommand builds the tree. The function is called just before a command's own code runs: what fails earlier, flags
// from the environment included, is the command line's fault and not the command's.
func rootCommand(t *terminal, running func()) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "tilltape",
		Short: "An append-only record of orders paid through APO",
		Long: "Tilltape keeps an append-only record of orders paid through APO (Antom's payment\n" +
			"orchestration). This command shows the library at work and looks into the logs\n" +
			"it writes.",
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return printBuild(t)
			}
			return cmd.Help()
		},
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: suggestionDistance,
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours tells its codes, as all others do
	root.Flags().BoolVar(&version, "version", false, "print what this binary was built from")
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	root.SetFlagErrorFunc(flagError)
	set := settingsOf(root)
	root.SetOut(t.out)
	root.SetErr(t.err)
	for _, c := range commands(t) {
		if strings.Contains(c.Use, "SOURCE") {
			byURL(c)
		}
		root.AddCommand(c)
	}
	root.AddCommand(exitTopic())
	// Made now and not by cobra at the last moment, so that they are told apart like all others.
	root.InitDefaultHelpCmd()
	completeWords(root)
	for _, c := range root.Commands() {
		if c.Name() == "help" { // cobra's own says that it knows no such topic, and ends as if all were well
			c.Args = knownTopic
		}
	}
	announce(root, func() {
		set.settle(t)
		running()
	})
	heed(root, t)
	return root
}

// usageTemplate is cobra's, in eighty columns and with a command's exit codes.
func usageTemplate(ours string) string {
	ours = strings.ReplaceAll(ours, "FlagUsages ", "FlagUsagesWrapped 80 ")
	return strings.TrimRight(ours, "\n") + `{{with index .Annotations "` + exitsKey + `"}}
{{.}}
{{end}}`
}

// knownCommand refuses what cobra would hand to the root as an argument, and offers the nearest command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := helpHint(cmd)
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: " + strings.Join(near, ", ")
	}
	return &usageError{err: fmt.Errorf("unknown command %q", args[0]), hint: hint}
}

// knownTopic refuses what help has nothing to say of.
func knownTopic(cmd *cobra.Command, args []string) error {
	_, rest, err := cmd.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("no help for %q: there is no such command", strings.Join(args, " "))
	}
	if err != nil {
		return &usageError{err: err, hint: helpHint(cmd.Root())}
	}
	return nil
}

// announce has every command below cmd call before first.
func announce(cmd *cobra.Command, before func()) {
	if own := cmd.RunE; own != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			before()
			return own(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		announce(child, before)
	}
}

// heed has every command below cmd take its flags from the environment before it looks at its arguments: what these can
// be may depend on a flag.
func heed(cmd *cobra.Command, t *terminal) {
	if own := cmd.Args; own != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			fit := cmd.ValidateFlagGroups() == nil // what was given; where it is not, cobra says so
			if err := fromEnvironment(t, cmd); err != nil {
				return err
			}
			if err := cmd.ValidateFlagGroups(); fit && err != nil {
				return &usageError{err: err, hint: "one of them comes from a variable " + environment + "...: unset it"}
			}
			return own(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		heed(child, t)
	}
}
