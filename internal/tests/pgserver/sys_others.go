//go:build !linux

package pgserver

import "os/exec"

// dieWithUs does nothing: only Linux tells a process of its parent's death.
func dieWithUs(*exec.Cmd) {}
