// Package long is the switch for the long laws: tests that walk a whole space, or many rounds and seeds, take minutes
// together. `go test work` runs each of them in a short form; with the environment variable [Variable] set to 1 it runs
// them whole, as .ci/run does. Set to "all" it also runs what takes an hour, whole.
//
// It is for tests.
package long

import (
	"flag"
	"fmt"
	"os"
	"strconv"
)

// Variable is the environment variable that turns the long laws on where it is 1 or "all". go test takes a variable
// that a test reads into account where it keeps results, so a kept short run never stands for a long one.
const Variable = "TILLTAPE_LONG"

// everything, as the value of [Variable], asks for more than .ci/run has the time for.
const everything = "all"

// Enabled reports whether tests run whole.
func Enabled() bool { return os.Getenv(Variable) == "1" || Everything() }

// Everything reports whether even what takes an hour is wanted: the variable is "all".
func Everything() bool { return os.Getenv(Variable) == everything }

// Rounds is the first of the two where tests run whole, and the second in everyday runs: rounds, seeds, days, or
// whatever a test counts.
func Rounds(whole, everyday int) int {
	if Enabled() {
		return whole
	}
	return everyday
}

// Each reports whether the i-th of many cases is tried: every one where tests run whole, and everyday one of every so
// many, the same ones each time. Everyday, cases that nothing else covers have no business in such a row.
func Each(i, everyday int) bool { return i%Rounds(1, everyday) == 0 }

// Walks reports whether a walk through a whole space is made whole: where tests run whole, and not under the race
// detector, which makes it ten times slower and no more thorough.
func Walks() bool { return Enabled() && !Raced }

// Walk is [Rounds] for such a walk.
func Walk(whole, everyday int) int {
	if Walks() {
		return whole
	}
	return everyday
}

// checksFlag is the flag of pgregory.net/rapid for how many times a property is checked.
const checksFlag = "rapid.checks"

// Checks lets every rapid.Check of a test binary check its property so many times in everyday runs, and as often as the
// flag -rapid.checks says where tests run whole. Call it in TestMain before anything else, where checks are slow; a
// flag that is given counts in either case.
func Checks(everyday int) {
	if Enabled() {
		return
	}
	if err := flag.Set(checksFlag, strconv.Itoa(everyday)); err != nil {
		panic(fmt.Sprintf("set -%s: %v; call Checks only in a test binary that imports pgregory.net/rapid", checksFlag, err))
	}
}
