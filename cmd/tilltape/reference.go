package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go run . write-page ../../docs/reference/cli.md

const (
	referenceCommand = "write-page"
	// pageMode is the mode of a page that is written for the first time.
	pageMode = 0o644
)

// writeReference makes docs/reference/cli.md out of the commands. It is no command for people.
func writeReference() *cobra.Command {
	return &cobra.Command{
		Use:    referenceCommand + " FILE",
		Short:  "Write the reference of all commands (used by go generate)",
		Long:   "Writes the page of docs that tells every command. It is what go generate runs.",
		Hidden: true,
		Args:   takes("a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.WriteFile(args[0], []byte(reference(cmd.Root())), pageMode); err != nil {
				return withHint(fmt.Errorf("writing the reference: %w", err), "name a file that can be written")
			}
			return nil
		},
	}
}

// reference is the page: what every command tells of itself, in the order of their names.
func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("<!-- Made of the commands by go generate ./... in cmd/tilltape; edit these. -->\n\n" +
		"# The command line\n\n" +
		"`tilltape` asks a log, and makes what is handed on. Results go to standard output, everything else to\n" +
		"standard error; a failure is a line that begins with `error:` and one that begins with `hint:`.\n\n" +
		"A SOURCE is recognised by its scheme or its content:\n\n")
	for _, kind := range kinds() {
		fmt.Fprintf(&b, "- %s\n", kind)
	}
	b.WriteString("\nEach flag has a variable that stands for it where it is not given: " +
		"`TILLTAPE_OUTPUT` for\n`--output`. " +
		"The flag wins. A flag that a command has no use for is refused,\n" +
		"a variable is left alone: it may be meant for another command.\n\n## Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags())
	b.WriteString("\n## Flags of every command that takes a SOURCE first\n\n")
	flagTable(&b, urlFlags(new(string), new(string)))
	b.WriteString("\n`TILLTAPE_URL` counts where the command line has too few arguments without it:\n" +
		"a SOURCE that is given wins. A URL with a password in it is best given so, since others see command lines.\n")
	b.WriteString("\n## Exit codes\n\n| code | when |\n|---|---|\n")
	for _, m := range exitMeanings {
		fmt.Fprintf(&b, "| %d | %s |\n", m.code, m.meaning)
	}
	b.WriteString("\nOf `diff` alone 0 is that both say the same, 1 that they differ, and 2 trouble of any kind.\n")
	for _, c := range root.Commands() {
		if !c.Hidden && c.Annotations[exitsKey] != "" {
			referenceOf(&b, c)
		}
	}
	return b.String()
}

// referenceOf is a command's part of the page.
func referenceOf(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```text\n%s\n```\n\n%s\n", c.Name(), c.Short, c.UseLine(), paragraphs(c.Long))
	own := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != urlFlag && f.Name != tokenFlag && f.Name != "help" {
			own.AddFlag(f)
		}
	})
	if own.HasAvailableFlags() {
		b.WriteString("\n")
		flagTable(b, own)
	}
	codes := strings.Join(strings.Fields(c.Annotations[exitsKey]), " ")
	fmt.Fprintf(b, "\n%s.\n\n```sh\n", strings.Replace(codes, ": ", ":\n", 1))
	for line := range strings.Lines(c.Example) {
		b.WriteString(strings.TrimPrefix(line, "  "))
	}
	b.WriteString("\n```\n")
}

// paragraphs is a help text as Markdown: one that has "<" in it is no markup, and what is set in columns stays so.
func paragraphs(long string) string {
	prose := strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`)
	parts := strings.Split(long, "\n\n")
	for i, part := range parts {
		if strings.HasPrefix(part, "  ") {
			parts[i] = "```text\n" + part + "\n```"
		} else {
			parts[i] = prose.Replace(part)
		}
	}
	return strings.Join(parts, "\n\n")
}

func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | takes | does |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		takes, does := pflag.UnquoteUsage(f)
		does = strings.ReplaceAll(does, "|", `\|`)
		if !slices.Contains([]string{"", "[]", "false", "0"}, f.DefValue) && !strings.Contains(does, "default") {
			does += " (default: " + f.DefValue + ")"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, strings.ReplaceAll(takes, "|", ", "), does)
	})
}
