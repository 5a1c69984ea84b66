package bolt

import (
	"time"

	"go.etcd.io/bbolt"
)

// endOfTime is later than any time a record can have.
var endOfTime = time.Unix(0, 1<<63-1).UTC()

// unsealed tells whether the log was made without a seal.
func (l *Log) unsealed(tx *bbolt.Tx) bool {
	return tx.Bucket([]byte(bucketMeta)).Get([]byte(metaFrontier)) == nil
}
