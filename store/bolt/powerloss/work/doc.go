// Package work gives the engine something to do while its disk is recorded: many writers on shared streams, small and
// large appends, lookup keys, conflicts, and a reader that follows the log.
package work
