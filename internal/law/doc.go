// Package law is the law of orders: what a fact does in a status, which command a status takes and on which conditions,
// what follows for an operation from what is proven, and the words for all of it. Whatever decides, judges, explains or
// draws an order reads these rows: the FSM that arbitrates commands, the fold, the rejections and the auditor in
// package order, docs/reference/states.md, and the exhaustive tests.
//
// The rows speak in small numbers of their own. Those that users of package order meet (statuses, phases, commands,
// reasons) have the same names and values there, with what they mean; a test holds the two lists against each other.
package law

//go:generate go run ../gen/states ../../docs/reference
