package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/sealed"
)

// identity is which log the file holds. While the log is open nothing of it changes but that its ancestry may grow.
type identity struct {
	unsealed bool
	copied   bool   // a backup that has not gone on
	origin   string // names the log in checkpoints; empty where it is unsealed, as ancestry is
	ancestry string // what it held under its earlier origins, a line each
}

// id is which log it is.
func (l *Log) id() identity {
	if id := l.named.Load(); id != nil {
		return *id
	}
	return identity{}
}

// goesOn reports whether the identity is an earlier one, but for what was added to its ancestry.
func (id identity) goesOn(from identity) bool {
	earlier := id
	earlier.ancestry = from.ancestry
	return earlier == from && strings.HasPrefix(id.ancestry, from.ancestry)
}

// progress is how far the lazy buckets are: they hold all that the records up to covered say, and what those up to
// filing say is on its way into them. The two are equal where nothing is on the way.
type progress struct{ covered, filing uint64 }

// header is all that the bucket meta says. A log keeps it in memory and writes it from there, so that what the file
// says otherwise is never summed up anew.
type header struct {
	identity
	progress
	frontier []byte // nil where the log is unsealed
	follows  string // how far the log has applied the order that it follows; empty where it follows none
	journal  string // the id of the journal that has records after those of the file; empty where there is none
}

// header is what the file's should be.
func (l *Log) header() header {
	h := header{identity: l.id(), progress: l.progress, follows: l.follows, journal: l.marked}
	if tree := l.lazy.layers().tree; tree != nil {
		h.frontier = tree.AppendFrontier(nil)
	}
	return h
}

// metaEntry is one entry of the bucket meta.
type metaEntry struct {
	key   string
	value []byte
}

// entries returns all entries but the sum, in the order of their keys. Each stands there in every log of its kind, with
// one of its legal values: nothing is read off an absence.
func (h header) entries() []metaEntry {
	copied := []byte{0}
	if h.copied {
		copied[0] = 1
	}
	all := []metaEntry{
		{metaAncestry, []byte(h.ancestry)},
		{metaCopied, copied},
		{metaCovered, number(h.covered)},
		{metaFiling, number(h.filing)},
		{metaFollows, []byte(h.follows)},
		{metaFormat, binary.BigEndian.AppendUint32(nil, formatVersion)},
		{metaFrontier, h.frontier},
		{metaJournal, []byte(h.journal)},
		{metaMagic, []byte(magic)},
		{metaOrigin, []byte(h.origin)},
		{metaUnsealed, []byte{1}},
	}
	return slices.DeleteFunc(all, func(e metaEntry) bool {
		if h.unsealed {
			return e.key == metaAncestry || e.key == metaFrontier || e.key == metaOrigin
		}
		return e.key == metaUnsealed
	})
}

// sumOf is the sum over entries in the order of their keys: SHA-256 over each key and each value, its length first.
func sumOf(entries []metaEntry) [sha256.Size]byte {
	text := make([]byte, 0, sumTextUsual)
	for _, e := range entries {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(e.key))), e.key...)
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(e.value))), e.value...)
	}
	return sha256.Sum256(text)
}

// sumTextUsual is more than what is summed up has, in bytes, of a log with a billion records and one earlier origin.
const sumTextUsual = 2048

// put writes the entries with these keys, or all where none is named, and the sum over what the header says: not over
// what the file says, so that what rots there is not summed up anew by the next commit.
func (h header) put(tx *bbolt.Tx, keys ...string) error {
	meta, all := tx.Bucket([]byte(bucketMeta)), h.entries()
	sum := sumOf(all)
	for _, e := range append(all, metaEntry{metaSum, sum[:]}) {
		if len(keys) > 0 && e.key != metaSum && !slices.Contains(keys, e.key) {
			continue
		}
		if err := meta.Put([]byte(e.key), e.value); err != nil {
			return err
		}
	}
	return nil
}

// putAfter writes what a commit changed of the header, whose progress was before. Of a log without a seal that is often
// nothing: then its page is not written again, with every commit and for a sum that stays as it is.
func (h header) putAfter(tx *bbolt.Tx, before progress) error {
	var changed []string
	if !h.unsealed {
		changed = append(changed, metaFrontier)
	}
	if h.progress != before {
		changed = append(changed, metaCovered, metaFiling)
	}
	if h.follows != "" {
		changed = append(changed, metaFollows)
	}
	if len(changed) == 0 {
		return nil
	}
	return h.put(tx, changed...)
}

