// Package sealed is what engines have in common once they seal their logs: it proves, verifies and loads a seal out of
// a [Source], which is all that an engine has to provide. Package seal has the tree and its proofs and knows no store;
// here are the errors of package store, contexts, and reads in batches, for engines whose every read is a way to a
// server.
//
// What is proven is never held against what was made from the same bytes. The root of all proofs is a tree that the
// engine has in memory ([Seal].Tree): loaded once, by [Load], and only where records and tiles give the frontier that
// was stored; from then on grown from the records as they are appended. A tile counts only where it leads to that tree.
//
// It is for engines; a program asks its log. One thing is for programs: [Copy] moves a log from one engine to another.
package sealed
