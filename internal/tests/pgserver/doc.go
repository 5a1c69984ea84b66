// Package pgserver makes PostgreSQL servers for tests: a cluster in a directory of its own, run by an ordinary user and
// heard on loopback alone, that a test can stop, kill, restart, configure, follow with a standby and promote; a
// [Proxy] that cuts connections at moments that matter; and PgBouncer in front of it.
//
// A test binary has one server for the tests that leave it alone: [Run] in TestMain, [Shared] in the test, and a schema
// of its own from [Schema]. A test that hurts its server makes one with [New].
//
// The server keeps its word by default: fsync is on. What the settings differ in from PostgreSQL's own is there to find
// mistakes: text is sorted as people sort it, not by bytes, and the time zone is far from UTC.
//
// It is for tests.
package pgserver
