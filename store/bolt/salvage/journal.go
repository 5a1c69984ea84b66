package salvage

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// openJournal reads the journal beside the file, if there is one that is the log's. One that cannot be read is told of.
func (f *Found) openJournal(ctx context.Context) error {
	j, err := bolt.ReadJournal(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		f.report.Journal = &JournalReport{Path: f.path + "-journal", Fault: err.Error()}
		return nil
	}
	f.report.Journal = &JournalReport{Path: j.Path, Foreign: !f.names(j.ID)}
	if j.Fault != nil {
		f.report.Journal.Fault = j.Fault.Error()
	}
	if f.report.Journal.Foreign {
		return nil
	}
	f.journal = j
	return store.CheckContext(ctx, "read the journal")
}

// names tells whether the file names a journal with that id, or does not say any more which it had.
func (f *Found) names(id string) bool {
	switch {
	case f.certain:
		return f.was.journal == id
	case !f.named:
		return true
	}
	return slices.ContainsFunc(f.scan.heads, func(h headers) bool { return h.journal == id })
}

// journalFrames are the journal's records as what was found.
func (f *Found) journalFrames() (all []found) {
	if f.journal == nil {
		return nil
	}
	for r, err := range f.journal.Records() {
		if err != nil {
			continue // what is missing shows by the positions
		}
		all = append(all, found{position: r.Record.Position, at: fromJournal, size: len(r.Bytes),
			hash: seal.LeafHash(r.Bytes), proof: ByJournal})
	}
	f.report.Journal.Records = uint64(len(all))
	return all
}
