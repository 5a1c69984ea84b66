package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// appenderCommand makes this program one that appends to a log on a server, together with others. The words after it
// are the server's URL and for how long.
const (
	appenderCommand = "append-beside-others"
	appenderWords   = 4
)

// appenderReady is what it says once it has opened the log; then it waits for a line.
const appenderReady = "ready"

// told is what such a process did, as it tells it.
type told struct {
	Rate          float64
	P50, P99, Max time.Duration
}

// appendElsewhere runs such a process: it is ready, waits for the others and appends.
func appendElsewhere(url string, cellTime time.Duration, ready *sync.WaitGroup, start <-chan struct{}) (
	o outcome, err error) {
	var once sync.Once
	defer once.Do(ready.Done) // nobody waits for one that failed
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	c := exec.Command(self, appenderCommand, url, cellTime.String())
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return o, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return o, err
	}
	if err := c.Start(); err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, c.Wait()) }()
	defer in.Close()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != appenderReady {
		return o, fmt.Errorf("the other process said %q: %w", line, err)
	}
	once.Do(ready.Done)
	<-start
	if _, err := io.WriteString(in, "go\n"); err != nil {
		return o, err
	}
	var did told
	if err := json.NewDecoder(lines).Decode(&did); err != nil {
		return o, err
	}
	return outcome{rate: did.Rate, p50: did.P50, p99: did.P99, max: did.Max}, nil
}

// appender is that process.
func appender(url, cellTime string, stdin io.Reader, stdout io.Writer) (status int) {
	if err := appendBesideOthers(url, cellTime, stdin, stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func appendBesideOthers(url, cellTime string, stdin io.Reader, stdout io.Writer) (err error) {
	lasts, err := time.ParseDuration(cellTime)
	if err != nil {
		return err
	}
	k, err := openPGOurs(url, oursSchema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	c := newCourse(timeOrdered)
	c.lanes.Store(uint64(time.Now().UnixNano())) // ids that no other process has
	fmt.Fprintln(stdout, appenderReady)
	if _, err := bufio.NewReader(stdin).ReadString('\n'); err != nil {
		return err
	}
	o, _, err := load(k, c, pgWriters, lasts)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(told{o.rate, o.p50, o.p99, o.max})
}
