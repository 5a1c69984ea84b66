package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Variable is the environment variable with the URL of a server that [Shared] takes instead of making one. Its user
// must be allowed to create schemas and roles.
const Variable = "TILLTAPE_POSTGRES"

// ciVariable is set to true where nothing may be skipped.
const ciVariable = "CI"

// ErrMissing: PostgreSQL's programs are not on this machine.
var ErrMissing = errors.New("PostgreSQL's server is not installed; install it (Debian: apt-get install postgresql, " +
	"macOS: brew install postgresql), put its initdb on the PATH, or name a running server in " + Variable)

// usual are the places of the programs where they are not on the PATH.
var usual = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin", "/usr/libexec/postgresql*",
}

// needed are the programs that a folder must have to count.
var needed = []string{"initdb", "postgres", "psql", "pg_basebackup", "pg_dump"}

// Find returns the folder of PostgreSQL's programs: the PATH's, or the newest in the usual places.
func Find() (string, error) {
	if onPath, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(onPath); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	var found []string
	for _, place := range usual {
		folders, err := filepath.Glob(place)
		if err != nil {
			return "", err
		}
		found = append(found, slices.DeleteFunc(folders, func(folder string) bool { return !complete(folder) })...)
	}
	if len(found) == 0 {
		return "", ErrMissing
	}
	return slices.MaxFunc(found, func(a, b string) int { return release(a) - release(b) }), nil
}

// complete tells whether the folder has all the programs.
func complete(folder string) bool {
	for _, program := range needed {
		if _, err := os.Stat(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}

// release is the first number in a folder's path.
func release(folder string) int {
	digits := strings.FieldsFunc(folder, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}

// lack ends the test that lacks something: it is skipped, and fails where nothing may be skipped.
func lack(t testing.TB, err error) {
	t.Helper()
	if os.Getenv(ciVariable) == "true" {
		t.Fatalf("%v (%s is true, so this is no reason to skip)", err, ciVariable)
	}
	t.Skip(err)
}

// fail is an error of one of the programs, with what it said.
func fail(doing string, err error, said []byte) error {
	return fmt.Errorf("%s: %w\n%s", doing, err, strings.TrimSpace(string(said)))
}
