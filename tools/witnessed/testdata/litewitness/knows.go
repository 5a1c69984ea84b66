// Command knows makes a litewitness's database, in which it knows a log, as its own witnessctl does with add-log and
// add-key: knows DB ORIGIN KEY. A test builds it beside litewitness, so that only the two need SQLite.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"log"
	"os"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const tables = `
	CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
	CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));`

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func run(db, origin, key string) error {
	conn, err := sqlite.OpenConn(db)
	if err != nil {
		return err
	}
	if err := sqlitex.ExecuteScript(conn, tables, nil); err != nil {
		return err
	}
	empty := sha256.Sum256(nil)
	if err := sqlitex.Execute(conn, "INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)",
		&sqlitex.ExecOptions{Args: []any{origin, base64.StdEncoding.EncodeToString(empty[:])}}); err != nil {
		return err
	}
	if err := sqlitex.Execute(conn, "INSERT INTO key (origin, key) VALUES (?, ?)",
		&sqlitex.ExecOptions{Args: []any{origin, key}}); err != nil {
		return err
	}
	return conn.Close()
}
