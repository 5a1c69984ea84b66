package seal_test

import (
	"os"
	"testing"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tempdir"
)

// TestMain has properties of large trees checked less often in everyday runs.
func TestMain(m *testing.M) {
	long.Checks(8)
	os.Exit(tempdir.Run(m))
}
