// Command tilltape is the library at the prompt: flags and printing, and nothing that a program could not do by calling
// the library itself.
//
//	tilltape anchor       a checkpoint where others keep it
//	tilltape anomalies    the contradictions that stand open
//	tilltape at           how orders stood at a time or position
//	tilltape backup       a verified copy of a log
//	tilltape checkpoint   what a log holds, signed, and whether it goes on from what it held
//	tilltape compact      a log's file without its unused pages
//	tilltape completion   what a shell needs to complete command lines
//	tilltape demo         a day of orders against a simulated APO
//	tilltape diff         what differs between two logs, or two times of one
//	tilltape due          what APO is owed
//	tilltape evidence     what APO was told and has signed about an order
//	tilltape export       a log as a file of text, or its money as a table
//	tilltape graph        the machines that an order is made of
//	tilltape history      what happened to an order
//	tilltape import       a log made of an export, or of another log
//	tilltape keygen       the key that signs a log's checkpoints
//	tilltape list         the orders of a log
//	tilltape prove        one order for a third party, complete
//	tilltape reconcile    what APO says otherwise than a log, order by order
//	tilltape refusals     the commands that were refused
//	tilltape replay       a log, judged record by record
//	tilltape salvage      what is whole in a damaged file
//	tilltape show         how an order stands, and what may be done now
//	tilltape simulate     that APO as a process of its own
//	tilltape verify       what of a log is proven, and what is wrong with it
//	tilltape version      what this binary was built from
//	tilltape view         a log in a browser, on this machine alone
//	tilltape help         every command, with its flags
//
// # What a script can rely on
//
// Results go to standard output, everything else to standard error. A failure is told in at most two parts, each of
// which begins a line of its own:
//
//	error: what failed and why
//	hint: what to do about it
//
// The exit code tells kinds of failure apart; `tilltape help exit-codes` has all of them, and the help of each command
// those it has.
//
// Each flag has a variable that stands for it where it is not given, TILLTAPE_OUTPUT for --output; the flag wins. A
// flag that a command has no use for is refused, a variable is left alone: it may be meant for another command.
//
// Colour is for people: there is none if the stream is not a terminal, if NO_COLOR is set and not empty, or if TERM is
// "dumb"; --color always and --color never win over all of these.
package main
