//go:build unix

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// identity is who runs the server: PostgreSQL refuses root.
type identity struct {
	other    bool // somebody else than we are
	uid, gid int
}

// candidates are the users that root lets run the server, the best first.
var candidates = []string{"postgres", "nobody"}

// ordinary is who we are, or where we are root somebody who is not.
func ordinary() (identity, error) {
	if os.Geteuid() != 0 {
		return identity{}, nil
	}
	for _, name := range candidates {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return identity{}, err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return identity{}, err
		}
		return identity{true, uid, gid}, nil
	}
	return identity{}, fmt.Errorf("PostgreSQL refuses root, and there is none of the users %v; make one, or run the "+
		"tests as an ordinary user", candidates)
}

// own gives the file to whoever runs the server.
func (i identity) own(path string) error {
	if !i.other {
		return nil
	}
	return os.Chown(path, i.uid, i.gid)
}

// Passable tells whether whoever runs a server gets to what is in the directory.
func Passable(dir string) bool {
	id, err := ordinary()
	if err != nil {
		return false
	}
	const others = 0o001
	for at := filepath.Clean(dir); id.other; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil || info.Mode().Perm()&others == 0 {
			return false
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return true
}

// become lets the command run as that user.
func (i identity) become(c *exec.Cmd) {
	if i.other {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)}}
	}
}

// killTree kills the process and its children. It is stopped first, so that it neither makes new ones nor sees the
// others die.
func killTree(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(p.Pid)
	for _, pid := range children {
		if e := syscall.Kill(pid, syscall.SIGKILL); e != nil && !errors.Is(e, syscall.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, p.Kill())
}

// childrenOf are the processes that this one started.
func childrenOf(parent int) ([]int, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps, which says what to kill: %w", err)
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		var pid, ppid int
		if _, err := fmt.Sscan(line, &pid, &ppid); err != nil {
			return nil, err
		}
		if ppid == parent {
			found = append(found, pid)
		}
	}
	return found, nil
}
