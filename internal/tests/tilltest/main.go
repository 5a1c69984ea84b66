package tilltest

import (
	"os"
	"testing"

	"github.com/tilltape/tilltape/internal/tests/tempdir"
)

// Main runs the tests of a package, with memory spent where it saves time.
func Main(m *testing.M) { os.Exit(tempdir.Run(m)) }
