// Package ledger is what engines have in common: appends gather in a [Queue] while a commit is written and share the
// next one, a [Request] is checked and encoded before it is queued and its records are made as readers get them while
// it is written, and [Watch] follows a log. In between, [Run] is the one committer: a [Plan] judges the requests of a
// batch by what was there [Before], gives their records places and frames, and grows the tree over them. Looking things
// up and writing is the [Engine]'s.
//
//	Append                      Run
//	Queue.Enter                 for each batch that gathers in the queue:
//	Encode                      	Engine.Begin: its turn, and all that judging will ask
//	Queue.Enqueue  ── waits ──  	Plan.Append: First, Previous or Err of each request
//	Request.Written             	Engine.Commit: durable and shown to readers, or why not
//	Queue.Leave
package ledger
