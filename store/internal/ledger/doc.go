// Package ledger is what engines have in common before and after they write: appends gather in a [Queue] while a commit
// is written and share the next one, a [Request] is checked and encoded before it is queued and its records are read
// from their own frames after it, and [Watch] follows a log. What is between, the judging and the writing, is the
// engine's.
//
//	Append                      the engine's one committer
//	Queue.Enter                 for b := q.Take(patience); b != nil; b = q.Take(patience) {
//	Encode                      	judge and write b.Requests, set First, Previous or Err of each
//	Queue.Enqueue  ── waits ──  	q.Done(b)
//	Request.Written             }
//	Queue.Leave
package ledger
