// Package salvage finds the records in a log's file that does not open any more.
//
// bbolt finds everything by way of its pages: one that is damaged takes all that it leads to with it. A record of ours
// names its stream, its position and the one before it, and the seal says which record was where. So this package looks
// at every byte of the file, whatever page it is in: the tree's, one that bbolt gave up and still has older copies in,
// half a page, a file that was cut short.
//
//	found, err := salvage.Read(ctx, "orders.log", nil)
//	if err != nil {
//		return err
//	}
//	defer found.Close()
//	fmt.Print(found.Report())
//	return found.Write(ctx, "salvaged.log", nil)
//
// # What counts
//
// A frame counts where it reads well, byte for byte as the format says, and something proves it:
//
//   - the seal: its hash leads to a root that the log wrote down of itself, under a checksum of SHA-256, in this commit
//     or an earlier one; or to that of a checkpoint that is given;
//   - a backup that is given has it;
//   - it is in the journal beside the file, which the file names, or which stands there where the file does not say any
//     more: each sector of it has a checksum;
//   - its hash stands in its place in a tile, which nothing vouches for: damage makes no such hash;
//   - its checksum stands in a chunk's directory, which agrees with it in at least 48 bits, with the rest of the format
//     besides. That finds what rotted, and not what somebody altered.
//
// Where the seal tells which record was at a position, no other counts, whatever its checksum says: a log that was
// altered is not made good by a salvage. A frame that nothing proves is named in the report and never taken; so are the
// frames of a position at which two different ones are proven equally well. Frames beyond the end, which a crash left
// between writing them and the commit, are not taken where both of bbolt's header pages are whole; otherwise nobody can
// tell them from the newest commit.
//
// A message that a record keeps may quote a whole frame. The bytes of a frame that is whole are not looked through, and
// those of a damaged one only where the chunk around it does not show that no record begins there. What is left is a
// record that was made to be quoted, in a chunk of which everything else is damaged, at a position that no seal and no
// backup covers.
//
// # What comes of it
//
// [Found.Write] makes a new log of the records up to the first hole, for a log without a hole in it is the only one
// that anybody can go on from: with the same frames, and so the same root as the log had then. It has an origin of its
// own, and its ancestry says what it was before. What is behind the hole is in [Found.Behind] and in the report.
//
// Damage can be such that memory runs out in whoever reads it. This package reads in windows and follows no link, but
// run it in a process of its own, with a limit; `tilltape salvage` does.
package salvage
