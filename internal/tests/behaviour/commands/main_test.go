package commands_test

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
