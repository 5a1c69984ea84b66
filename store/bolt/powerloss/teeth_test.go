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
	also    []patch  // of other files
	symptom []string // one of these must be among what is wrong with the images
	journal bool     // it shows in a log with a journal
	judges  bool     // the careless engine itself opens the images: what it is careless in is reading them
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
	{name: "no sync at all", patch: patch{file: "store/bolt/open.go", ours: true, pairs: []string{
		"NoSync:          c.unsynced,", "NoSync:          true,",
	}}, symptom: []string{lost, unopened}}, // which comes first is the trace's matter
	{name: "acknowledged before the commit is synced", patch: patch{file: "store/internal/ledger/commit.go", ours: true,
		pairs: []string{
			"\t\tq.Done(b)\n", "\t\tq.resume(len(b.Requests))\n" +
				"\t\tselect {\n\t\tcase <-b.done:\n\t\tdefault:\n\t\t\tclose(b.done)\n\t\t}\n",
			"\treturn e.Commit(b, p)\n", "\tclose(b.done)\n\treturn e.Commit(b, p)\n",
		}}, symptom: []string{lost}},
	{name: "header page written before its data is synced", patch: patch{file: "tx.go", pairs: []string{
		"// gofail: var beforeSyncDataPages struct{}\n\t\tif err := fdatasync(tx.db); err != nil {",
		"if err := error(nil); err != nil {",
	}}, symptom: []string{unopened, lost}},
	{name: "header page not synced", patch: patch{file: "tx.go", pairs: []string{
		"// gofail: var beforeSyncMetaPage struct{}\n\t\tif err := fdatasync(tx.db); err != nil {",
		"if err := error(nil); err != nil {",
	}}, symptom: []string{lost, unopened}},
	{name: "heads and keys written ahead of the log",
		patch: patch{file: "store/bolt/commit.go", ours: true, pairs: []string{
			"\tdone, filled := 0, false\n", `	done, filled := 0, false
	if err := l.db.Update(func(tx *bbolt.Tx) error {
		for _, of := range s.plan.Streams() {
			at := placeBytes(s.plan.Summary(of).Place)
			if err := tx.Bucket([]byte(bucketHeads)).Put(streamKey(of), summed(streamKey(of), at)); err != nil {
				return err
			}
		}
		for key, c := range s.plan.Claims() {
			if err := tx.Bucket([]byte(bucketKeys)).Put(ownerKey(key), summed(ownerKey(key), short(c.Position))); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return false, err
	}
`,
		}}, symptom: []string{ahead}},
	{name: "covered position written ahead of the heads it covers",
		patch: patch{file: "store/bolt/flush.go", ours: true, pairs: []string{
			"return progress{before.covered, f.gen.last}", "return progress{f.gen.last, f.gen.last}",
		}}, symptom: []string{uncovered, unconfirmed}},
	{name: "index entries written without word of where they come from",
		patch: patch{file: "store/bolt/flush.go", ours: true, pairs: []string{
			"return progress{before.covered, f.gen.last}", "return before",
		}}, symptom: []string{stale}},
	{name: "heads written without the position they cover",
		patch: patch{file: "store/bolt/flush.go", ours: true, pairs: []string{
			"return progress{f.gen.last, f.gen.last}", "return progress{before.covered, before.covered}",
		}}, symptom: []string{unrecovered}},
	{name: "a new log named before it is synced", patch: patch{file: "store/bolt/new.go", ours: true, pairs: []string{
		"err = db.Sync() // of all of it, once", "err = error(nil)",
	}}, symptom: []string{unopened}},
	{name: "a new log's name not synced", patch: patch{file: "store/bolt/check.go", ours: true, pairs: []string{
		"err = syncDirectory(l.path) // always", "err = error(nil) // always",
	}}, symptom: []string{lost}},
	{name: "journal not synced", patch: patch{file: "store/bolt/journal_commit.go", ours: true, pairs: []string{
		"\t\terr = j.sync()\n", "\t\terr = error(nil)\n",
	}}, symptom: []string{lost}, journal: true},
	{name: "journal used again before the file has its records", patch: patch{file: "store/bolt/journal_space.go",
		ours: true, pairs: []string{
			"\t\t\tif g.end() > from {\n", "\t\t\tif g.end() < 0 {\n",
			// Else the mover is too fast.
			"range []int64{s.at, journalBegin, beyond} {\n", "range []int64{journalBegin, beyond} {\n",
		}}, symptom: []string{lost, unopened}, journal: true},
	{name: "journal used again before the file is synced", patch: patch{file: "store/bolt/mover.go", ours: true,
		pairs: []string{
			"\tflushed, err := l.enter(s, steps)\n", "\tl.waiting.drop(len(groups))\n\tflushed, err := l.enter(s, steps)\n",
			"\tl.waiting.drop(len(groups))\n\tif s.tree", "\tif s.tree",
		}}, also: []patch{{file: "store/bolt/journal_commit.go", ours: true, pairs: []string{
		"\t\tif at, ok := j.space.take(n, live); ok {\n", "\t\tj.space.at, j.space.limit = journalBegin, 0\n" +
			"\t\tif at, ok := j.space.take(n, live); ok {\n", // what was given free last is taken first
	}}}, symptom: []string{lost, unopened}, journal: true},
	{name: "a torn record taken for whole", patch: patch{file: "store/bolt/journal_scan.go", ours: true, pairs: []string{
		"\tif s.next++; s.next < sectors(s.open.size) {\n", "\tif s.next++; s.next < 1 {\n",
	}}, symptom: []string{unopened, "holds"}, journal: true, judges: true},
	{name: "recovery that skips a record", patch: patch{file: "store/bolt/journal_scan.go", ours: true, pairs: []string{
		"\tif s.open.last() > s.after {\n", "\tif s.open.first > s.after+1 {\n", // of those that the file lacks, the first
	}}, symptom: []string{unopened, lost}, journal: true, judges: true},
	{name: "journal said to be long before it is", patch: patch{file: "store/bolt/journal_space.go", ours: true,
		pairs: []string{
			"\t\terr := j.lay(begin, more)\n", "\t\terr := j.lengthen(begin + more)\n" +
				"\t\tif err == nil {\n\t\t\terr = j.lay(begin, more)\n\t\t}\n",
		}}, symptom: []string{unopened}, journal: true},
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
	sound := shop.driver(t, smallGenerations, smallJournal)
	for _, careless := range teeth {
		t.Run(careless.name, func(t *testing.T) {
			patches := append([]patch{smallGenerations, smallJournal, careless.patch}, careless.also...)
			driver, judging, recorded := shop.driver(t, patches...), sound, scripts[0]
			if careless.journal {
				recorded = scripts[withJournal]
			}
			if careless.judges {
				driver, judging = sound, driver
			}
			trace, _ := record(t, driver, recorded, *seedFlag)
			found := judge(t, judging, trace, *seedFlag, drawing{images: toothImages, wrongMax: toothWrong, takes: toothTakes})
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
