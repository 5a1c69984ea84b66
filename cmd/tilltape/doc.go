// Command tilltape is the library at the prompt: flags and printing, and nothing that a program could not do by calling
// the library itself.
//
//	tilltape demo         a day of orders against a simulated APO
//	tilltape graph        the machines that an order is made of
//	tilltape key          the key that signs a log's checkpoints
//	tilltape replay       a log, judged record by record
//	tilltape simulate     that APO as a process of its own
//	tilltape version      what this binary was built from
//	tilltape completion   what a shell needs to complete its command lines
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
// The exit code tells kinds of failure apart:
//
//	0    success
//	1    the command ran and failed, in none of the ways below
//	2    it was not understood (an unknown command or flag, a missing argument, a flag that asks for what
//	     cannot be) and has done nothing
//	6    what was asked for is not there: a file, an order
//	10   the log is not what was written: its seal or the rules disprove a record, or it is damaged
//	12   the file is no log, or one that only a newer version can read
//	130  it was interrupted
//
// Colour is for people: there is none if the stream is not a terminal, if NO_COLOR is set and not empty, or if TERM is
// "dumb".
package main
