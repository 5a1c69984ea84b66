package export

import (
	"context"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// Import appends all records of an export to a log that is empty, of whatever engine: with the same frames and so with
// the same root, which is compared in the end and returned. It is [sealed.Copy] of the export, so the new log has an
// origin of its own, and the exported log's, with what it held, is the newest in its ancestry; and an import that was
// interrupted goes on where the same call is made again. progress may be nil.
//
// Nobody else may append to the log meanwhile. A filtered export is refused with [ErrFiltered], a log that holds
// something else with [store.ErrInvalid], and a damaged export with [store.ErrDamaged] before anything of it is
// appended.
func Import(ctx context.Context, from *Log, to store.Log, progress func(done, total uint64)) (seal.Checkpoint, error) {
	return sealed.Copy(ctx, from, to, progress)
}
