package tempdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tests is a test binary that looks where its files would be, and ends with a code.
type tests func() int

func (r tests) Run() int { return r() }

func TestFilesAreInMemoryWhileTestsRunAndGoneBehindThem(t *testing.T) {
	t.Setenv(variable, "")
	if room(memory) < roomMin {
		t.Skip("there is no memory for files here")
	}
	var dir string
	code := Run(tests(func() int {
		dir = os.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "left"), []byte("behind"), 0o600))
		return 7
	}))
	assert.Equal(t, 7, code)
	assert.True(t, strings.HasPrefix(dir, memory+"/"), dir)
	assert.NoFileExists(t, dir)
	assert.NoDirExists(t, dir)
	assert.NotEqual(t, dir, os.TempDir())
}

func TestADirectoryThatIsNamedIsTaken(t *testing.T) {
	named := t.TempDir()
	t.Setenv(variable, named)
	assert.Equal(t, 3, Run(tests(func() int {
		assert.Equal(t, named, os.TempDir())
		return 3
	})))
	assert.DirExists(t, named)
}

func TestNobodyHasRoomWhereNothingIs(t *testing.T) {
	assert.Zero(t, room(filepath.Join(t.TempDir(), "nowhere")))
}
