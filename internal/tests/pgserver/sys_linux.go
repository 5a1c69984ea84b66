package pgserver

import (
	"os/exec"
	"syscall"
)

// dieWithUs lets the system stop the server where the test binary dies without doing it.
func dieWithUs(c *exec.Cmd) {
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Pdeathsig = syscall.SIGQUIT
}
