// Bench measures what the log costs beside other ways to keep one. It is a module of its own, so that what it compares
// with is nobody's dependency. README.md has every command.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	settings
	dir      string // everything it writes is below, and is removed afterwards
	tape     *tape  // made when first needed
	out      *report
	progress func(format string, args ...any)
}

// options are what the command line says apart from the settings.
type options struct {
	settings
	dir, markdown, profile string
	asJSON, check, counted bool
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == victimCommand {
		os.Exit(victim(os.Args[2], os.Stdout))
	}
	if len(os.Args) == appenderWords && os.Args[1] == appenderCommand {
		os.Exit(appender(os.Args[2], os.Args[3], os.Stdin, os.Stdout))
	}
	if len(os.Args) == serverWords && os.Args[1] == serverCommand {
		os.Exit(serve(os.Args[2], os.Stdin))
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2)
	}
	missed, err := run(o, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if missed && o.check {
		os.Exit(1)
	}
}

// parse reads the command line. A preset comes first, and single flags change it.
func parse(args []string, stderr io.Writer) (options, error) {
	o := options{settings: quick}
	for _, a := range args {
		switch strings.TrimLeft(a, "-") {
		case "full":
			o.settings = full
		case "ci":
			o.settings, o.counted = ci, true
		}
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Bool("quick", false, "the proportions, about 4 minutes (the default)")
	f.Bool("full", false, "what the documentation shows, about 31 minutes and 10 GB below -dir")
	f.Bool("ci", false, "that everything runs, and that what is counted holds, 45 seconds")
	f.Func("only", "`sections` to measure: "+strings.Join(sections, ","), func(text string) error {
		o.Sections = strings.Split(text, ",")
		return o.settings.check()
	})
	f.StringVar(&o.Only, "contenders", o.Only, "a regular `expression`: append only with those whose names match")
	f.Func("orders", "`numbers` of orders on file before appending", listTo(&o.Orders))
	f.Func("writers", "`numbers` of goroutines that append at once", listTo(&o.Writers))
	f.Func("ids", "`orders` of ids: random,time-ordered", func(text string) error {
		o.IDs = nil
		for part := range strings.SplitSeq(text, ",") {
			o.IDs = append(o.IDs, ordering(part))
		}
		return o.settings.check()
	})
	f.IntVar(&o.Rounds, "rounds", o.Rounds, "how often every contender has its turn")
	f.Func("seconds", "measured in each cell and round, for instance 1.5", func(text string) error {
		d, err := time.ParseDuration(text + "s")
		o.CellTime = d
		return err
	})
	f.IntVar(&o.Tape, "tape", o.Tape, "orders in the file for load, replay and open")
	f.IntVar(&o.Cancels, "cancels", o.Cancels, "whole cancels in each cell and round")
	f.StringVar(&o.dir, "dir", "",
		"where files are made, on the disk to be measured (default: the system's temporary directory)")
	f.StringVar(&o.markdown, "markdown", "", "write the report to this `file` too, as Markdown")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the measuring to this `file`, for go tool pprof")
	f.BoolVar(&o.asJSON, "json", false, "print the report as JSON")
	f.BoolVar(&o.check, "check", false, "end with status 1 where a Must is missed")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	err := o.settings.check()
	if f.NArg() > 0 {
		err = fmt.Errorf("%q is no flag; see -help", f.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
	}
	return o, err
}

func listTo(list *[]int) func(string) error {
	return func(text string) (err error) {
		*list, err = numbers(text)
		return err
	}
}

// run measures and prints. missed tells whether a Must that was measured was missed.
func run(o options, stdout, stderr io.Writer) (missed bool, err error) {
	dir, err := os.MkdirTemp(o.dir, "tilltape-bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	defer leaveNothing(dir)()
	began := time.Now()
	var mu sync.Mutex // preloads tell of themselves at once
	b := &bench{settings: o.settings, dir: dir, progress: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(stderr, "%4.0fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}}
	b.progress("this takes about %s where nobody else uses the machine", b.estimate().Round(time.Second))
	if err := profiled(o.profile, b.measure); err != nil {
		return false, err
	}
	b.out.Took = time.Since(began).Round(time.Second)
	if o.markdown != "" {
		if err := os.WriteFile(o.markdown, []byte(b.out.markdown()), 0o644); err != nil {
			return false, err
		}
	}
	if o.asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(b.out)
	} else {
		_, err = io.WriteString(stdout, b.out.text())
	}
	if slipped := b.out.slipped(); o.counted && err == nil && len(slipped) > 0 {
		err = fmt.Errorf("what is counted, and not by the clock, is far above its limit: %s", strings.Join(slipped, "; "))
	}
	return b.out.missed(), err
}

// profiled runs f and writes what the processor did meanwhile to the file, if one is named.
func profiled(file string, f func() error) (err error) {
	if file == "" {
		return f()
	}
	to, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := pprof.StartCPUProfile(to); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// leaveNothing removes dir when the run is interrupted: it can hold gigabytes. The function it returns ends that.
func leaveNothing(dir string) (end func()) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, interrupted := <-interrupts; interrupted {
			_ = os.RemoveAll(dir) // what is written meanwhile may be left
			os.Exit(statusInterrupted)
		}
	}()
	return func() {
		signal.Stop(interrupts)
		close(interrupts)
	}
}

// statusInterrupted is what shells expect of a program that was interrupted.
const statusInterrupted = 130

// measure runs the sections that were asked for.
func (b *bench) measure() error {
	mean, err := meanSizes()
	if err != nil {
		return err
	}
	b.out = &report{Machine: thisMachine(b.dir), Settings: b.settings, Payload: mean.payload, Frame: mean.frame}
	for _, s := range []struct {
		name string
		run  func() error
	}{
		{sectionCore, b.core}, {sectionAppends, b.appends}, {sectionCancels, b.cancels}, {sectionLoad, b.loads},
		{sectionReplay, b.replays}, {sectionOpen, b.opens}, {sectionPostgres, b.postgres},
		{sectionStreams, b.streams}, {sectionTool, b.tool}, {sectionService, b.service},
		{sectionMemory, b.memory},
	} {
		if !b.has(s.name) {
			continue
		}
		if err := s.run(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.out.Figures = b.out.figures()
	return nil
}
