package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// shells are those whose scripts there are, each with what writes it.
var shells = []struct {
	name  string
	write func(root *cobra.Command, out io.Writer) error
}{
	{"bash", func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) }},
	{"fish", func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) }},
	{"powershell", func(root *cobra.Command, out io.Writer) error { return root.GenPowerShellCompletionWithDesc(out) }},
	{"zsh", func(root *cobra.Command, out io.Writer) error { return root.GenZshCompletion(out) }},
}

func completionCommand(t *terminal) *cobra.Command {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print what a shell needs to complete command lines",
		Long: "Prints a script for bash, fish, powershell or zsh, which has it complete the\n" +
			"names of commands and flags, and the words that a flag takes. The shell loads\n" +
			"it once a session, or always where its scripts are:\n\n" +
			"  bash        source <(tilltape completion bash)\n" +
			"              or into ~/.local/share/bash-completion/completions/tilltape\n" +
			"  fish        into ~/.config/fish/completions/tilltape.fish\n" +
			"  powershell  tilltape completion powershell | Out-String | Invoke-Expression\n" +
			"  zsh         into a folder of fpath, as _tilltape\n\n" +
			"The one for bash needs the package bash-completion.",
		Example:   "  tilltape completion bash > tilltape.bash",
		Args:      takes("a shell"),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.Index(names, args[0])
			if i < 0 {
				return &usageError{err: fmt.Errorf("there is no script for %q", args[0]), hint: "give " + either(names)}
			}
			return printError(shells[i].write(cmd.Root(), t.out))
		},
	}
}

// completeWords has shells complete the words of each flag that takes one of some.
func completeWords(cmd *cobra.Command) {
	register := func(f *pflag.Flag) {
		if c, ok := f.Value.(*choice); ok {
			// its error is of a flag that has words already
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(c.words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	cmd.PersistentFlags().VisitAll(register)
	cmd.Flags().VisitAll(register)
	for _, child := range cmd.Commands() {
		completeWords(child)
	}
}
