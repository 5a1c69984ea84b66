//go:build !unix

package pgserver

import (
	"os"
	"os/exec"
)

// identity is who runs the server: we.
type identity struct{}

func ordinary() (identity, error) { return identity{}, ErrMissing }

// Passable tells whether whoever runs a server gets to what is in the directory.
func Passable(string) bool { return false }

func (identity) own(string) error  { return nil }
func (identity) become(*exec.Cmd)  {}
func killTree(p *os.Process) error { return p.Kill() }
