package salvage

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// unreadableName begins the origin that stands for that of a log which cannot be read any more. What follows is of the
// file's SHA-256.
const unreadableName = "unreadable-origin"

// judge decides which of the frames that were found count.
func (f *Found) judge(ctx context.Context, c Config) error {
	s, r := f.scan, &f.report
	r.File, r.Bytes, r.Unreadable = f.path, s.image.size, s.image.unreadable
	digest := s.digest.Sum(nil)
	r.SHA256 = hex.EncodeToString(digest)
	newest(s.heads)
	f.was, f.certain = s.committed()
	if f.named = f.certain; !f.certain && len(s.heads) > 0 {
		f.was, f.named = s.heads[0], true
	}
	r.Unsealed = f.was.unsealed
	if r.Origin = f.was.origin; !f.named {
		origin, err := seal.NewOrigin(unreadableName, [seal.OriginIDSize]byte(digest))
		if err != nil {
			return err
		}
		f.was.origin = origin
	}
	if err := f.openJournal(ctx); err != nil {
		return err
	}
	s.frames = merged(slices.Concat(s.frames, f.journalFrames(), f.backup.frames()))
	f.believe(c)
	if err := f.followBackup(); err != nil {
		return err
	}
	f.accept()
	if err := f.follow(ctx); err != nil {
		return err
	}
	if c.Checkpoint != nil {
		r.Checkpoint = f.held(*c.Checkpoint)
	}
	return nil
}

// merged sorts frames by position, those first whose checksum was found, and has each once.
func merged(all []found) []found {
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.position, b.position), slices.Compare(a.hash[:], b.hash[:]))
	})
	kept := all[:0]
	for _, f := range all {
		if n := len(kept); n > 0 && kept[n-1].position == f.position && kept[n-1].hash == f.hash {
			kept[n-1].proof = max(kept[n-1].proof, f.proof)
			if kept[n-1].at < 0 {
				kept[n-1].at, kept[n-1].size = f.at, f.size
			}
			continue
		}
		kept = append(kept, f)
	}
	slices.SortStableFunc(kept, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.position, b.position), proofOrder(a)-proofOrder(b))
	})
	return kept
}

// proofOrder: what is in the file is likelier to be what the log held than what is in a backup alone.
func proofOrder(f found) int {
	switch {
	case f.proof == ByChecksum:
		return 0
	case f.at != fromBackup:
		return 1
	}
	return 2
}

// believe holds all against the seal.
func (f *Found) believe(c Config) {
	s := f.scan
	t := newTrust(s, func(position uint64, hash seal.Hash) {
		all := s.at(position)
		for i := range all {
			if all[i].hash == hash {
				all[i].proof = BySeal
			} else {
				all[i].altered = true
			}
		}
	})
	if c.Checkpoint != nil {
		t.root(c.Checkpoint.Size, c.Checkpoint.Root)
	}
	t.header(f.was, t.lead)
	for _, h := range s.heads {
		if !f.certain || h.size <= f.was.size {
			t.header(h, func(sub perfect, want seal.Hash) { t.check(sub, want) }) // a crash may have left it
		}
	}
	for i := range s.frames {
		if one := &s.frames[i]; one.proof < ByTile && !one.altered && t.inTile(*one) {
			one.proof = ByTile
		}
	}
	t.settle()
}

// inTile tells whether a tile that nothing vouches for has the frame's hash in its place: damage makes no such hash.
func (t *trust) inTile(f found) bool {
	n := f.position - 1
	for _, place := range t.scan.tiles[seal.TileID{Index: n / seal.TileWidth}] {
		if t.tile(place)[n%seal.TileWidth] == f.hash {
			return true
		}
	}
	return false
}

// followBackup finds where the backup went another way than the log, and takes it no farther.
func (f *Found) followBackup() error {
	b := f.backup
	if b == nil {
		return nil
	}
	s, agreed, fork := f.scan, false, uint64(0)
	for i, h := range b.hashes {
		position, other := uint64(i)+1, false
		for _, one := range s.at(position) {
			switch {
			case one.hash == h && one.altered:
				other = true
			case one.hash == h:
				agreed = agreed || one.at != fromBackup && one.proof != Unproven
			case one.proof != Unproven && !one.altered:
				other = true
			}
		}
		if other && !f.sealedAs(position, h) {
			fork = position
			break
		}
	}
	if !agreed && !b.related(f.was) || fork == 1 {
		return fmt.Errorf("%w: %s is no backup of log %s: the two begin with other records, or none of its records is in "+
			"the file; give a backup of this log", store.ErrInvalid, b.path, f.path)
	}
	f.report.Backup = &BackupReport{Path: b.path, Origin: b.is.Origin, Records: b.is.Size, Fork: fork}
	if fork > 0 {
		s.frames = slices.DeleteFunc(s.frames, func(one found) bool {
			return one.at == fromBackup && one.position >= fork && one.proof != BySeal
		})
		for i := range s.frames {
			if s.frames[i].position >= fork && s.frames[i].proof == ByBackup {
				s.frames[i].proof = Unproven
			}
		}
	}
	return nil
}

