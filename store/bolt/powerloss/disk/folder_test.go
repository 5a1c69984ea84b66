package disk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
)

// A log and its journal are found by their names, and a name is certain once the folder is synced.
func TestANameMayBeMissingUntilItsFolderIsSynced(t *testing.T) {
	type found struct{ log, journal bool }
	f := new(disk.Folder)
	for _, step := range []struct {
		op      disk.Op
		pending int
		may     []found // the first as its user sees it
		surely  found
	}{
		{disk.Op{Kind: disk.Wrote, Data: page('a', 1)}, 1, []found{{}}, found{}},
		{synced(1), 0, []found{{}}, found{}},
		{disk.Op{Kind: disk.Named}, 1, []found{{log: true}, {}}, found{}},
		{disk.Op{Kind: disk.Settled}, 0, []found{{log: true}}, found{log: true}},
		{disk.Op{Kind: disk.Made, File: 1}, 0, []found{{log: true}}, found{log: true}},
		{disk.Op{Kind: disk.Named, File: 1}, 1, []found{{true, true}, {log: true}}, found{log: true}},
		{disk.Op{Kind: disk.Settled}, 0, []found{{true, true}}, found{true, true}},
		{disk.Op{Kind: disk.Removed}, 1, []found{{log: true}, {true, true}}, found{true, true}},
	} {
		f.Do(step.op)
		assert.Equal(t, step.pending, f.Pending(), step.op.Kind)
		take := func(class disk.Class, seed uint64) found {
			image := disk.Shot{Class: class, Seed: seed}.Take(f, nil)
			if !image.There {
				assert.Zero(t, image.Size)
				assert.Empty(t, image.Log)
			}
			return found{image.There, image.Named}
		}
		assert.Equal(t, step.may[0], take(disk.Prefix, 0), step.op.Kind)
		assert.Equal(t, step.surely, take(disk.Bare, 0), step.op.Kind)
		var seen []found
		for seed := range uint64(50) {
			seen = append(seen, take(disk.Subset, seed))
		}
		assert.Subset(t, step.may, seen, step.op.Kind)
		assert.Subset(t, seen, step.may, step.op.Kind)
	}
}
