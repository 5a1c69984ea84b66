package ordertest_test

import (
	"os"
	"testing"

	"github.com/tilltape/tilltape/internal/tests/tempdir"
)

func TestMain(m *testing.M) { os.Exit(tempdir.Run(m)) }
