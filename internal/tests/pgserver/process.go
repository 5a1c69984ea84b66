package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long a server may take to start, recovery included, or to stop, and how often it is looked after meanwhile.
const (
	patience = 60 * time.Second
	glance   = 5 * time.Millisecond
)

// statusLine is the line of postmaster.pid that says whether connections are taken, counted from 0.
const statusLine = 7

// process is one run of the server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is gone
}

// errNotGone: processes of the run before still hold the server's memory.
var errNotGone = errors.New("the run before is not gone yet")

// notGone is how the server says that.
const notGone = "pre-existing shared memory block"

// Start starts the server, with the settings as they are now, and returns when it takes connections. What was killed
// needs a moment to be gone, which it waits for.
func (s *Server) Start() error {
	if s.running != nil {
		return errors.New("the server runs already; stop it first")
	}
	if err := s.writeSettings(); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for {
		err := s.start()
		if !errors.Is(err, errNotGone) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(glance)
	}
}

func (s *Server) start() error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := log.Stat()
	if err != nil {
		return err
	}
	c := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data())
	c.Dir, c.Stdout, c.Stderr = s.dir, log, log
	c.Env = append(os.Environ(), "LC_ALL=C")
	s.id.become(c)
	dieWithUs(c)
	if err := c.Start(); err != nil {
		return err
	}
	p := &process{cmd: c, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = c.Wait() // it was stopped or killed, or its log says why
	}()
	s.running = p
	err = s.awaitReady()
	if err != nil && s.saidSince(before.Size(), notGone) {
		return fmt.Errorf("%w: %w", errNotGone, err)
	}
	return err
}

// awaitReady waits until the server says in its own file that it takes connections.
func (s *Server) awaitReady() error {
	deadline := time.After(patience)
	for !s.ready() {
		select {
		case <-s.running.ended:
			s.running = nil
			return fmt.Errorf("the server does not start:\n%s", s.logTail())
		case <-deadline:
			return fmt.Errorf("the server is not ready after %s:\n%s", patience, s.logTail())
		case <-time.After(glance):
		}
	}
	return nil
}

func (s *Server) ready() bool {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) > statusLine && lines[0] == strconv.Itoa(s.running.cmd.Process.Pid) &&
		strings.TrimSpace(lines[statusLine]) == "ready"
}

// saidSince tells whether the server has written these words since its log was so long.
func (s *Server) saidSince(size int64, words string) bool {
	text, err := os.ReadFile(s.LogFile())
	return err == nil && strings.Contains(string(text[min(size, int64(len(text))):]), words)
}

// logTail is the end of what the server wrote.
func (s *Server) logTail() string {
	const most = 2000
	text, err := os.ReadFile(s.LogFile())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// Stop stops the server as an administrator does who does not wait for clients: it ends their transactions, writes
// what it has and leaves.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// StopImmediately lets the server drop everything: it recovers when it starts again.
func (s *Server) StopImmediately() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(signal syscall.Signal) error {
	if s.running == nil {
		return nil
	}
	if err := s.running.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.awaitEnd()
}

// Kill kills every process of the server at once, as the system does that has run out of memory: no backend ends what
// it was about to do.
func (s *Server) Kill() error {
	if s.running == nil {
		return nil
	}
	if err := killTree(s.running.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.awaitEnd()
}

func (s *Server) awaitEnd() error {
	select {
	case <-s.running.ended:
		s.running = nil
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the server is still there after %s:\n%s", patience, s.logTail())
	}
}

// Restart stops the server in an orderly way and starts it with the settings as they are now.
func (s *Server) Restart() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start()
}

// Set changes settings of postgresql.conf. A server that runs reads them again at once; some of them it takes only at
// its next start.
func (s *Server) Set(settings map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range settings {
		s.settings[name] = value
	}
	if err := s.writeSettings(); err != nil || s.running == nil {
		return err
	}
	return s.running.cmd.Process.Signal(syscall.SIGHUP)
}

// Close ends the server and removes what it has written.
func (s *Server) Close() error {
	if s.given != "" {
		return nil
	}
	return errors.Join(s.StopImmediately(), os.RemoveAll(s.dir))
}
