// Command driver runs inside the power-loss tests, which build it against their copy of bbolt and start it as a process
// of its own: what a broken image does to a process must not be done to the tests. It prints one line for each thing
// that the tests count.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command; use record, judge or fault")
	}
	commands := map[string]func(*flag.FlagSet, []string) error{"record": record, "judge": judgeAll, "fault": faults}
	command, known := commands[args[0]]
	if !known {
		return fmt.Errorf("no such command %q; use record, judge or fault", args[0])
	}
	return command(flag.NewFlagSet(args[0], flag.ContinueOnError), args[1:])
}
