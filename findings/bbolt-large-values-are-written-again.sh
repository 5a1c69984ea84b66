#!/usr/bin/env bash
# bbolt v1.5.0 (a pinned Go module): a value of 100 000 bytes, 25 pages of 4 KiB, is written four to five times when
# values are added one a transaction with rising keys, the order that is best for a B+ tree. One would guess that a leaf
# so far over its page is split at once, and that FillPercent has a say. But no leaf is split that has fewer than five
# values, however large: each commit writes the last leaf anew with all that is in it, and from the fifth value on every
# commit writes four or five of them.
#
# What we do: store/bolt keeps frames in chunks of two pages at most, unless one frame is larger, with a directory
# behind each, and writes the chunks of all who wait in one commit (decision 12).
#
# Seen, and compared with; the numbers are pages that a commit wrote, two or three of them not the leaf's:
#> go.etcd.io/bbolt v1.5.0
#> FillPercent 0.5: 27 51 76 100 126 101 126 101 126 101 126 101 126 101
#> FillPercent 1.0: 27 51 76 100 126 101 126 101 126 101 126 101 126 101
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOWORK=off GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"

cat > main.go <<'GO'
package main

import (
	"fmt"
	"log"

	"go.etcd.io/bbolt"
)

const (
	pageSize  = 4096
	valueSize = 100_000
	values    = 14
)

func main() {
	for _, fill := range []float64{0.5, 1} {
		if err := add(fill); err != nil {
			log.Fatal(err)
		}
	}
}

// add puts one value a transaction and prints how many pages each took.
func add(fill float64) error {
	db, err := bbolt.Open(fmt.Sprintf("fill-%.1f", fill), 0o600, &bbolt.Options{PageSize: pageSize})
	if err != nil {
		return err
	}
	fmt.Printf("FillPercent %.1f:", fill)
	for key := range byte(values) {
		before := db.Stats().TxStats
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("values"))
			if err != nil {
				return err
			}
			b.FillPercent = fill
			return b.Put([]byte{key}, make([]byte, valueSize))
		})
		if err != nil {
			return err
		}
		after := db.Stats().TxStats
		wrote := after.Sub(&before)
		fmt.Printf(" %d", wrote.GetPageAlloc()/pageSize)
	}
	fmt.Println()
	return db.Close()
}
GO
go mod init finding 2> said || { cat said >&2; exit 1; }
go get go.etcd.io/bbolt@v1.5.0 2> said || { cat said >&2; exit 1; }
{ go list -m go.etcd.io/bbolt && go run .; } > seen
diff <(sed -n 's/^#> //p' "$self") seen || { echo "finding: it behaves otherwise now (above)" >&2; exit 1; }
echo 'finding: as it was'
