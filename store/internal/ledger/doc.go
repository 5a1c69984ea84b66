// Package ledger is what engines have in common: appends gather in a [Queue] while a commit is written and share the
// next one, a [Request] is checked and encoded before it is queued and its records are read from their own frames after
// it, and [Watch] follows a log. In between, a [Plan] judges the requests of a commit by what was there [Before], gives
// their records places and frames, and grows the tree over them. Looking things up and writing is the engine's.
//
//	Append                      the engine's one committer
//	Queue.Enter                 for b := q.Take(patience); b != nil; b = q.Take(patience) {
//	Encode                      	plan.Reset(before, last, tree)
//	Queue.Enqueue  ── waits ──  	for each r of b.Requests: r.Err = plan.Append(r)
//	Request.Written             	write the plan, make it durable, show it to readers
//	Queue.Leave                 	q.Done(b)
//	                            }
package ledger
