// Package order is the pure core: what an order is, which commands it takes, which facts follow, and what APO is owed.
// It has no I/O, no clock and no randomness: time, ids and policy come in by [Env], and everything else is a value.
// (Ids that an order remembers are hashed under a key of the process; nothing that comes out depends on it.)
//
// # The way of a command
//
//	events, err := order.Decide(o, order.Cancel{Reason: "changed their mind"}, env) // illegal: *RejectedError
//	// append the events durably, after version o.Version; then
//	o = order.Evolve(o, record)                                                     // for each record written
//	call, ok := o.Claimed()                                                         // what may be asked of APO now
//	// ask APO; then
//	events, err = order.Decide(o, order.RecordAnswer{Call: call, Verdict: verdict}, env)
//
// An intent such as cancel.requested is at the same time the claim of its first attempt: until its lease ends nobody
// else asks APO. [Order.Due] tells when a further attempt or an inquiry is owed; it is a function of stored state, so
// the first try, a retry and a restart after a crash all go the same way and carry equal ids and amounts.
//
// # Status, operation, gateway capture
//
// A [Status] says what is proven about the money. An [Operation] is what we have asked of APO and do not know the
// answer to; an order has at most one, and beside it the refunds that APO has accepted. A [GatewayCapture] is the
// capture APO starts by itself. Commands never move the status: they begin operations. Facts move it, by whatever
// channel they come, and are never denied: one that contradicts what is on record raises an anomaly.
//
// # The book
//
// An order keeps a book of its money: one entry a movement (the payment, a capture, a refund), with its identifiers,
// whose it is, the amount as APO signed it, and how far APO's word on it goes. The amounts (authorized, captured,
// refunded, late) are made from the entries and never added up beside them, and the rules read the book and not the
// anomalies: an anomaly is only the flag that a person should look.
//
// # One law
//
// All legality stands in the rows of one internal package, each condition once. looplab/fsm, built from them,
// arbitrates commands; the fold reads them compiled; [Order.Actions] and [RejectedError] speak from them; [Judge] holds
// a log against them; docs/reference/states.md, which shows them all, and the tests are made of them.
//
// # Unknown
//
// The zero [Verdict] is unknown, and so are U, silence, a cut connection and an F whose code nobody knows. An unknown
// attempt is asked again with the same ids, and from the third try, after an hour of silence and after every F that
// does not decide only once an inquiry has said that it was not done.
package order
