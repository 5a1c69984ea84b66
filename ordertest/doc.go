// Package ordertest is what services that keep orders with this library take into their own property tests: a check
// that a log stays linearizable under many clients, and generators of order histories for rapid.
//
// # Is my log still a log when everybody writes at once?
//
//	func TestLinearizable(t *testing.T) {
//		ordertest.Linearizable(t, func(t *testing.T) store.Log { … an empty log … }, ordertest.Load{})
//	}
//
// Many clients append to one stream, read it, ask for its head and look its keys up, all at the same time; appends meet
// conflicts, are repeated as if their answers had been lost, and have their contexts ended under them. What each client
// was told is then searched for one order of the operations, compatible with the time they took, in which a plain list
// would have given the same answers (github.com/anishathalye/porcupine does the search). A log that checks a version
// and writes in two steps, loses a write, writes one twice or answers from yesterday has no such order. A search that
// does not end in time is a failure, never a pass. Package storetest asks about everything else that a log promises.
//
// # What can happen to an order?
//
//	rapid.Check(t, func(t *rapid.T) {
//		till := ordertest.Histories("o-1").Draw(t, "history")
//		… hand till.Records to what reads logs: a projection, a report, an export …
//	})
//
// [Commands] draws what people command, what APO proves and answers, and when; [Histories] draws the records that
// follow. Both go through [order.Decide] and nothing else, so that a history is one that the library itself could have
// written: lost answers, retries, contradictions, parked operations and late money included. A [Till] plays commands of
// your own.
//
// The package is for tests: it links porcupine, rapid and testing, so nothing but a _test.go file should import it. It
// is a module of its own for the same reason.
package ordertest