// readHeader returns what the bucket meta says, if that is what a log can have written there: every entry that a log of
// its kind has and no other, each with a legal value, and the sum over them.
func (l *Log) readHeader(tx *bbolt.Tx) (header, error) {
	found := map[string][]byte{}
	err := tx.Bucket([]byte(bucketMeta)).ForEach(func(key, value []byte) error {
		if value == nil {
			return l.damagedError("its bucket %q has a bucket inside, %q", bucketMeta, key)
		}
		found[string(key)] = value
		return nil
	})
	if err != nil {
		return header{}, err
	}
	return l.headerOf(found, lastPosition(tx))
}

// headerOf is what the entries of the bucket meta say, of a log that ends at last.
func (l *Log) headerOf(found map[string][]byte, last uint64) (header, error) {
	if err := l.legalEntries(found); err != nil {
		return header{}, err
	}
	sum := found[metaSum]
	delete(found, metaSum)
	var all []metaEntry
	for _, key := range slices.Sorted(maps.Keys(found)) {
		all = append(all, metaEntry{key, found[key]})
	}
	if want := sumOf(all); !bytes.Equal(sum, want[:]) {
		return header{}, l.damagedError("the entries of its bucket %q do not give their sum: one of them was altered",
			bucketMeta)
	}
	return l.parseHeader(found, last)
}

// legalEntries tells whether the bucket has the entries of a log with a seal, or those of one without.
func (l *Log) legalEntries(found map[string][]byte) error {
	_, sealed := found[metaFrontier]
	_, unsealed := found[metaUnsealed]
	switch {
	case sealed && unsealed:
		return l.damagedError("it has a seal, and is marked as having none")
	case !sealed && !unsealed:
		return l.damagedError("it has no seal, and not the mark of a log that was made without one")
	}
	legal := map[string]bool{metaSum: true}
	for _, e := range (header{identity: identity{unsealed: unsealed}}).entries() {
		legal[e.key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if !legal[key] {
			return l.damagedError("its bucket %q has an entry %q, which no log like it has", bucketMeta, key)
		}
		delete(legal, key)
	}
	if len(legal) > 0 {
		return l.damagedError("its bucket %q has no entry %q", bucketMeta, slices.Min(slices.Collect(maps.Keys(legal))))
	}
	return nil
}

// parseHeader reads the entries, which are all there, of a log that ends at last.
func (l *Log) parseHeader(found map[string][]byte, last uint64) (h header, err error) {
	_, h.unsealed = found[metaUnsealed]
	h.origin, h.ancestry = string(found[metaOrigin]), string(found[metaAncestry])
	h.frontier = bytes.Clone(found[metaFrontier])
	copied := found[metaCopied]
	if len(copied) != 1 || copied[0] > 1 {
		return header{}, l.damagedError("whether it is a backup is unreadable")
	}
	h.copied = copied[0] == 1
	if h.unsealed && string(found[metaUnsealed]) != "\x01" {
		return header{}, l.damagedError("the mark of a log without a seal is unreadable")
	}
	covered, readable := parseNumber(found[metaCovered])
	filing, also := parseNumber(found[metaFiling])
	if !readable || !also || covered > filing || filing > last {
		return header{}, l.damagedError("its heads are said to cover position %d and then %d, and it ends at position %d",
			covered, filing, last)
	}
	h.progress = progress{covered, filing}
	if h.journal = string(found[metaJournal]); len(h.journal) != 0 && len(h.journal) != journalIDSize {
		return header{}, l.damagedError("which journal it has is unreadable")
	}
	if h.follows = string(found[metaFollows]); len(h.follows) != 0 && (len(h.follows) != followsSize || h.unsealed) {
		return header{}, l.damagedError("how far it has applied the order that it follows is unreadable")
	}
	if !h.unsealed && !sealed.IsOrigin(h.origin) {
		return header{}, l.damagedError("its origin is unreadable")
	}
	if _, ok := h.past(); !ok {
		return header{}, l.damagedError("the list of its earlier origins is unreadable")
	}
	return h, nil
}

// past is what the log held under each of its earlier origins, oldest first; false where the list is unreadable.
func (id identity) past() (all []seal.Checkpoint, ok bool) { return sealed.ParseAncestry(id.ancestry) }
