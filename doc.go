// Package tilltape keeps the record of orders that are paid through APO, Antom's payment orchestration.
//
// A till's paper tape has one line per sale, and nobody can take a line back. This is that for a checkout service: an
// order's commands are judged before anything is sent, what is about to be asked of APO is on disk before it is asked,
// what APO answered is kept with its signature, and every state an order was ever in can be derived again from the log.
//
// # Three ideas
//
// Intent before call. A command that is legal is first appended to the order's stream and only then sent. What APO is
// owed follows from that record alone, so a first try, a retry and a restart after a crash are the same thing, with
// the same ids and the same amounts.
//
// Refused means not sent. A command that the record shows to be illegal (a cancel after a capture, a refund above what
// was captured) never leaves the process. The refusal names what stands in the way, since when, and what to do instead.
//
// Unproven is unknown. A timeout, a cut connection, a bad signature or an answer that nobody understands is neither
// success nor failure. The order waits, visibly, and APO is asked again.
//
// # The packages
//
// Read them in the order that data takes:
//
//	money           amounts: one type, written one way
//	events          the facts: their names, versions and bytes
//	order           the rules, as pure functions over facts: no clock, no I/O, no randomness; order/window the
//	                acquirers' cancel windows
//	store           what a log must promise; store/memory and store/bolt keep the promise, and
//	                store/bolt/salvage finds what is left in a damaged file
//	jsonform        facts, records, heads and orders in JSON: one form for all that prints them
//	seal            the Merkle tree over a log, its checkpoints and proofs
//	apo             APO over HTTP: pay, cancel, capture, refund, inquire; sign, verify, classify
//	tilltape        this package: orders, store and apo driven with a clock; a Reader where nothing is to be driven
//	problem         how a command ended, told over HTTP
//	notify          the endpoint that APO calls
//	service         what every HTTP service has around an Orders: it reads, answers, hears, settles and ends
//	evidence        what APO's support needs to see of one order
//	audit           what can be proved from a log alone
//	export          a log as a file of text that anybody can keep and read, and a log made of it again
//	viewer          a log in a browser: what stands open, each order's story, the log itself
package tilltape
