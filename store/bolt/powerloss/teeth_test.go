package powerloss_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tooth is a way to be careless with the disk.
type tooth struct {
	name    string
	patch   patch
	symptom []string // one of these must be among what is wrong with the images
}

// What carelessness leads to.
const (
	lost     = "was acknowledged and is lost"
	unopened = "it does not open"

	ahead       = "has no records, and its head is"
	uncovered   = "and its head is version"
	unconfirmed = "its heads are said to cover position" // told on opening, where it is the head at that very position
	stale       = "the index \""
	unrecovered = "after an orderly close"
)

var teeth = []tooth{
	{"no sync at all", patch{file: "store/bolt/open.go", ours: true, pairs: []string{
		"NoSync:          c.unsynced,", "NoSync:          true,",
	}}, []string{lost, unopened}}, // which comes first is the trace's matter
	{"acknowledged before the commit is synced", patch{file: "store/internal/ledger/commit.go", ours: true,
		pairs: []string{
			"\t\tq.Done(b)\n", "\t\tq.resume(len(b.Requests))\n" +
				"\t\tselect {\n\t\tcase <-b.done:\n\t\tdefault:\n\t\t\tclose(b.done)\n\t\t}\n",
			"\treturn e.Commit(b, p)\n", "\tclose(b.done)\n\treturn e.Commit(b, p)\n",
		}}, []string{lost}},
	{"header page written before its data is synced", patch{file: "tx.go", pairs: []string{
		"// gofail: var beforeSyncDataPages struct{}\n\t\tif err := fdatasync(tx.db); err != nil {",
		"if err := error(nil); err != nil {",
	}}, []string{unopened, lost}},
	{"header page not synced", patch{file: "tx.go", pairs: []string{
		"// gofail: var beforeSyncMetaPage struct{}\n\t\tif err := fdatasync(tx.db); err != nil {",
		"if err := error(nil); err != nil {",
	}}, []string{lost, unopened}},
	{"heads and keys written ahead of the log", patch{file: "store/bolt/commit.go", ours: true, pairs: []string{
		"\tdone, filled := 0, false\n", `	done, filled := 0, false
	if err := l.db.Update(func(tx *bbolt.Tx) error {
		for _, of := range p.Streams() {
			at := placeBytes(p.Summary(of).Place)
			if err := tx.Bucket([]byte(bucketHeads)).Put(streamKey(of), summed(streamKey(of), at)); err != nil {
				return err
			}
		}
		for key, c := range p.Claims() {
			if err := tx.Bucket([]byte(bucketKeys)).Put(ownerKey(key), summed(ownerKey(key), short(c.Position))); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
`,
	}}, []string{ahead}},
	{"covered position written ahead of the heads it covers",
		patch{file: "store/bolt/flush.go", ours: true, pairs: []string{
			"return progress{before.covered, f.gen.last}", "return progress{f.gen.last, f.gen.last}",
		}}, []string{uncovered, unconfirmed}},
	{"index entries written without word of where they come from",
		patch{file: "store/bolt/flush.go", ours: true, pairs: []string{
			"return progress{before.covered, f.gen.last}", "return before",
		}}, []string{stale}},
	{"heads written without the position they cover", patch{file: "store/bolt/flush.go", ours: true, pairs: []string{
		"return progress{f.gen.last, f.gen.last}", "return progress{before.covered, before.covered}",
	}}, []string{unrecovered}},
}

// How long a careless engine is searched for its symptom, in images drawn and in wrong ones of each process; and how
// long one image may take there. An image can be damaged so badly that bbolt follows its pages for ever: that is one
// more wrong image, and not waited for.
const (
	toothImages = 6000
	toothWrong  = 40
	toothTakes  = 3 * time.Second
)

// An engine that is careless with the disk must not pass. Its images are judged by the engine as it is: the question is
// what carelessness left on the disk.
func TestTeeth(t *testing.T) {
	sound := shop.driver(t, smallGenerations)
	for _, careless := range teeth {
		t.Run(careless.name, func(t *testing.T) {
			trace, _ := record(t, shop.driver(t, smallGenerations, careless.patch), scripts[0], *seedFlag)
			found := judge(t, sound, trace, *seedFlag, drawing{images: toothImages, wrongMax: toothWrong, takes: toothTakes})
			i := slices.IndexFunc(found.bad, func(bad string) bool {
				return slices.ContainsFunc(careless.symptom, func(s string) bool { return strings.Contains(bad, s) })
			})
			require.GreaterOrEqual(t, i, 0, "no image was wrong in that it %q; found: %s %.2000v", careless.symptom, found,
				found.bad)
			t.Logf("%d of %d images wrong before the search ended, for instance %.300s", len(found.bad), found.begun,
				found.bad[i])
		})
	}
}

// A patch that does not fit its source is an error, so that a tooth cannot fall out unseen.
func TestPatchMustFit(t *testing.T) {
	for _, old := range []string{"there is no such line", "return"} {
		_, err := patch{file: "store/bolt/open.go", ours: true, pairs: []string{old, ""}}.apply(&shop)
		require.ErrorContains(t, err, "not once")
	}
}