func (f *Found) sealedAs(position uint64, hash seal.Hash) bool {
	return slices.ContainsFunc(f.scan.at(position), func(one found) bool {
		return one.hash == hash && one.proof == BySeal
	})
}

// accept takes, of each position, the one frame that is proven best.
func (f *Found) accept() {
	r := &f.report
	for i := 0; i < len(f.scan.frames); {
		all := f.scan.at(f.scan.frames[i].position)
		i += len(all)
		position := all[0].position
		var best []found
		for _, one := range all {
			switch {
			case f.certain && !f.was.unsealed && position > f.was.size && one.proof <= ByTile:
				r.Frames.Uncommitted++
			case one.altered && one.proof == Unproven: // the seal and its checksum say the same of it: it is damaged
			case one.altered:
				r.Frames.Altered++
				r.Altered = append(r.Altered, position)
			case one.proof == Unproven:
				r.Frames.Unproven++
				r.Unproven = append(r.Unproven, position)
			case len(best) == 0 || one.proof > best[0].proof:
				best = append(best[:0], one)
			case one.proof == best[0].proof:
				best = append(best, one)
			}
		}
		switch len(best) {
		case 0:
		case 1:
			f.accepted = append(f.accepted, best[0])
		default:
			r.Frames.Ambiguous++
			r.Ambiguous = append(r.Ambiguous, position)
		}
	}
	r.Altered, r.Unproven = slices.Compact(r.Altered), slices.Compact(r.Unproven)
}

// frame reads a frame that was accepted.
func (f *Found) frame(ctx context.Context, one found) (r events.Record, frame []byte, err error) {
	switch one.at {
	case fromJournal:
		var there store.Frame
		there, err = f.journal.Record(one.position)
		r, frame = there.Record, there.Bytes
	case fromBackup:
		if r, err = f.backup.record(ctx, one.position); err == nil {
			frame, err = events.AppendFrame(nil, r)
		}
	default:
		frame = f.scan.image.bytes(one.at, one.size)
		r, err = events.DecodeFrame(frame)
	}
	if err == nil && seal.LeafHash(frame) != one.hash {
		err = &store.DamagedError{Log: "log " + f.path, Position: one.position,
			Reason: "the record here was read otherwise a moment ago; copy the file to another disk first"}
	}
	return r, frame, err
}

// held says what the records that were taken tell of a checkpoint.
func (f *Found) held(c seal.Checkpoint) *CheckpointReport {
	held := &CheckpointReport{Origin: c.Origin, Size: c.Size, Verdict: CannotTell}
	if f.report.Taken >= c.Size {
		held.Verdict = Differs
		if f.rootAt(c.Size) == c.Root {
			held.Verdict = Proven
		}
	}
	if c.Origin != f.was.origin && f.named && !slices.ContainsFunc(f.was.ancestry, func(a seal.Checkpoint) bool {
		return a.Origin == c.Origin
	}) {
		held.Verdict = OtherLog
	}
	return held
}

// rootAt is the root over so many of the records that were taken.
func (f *Found) rootAt(size uint64) seal.Hash {
	var tree seal.Tree
	for _, one := range f.accepted[:size] {
		tree.Fold(one.hash)
	}
	return tree.Root()
}

// pastOf is what the new log has for its ancestry, but for the newest: what the damaged one said that its records
// bear out.
func (f *Found) pastOf(taken uint64) (past []seal.Checkpoint) {
	for _, c := range f.was.ancestry {
		if c.Size <= taken && f.rootAt(c.Size) == c.Root {
			past = append(past, c)
		}
	}
	return past
}

// newOrigin is the name of the new log.
func (f *Found) newOrigin() (string, error) {
	if f.was.unsealed {
		return sealed.DefaultOrigin, nil // which says only that it is no backup
	}
	return sealed.Naming{Origin: sealed.NameOf(f.was.origin)}.NewOrigin()
}
