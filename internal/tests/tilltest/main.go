package tilltest

import (
	"runtime/debug"
	"testing"
)

// heapGrowth is how many percent the heap of a walk may grow before it is collected.
const heapGrowth = 400

// Main runs the tests of a package that builds small worlds by the thousands. As little of them lives at any time, Go
// would collect so often that it takes two thirds of the processor's time.
func Main(m *testing.M) {
	debug.SetGCPercent(heapGrowth)
	m.Run()
}
