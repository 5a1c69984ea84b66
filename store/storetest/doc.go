// Package storetest is the promise of package store in executable form. Every log runs it, ours and yours:
//
//	func TestLog(t *testing.T) {
//		storetest.Run(t, storetest.Factory{
//			Open:   func(t *testing.T) store.Log { … an empty log … },
//			Reopen: func(t *testing.T, log store.Log) store.Log { … close it and open what it kept … },
//		})
//	}
//
// What only some engines can do is asked for where the factory says that they can: Second for several handles on one
// log, and Seal for logs that prove what they hold.
//
// Each clause of the contract is a subtest with a name to match, so that a failure says which promise is broken and
// `-run 'TestLog/lost_answers'` runs that one alone. [Same] drives several engines with the same random operations and
// demands the same answers and the same bytes.
//
// The suite needs some ten seconds on a log that syncs a disk, and fewer where the factory is Short. Most faults of
// concurrency it finds only under -race.
//
// It is for tests: it imports testify and rapid, so nothing but a _test.go file should import it.
package storetest
