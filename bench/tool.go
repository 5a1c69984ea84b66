package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// toolResult is how long somebody at a terminal waits for the command line, medians over the rounds.
type toolResult struct {
	Events  int           // in the log that is asked
	Nothing toolCost      // a program of Go's that does nothing
	Start   toolCost      // tilltape version: starting alone
	Raw     time.Duration // opening the file with bbolt for reading, and nothing else, in this process
	Asked   []toolLine    // the first line of an answer
}

// toolCost is what a process takes until its first line, or until its end where it says nothing.
type toolCost struct {
	Wall, Processor time.Duration
}

// toolLine is a command line and what it takes until its first line is there.
type toolLine struct {
	What string
	toolCost
}

const (
	// toolStarts is how many processes of a kind one round starts: one alone takes milliseconds.
	toolStarts = 5
	// toolSource is where the command line's module is, beside this one.
	toolSource = "../cmd/tilltape"
)

// nothing is the least that a program of Go's is.
const nothing = "package main\n\nfunc main() {}\n"

func (b *bench) tool() error {
	t, err := b.theTape()
	if err != nil {
		return err
	}
	b.progress("building the command line")
	tool, least, err := b.builtTool()
	if err != nil {
		return err
	}
	asked := []struct {
		what string
		args []string
	}{
		{"list", []string{"list", t.path}},
		{"list --only open", []string{"list", t.path, "--only", "open"}},
		{"show", []string{"show", t.path, t.sample[0]}},
		{"history", []string{"history", t.path, t.sample[0]}},
	}
	res := &toolResult{Events: t.orders * eventsPerOrder}
	costs := make([][]toolCost, len(asked))
	var empty, start []toolCost
	var raw []time.Duration
	for round := range b.Rounds {
		b.progress("asking the command line, round %d of %d", round+1, b.Rounds)
		for range toolStarts {
			for _, p := range []struct {
				to   *[]toolCost
				name string
				args []string
			}{{&empty, least, nil}, {&start, tool, []string{"version"}}} {
				cost, err := firstLine(p.name, p.args...)
				if err != nil {
					return err
				}
				*p.to = append(*p.to, cost)
			}
			took, err := openedRaw(t.path)
			if err != nil {
				return err
			}
			raw = append(raw, took)
			for i, a := range asked {
				cost, err := firstLine(tool, a.args...)
				if err != nil {
					return err
				}
				costs[i] = append(costs[i], cost)
			}
		}
	}
	res.Nothing, res.Start, res.Raw = middle(empty), middle(start), median(raw)
	for i, a := range asked {
		res.Asked = append(res.Asked, toolLine{a.what, middle(costs[i])})
	}
	b.out.Tool = res
	return nil
}

// openedRaw opens a file with bbolt alone, which maps it and reads its newest header.
func openedRaw(path string) (took time.Duration, err error) {
	from := time.Now()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	took = time.Since(from)
	return took, db.Close()
}

// builtTool builds the command line, and a program that does nothing.
func (b *bench) builtTool() (tool, least string, err error) {
	dir := filepath.Join(b.dir, "tool")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	tool, least = filepath.Join(dir, "tilltape"), filepath.Join(dir, "nothing")
	source := filepath.Join(dir, "nothing.go")
	if err := os.WriteFile(source, []byte(nothing), 0o644); err != nil {
		return "", "", err
	}
	for _, args := range [][]string{{"build", "-C", toolSource, "-o", tool, "."}, {"build", "-o", least, source}} {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if said, err := cmd.CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, said)
		}
	}
	return tool, least, nil
}

// firstLine starts a program, and tells what it took until its first line, or its end where it prints none. Then the
// process is ended: what follows a first line nobody waits for.
func firstLine(name string, args ...string) (c toolCost, err error) {
	cmd := exec.Command(name, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return c, err
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	from := time.Now()
	if err := cmd.Start(); err != nil {
		return c, err
	}
	_, none := bufio.NewReader(out).ReadString('\n')
	c.Wall = time.Since(from)
	if none == nil {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	ended := cmd.Wait()
	if _, killed := errors.AsType[*exec.ExitError](ended); ended != nil && (!killed || none != nil) {
		return c, fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), ended, errs.String())
	}
	c.Processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return c, nil
}

// middle is the median of each.
func middle(costs []toolCost) toolCost {
	var wall, processor []time.Duration
	for _, c := range costs {
		wall, processor = append(wall, c.Wall), append(processor, c.Processor)
	}
	return toolCost{median(wall), median(processor)}
}

// toolTable is what somebody at a terminal waits for.
func (r *report) toolTable() table {
	t := table{title: fmt.Sprintf("The command line on a log of %s events", count(float64(r.Tool.Events))), words: 1,
		head: []string{"", "first line", "processor", "beside starting"},
		note: fmt.Sprintf("Processes of their own, until their first line is there, or their end. Opening the file with "+
			"bbolt alone takes %s.", short(r.Tool.Raw))}
	row := func(what string, c toolCost) {
		t.rows = append(t.rows, []string{what, short(c.Wall), short(c.Processor),
			fmt.Sprintf("%.1f ×", ratio(float64(c.Processor), float64(r.Tool.Start.Processor)))})
	}
	row("a program of Go's that does nothing", r.Tool.Nothing)
	row("tilltape version", r.Tool.Start)
	for _, a := range r.Tool.Asked {
		row("tilltape "+a.What, a.toolCost)
	}
	return t
}

// Limits of the command line.
const (
	startMax     = 50 * time.Millisecond
	firstLineMax = 100 * time.Millisecond
)

// toolMusts are what the design asks of the command line.
func (r *report) toolMusts() []figure {
	start := figure{Must: true, What: "the command line starts", Limit: "≤ 50 ms"}
	first := figure{Must: true, What: "its first line, the slowest of those asked", Limit: "≤ 100 ms"}
	if t := r.Tool; t != nil {
		start.Measured, start.Met = short(t.Start.Wall), t.Start.Wall <= startMax
		start.Note = fmt.Sprintf("processor time %s, %.1f × that of a program that does nothing", short(t.Start.Processor),
			ratio(float64(t.Start.Processor), float64(t.Nothing.Processor)))
		first.Met = true
		var slowest time.Duration
		for _, a := range t.Asked {
			first.Met = first.Met && a.Wall <= firstLineMax
			if a.Wall > slowest {
				slowest = a.Wall
				first.Measured, first.Note = short(a.Wall), fmt.Sprintf("%s, %s events; processor time %.1f × starting", a.What,
					count(float64(t.Events)), ratio(float64(a.Processor), float64(t.Start.Processor)))
			}
		}
	}
	return []figure{start, first}
}
