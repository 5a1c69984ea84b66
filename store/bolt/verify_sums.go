package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/store"
)

// sumsMax is the most entries that a verification looks at in one transaction.
const sumsMax = 16 * pageMax

// sums proves every entry of the lazy buckets, also those that memory knows better and nobody asks for.
func (v *verifier) sums(ctx context.Context) error {
	for _, bucket := range lazyBuckets {
		for from := []byte{}; from != nil; {
			if err := store.CheckContext(ctx, "verify log "+v.log.path); err != nil {
				return err
			}
			err := v.log.view(func(tx *bbolt.Tx) (err error) {
				from, err = v.log.proveFrom(tx, bucket, from)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// proveFrom proves entries of a bucket from a key on, and returns the key to go on from; nil where that was all.
func (l *Log) proveFrom(tx *bbolt.Tx, bucket string, from []byte) (next []byte, err error) {
	c := l.lazyCursor(tx, bucket)
	_, err = c.seek(from)
	for n := 0; err == nil && c.key != nil; n++ {
		if n == sumsMax {
			return bytes.Clone(c.key), nil
		}
		err = c.next()
	}
	return nil, err
}
