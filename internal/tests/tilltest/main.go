package tilltest

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/tilltape/tilltape/internal/tests/tempdir"
)

// heapGrowth is how many percent the heap of a walk may grow before it is collected.
const heapGrowth = 400

// Main runs the tests of a package that builds small worlds by the thousands. As little of them lives at any time, Go
// would collect so often that it takes two thirds of the processor's time.
func Main(m *testing.M) {
	debug.SetGCPercent(heapGrowth)
	os.Exit(tempdir.Run(m))
}
