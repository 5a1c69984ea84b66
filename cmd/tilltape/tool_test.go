package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever runs in a process of its own is the tool as people install it, and not this test binary in its place: the
// scripts start five hundred processes, and what only tests import takes each of them longer to initialize than
// everything else.

// toolMark names the file that this binary is to copy its argument to, and nothing else.
const toolMark = "TILLTAPE_TOOL_TO"

// toolName is the tool's file name.
var toolName = map[bool]string{false: "tilltape", true: "tilltape.exe"}[runtime.GOOS == "windows"]

// toolDir is the folder that the tool is in once it is made, and packageDir the one that it is made from.
var (
	toolDir       string
	packageDir, _ = os.Getwd() // tests go elsewhere
)

var makeTool = sync.OnceValue(func() (err error) {
	if toolDir, err = os.MkdirTemp("", "tilltape-tool"); err != nil {
		return err
	}
	return build(filepath.Join(toolDir, toolName))
})

// cleared are the tests, behind which the tool is gone.
type cleared struct{ *testing.M }

func (c cleared) Run() int {
	defer func() { _ = os.RemoveAll(toolDir) }() // "" is nothing
	return c.M.Run()
}

// build makes the tool by the flags that this binary was made by. go run keeps what it has linked in go's cache, as go
// build does not, and so links it for the first test run only; it is told to run it by this binary, which copies it.
func build(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := []string{"run", "-exec", fmt.Sprintf("%q", self)}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if slices.Contains([]string{"-race", "-trimpath", "-tags"}, s.Key) {
				arguments = append(arguments, s.Key+"="+s.Value)
			}
		}
	}
	c := exec.Command("go", append(arguments, ".")...)
	c.Dir, c.Env = packageDir, append(os.Environ(), toolMark+"="+to)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("making the tool with the go command: %w\n%s", err, out)
	}
	return nil
}

// copyTool is what is left of a process that [build] starts.
func copyTool(from, to string) (err error) {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		_ = w.Close()
		return err
	}
	return w.Close()
}

// theTool is where the tool is.
func theTool(t *testing.T) string {
	t.Helper()
	require.NoError(t, makeTool())
	return filepath.Join(toolDir, toolName)
}

func TestTheToolIsNoTestBinary(t *testing.T) {
	out, err := exec.Command(theTool(t), "-test.list=.").CombinedOutput() // which has a test binary tell its tests
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), t.Name())
	require.Contains(t, string(out), "tilltape [command]")
}
