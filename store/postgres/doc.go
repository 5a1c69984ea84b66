// Package postgres keeps a log in a PostgreSQL database: the whole contract of package store, sealed, for any number of
// processes.
package postgres
