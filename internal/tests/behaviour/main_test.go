// Package behaviour_test tests what an Orders does as its callers see it: commands, their repetition, failures and
// words; each operation by the tables, and a cancel by APO's guide; what it settles by itself; its lists, refusals,
// observer and logger. second_test.go holds the second verifier, docs/reference/verify.py, to what the first one says:
// it is written from the pages on the formats alone, in another language, so what both take is what the pages say.
//
// It is one package, since each test binary takes over half a second to link.
package behaviour_test

import (
	"os"
	"testing"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tempdir"
)

// everydayChecks is how often a property is checked in everyday runs.
const everydayChecks = 25

func TestMain(m *testing.M) {
	long.Checks(everydayChecks)
	os.Exit(tempdir.Run(m))
}
