// Package engine is the drive loop as pure steps. A [Drive] carries one command through load, decide, append, call and
// record, and names at each step the one effect it needs as a value, a [Task]: read a stream, append records, ask APO.
// What holds the drive performs the task and hands the result back. Root does that for real; an explorer can do it
// in every order and stop between any two.
//
// What the loop holds to:
//
//   - A call is named only after the append that claims it has succeeded. A refused append names no call.
//   - An append that may or may not have happened is repeated with the same record ids.
//   - A version conflict reads what is new and decides again; it never overwrites.
//   - Once a call was made, its outcome is recorded, whatever it is.
package engine
