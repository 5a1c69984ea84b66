// Package bolt keeps a [store.Log] in one bbolt file: no server, one process, every append on the disk before it
// returns.
//
//	log, err := bolt.Open("/var/lib/shop/orders.log", nil)
//	if err != nil {
//		return err // names the file, what is wrong with it and what to do
//	}
//	defer log.Close()
//
// # What it promises
//
// All of package store's contract. An append that returned is there after kill -9 and after a power loss, as far as
// the disk keeps what it said it had synced. A file is either wholly a log that this version understands or it is
// refused, with one error, before a byte of it is changed.
//
// # What it does not
//
//   - One process at a time: bbolt locks the file, for readers too. A second one gets ErrLocked after
//     Config.LockTimeout. Ask the running service, or open a backup copy; copies can be shared by any number of readers
//     that set Config.ReadOnly.
//   - Not on a network file system: neither its locks nor its syncs are to be trusted.
//   - Nobody but the operating system's permissions guards the file. It is created with mode 0600.
//
// # What is not there
//
// "There is no such order" makes somebody create it, so it is never believed of the file alone. Each entry of heads, of
// the lookup keys and of the indexes has a checksum, and so has each frame:
//
//   - A stream or a lookup key that is not found, by [Log.Head], [Log.Read], [Log.Lookup] or [Log.Append], would stand
//     between two entries: these must be what was written. A bit that was flipped in the key that is looked for has
//     left an entry there which is not.
//   - [Log.Heads] checks all entries that it comes upon, and the one before the first and after the last: an order that
//     is missing from a list has left an entry between them.
//   - An append after version 0 is damage where the stream owns one of its lookup keys already.
//   - A position without a record is damage, up to the last that was appended; Open confirms which that is by the
//     record and the seal. It confirms the position that the indexes cover by the record there, and looks at all
//     entries in the pages that it looks at.
//
// What neighbours cannot show is a page that says it has fewer entries than it has, or a link to another page than was
// meant. Open finds both where it looks, and [Log.Verify] everywhere; in the far pages of a large file (see below), and
// where it happens while the log is open, a question can be answered wrongly until then. So it can after somebody has
// taken an entry out, or altered one with its checksum, by a tool of bbolt's: that, too, Verify finds.
//
// # Costs
//
// A commit syncs the disk twice. Appends from many goroutines share commits: whatever gathers while one is written goes
// into the next, together with what is just on its way, for which it waits some microseconds and never longer than the
// commit before took. A lone writer waits for nobody. What the queue has no room for waits, as long as its context
// allows.
//
// What hits random places of the file, by whatever ids others chose, is lazy: orders' heads, lookup keys and indexes
// are kept in memory while they are new, up to 131 072 entries and as many on their way into the file, where one commit
// in many takes a bundle of them. So a commit costs the same in a log of ten orders and of ten million. Close takes all
// of them into the file. After a crash Open reads the log's last stretch again instead, in a second or so, and takes it
// into the file while appends go on; [Log.Recovery] tells.
//
// With Config.Journal a commit syncs once: it goes to a second file, the journal, and from there into bbolt's, some
// megabytes at a time. A lone writer waits half as long, and the file's pages are written for many commits at once.
// While the log is open and after a crash the two files belong together; Close leaves one. What is to be moved is in
// memory until then, 256 MiB at most.
//
// A stream is read by walking back from its newest record. Reads take pages of at most 256 records or 1 MiB in
// transactions of their own, so a slow loop over the log holds up nobody.
//
// # The seal
//
// Every record's bytes are a leaf of a Merkle tree as in RFC 6962, which is written in the same transaction as they
// are. While a log is open, the tree's right edge is in memory, from which its root follows; what is proven is held
// against that:
//
//   - Open, for reading as for appends, proves that the file's own edge, the frontier, is what the tiles next to it and
//     the records after the last full tile give, at most 255 records; that what a crash left to be read again is what
//     was sealed; and that the entries in which the log says what it is fit their sum. Of older records it proves
//     nothing.
//   - [Log.Verify] proves every record, every tile and every other entry of the file. It is what finds an old record
//     that was altered: run it before you trust a file that was out of your hands, and now and then.
//   - [Log.Backup] and [Compact] prove each record that they copy, and that the copy has the root that memory has.
//   - [Log.Checkpoint] signs the root from memory, [Log.Prove] and [Log.ProveConsistency] hand out what leads to it.
//   - A read proves that each record can be read, fits its frame's checksum, stands where it says and continues its
//     stream. It does not hold it against the seal; a replay (package audit) does.
//
// There is no way to open a file that does not pass as a log. [OpenDamaged] opens it for audit.VerifyDamaged, which
// says what of it is left, and package salvage makes a log of that.
//
// # When the disk fails
//
// A full disk is store.ErrFull: nothing was written and what is there stays readable. After a sync that failed, the log
// cannot know what the disk holds; where readers could see records that a power loss would take away, it stops, and
// every call says so until it is opened again. A damaged page ends the read that came upon it with store.ErrDamaged and
// the position.
//
// bbolt itself does not checksum its pages. So Open compares the file's size with what its header pages say, then looks
// at the pages before it trusts them (at the 65 536 nearest the roots: a file of 256 MiB whole), at the free list, and
// at the seal's edge. Damage is an error, and no crash. Two kinds of it are beyond what this package can see when a
// file is opened: damage to the far pages of a larger file shows when they are read, and where it makes their links a
// circle bbolt then runs until memory is used up; and damage to the newer of the file's two header pages takes back the
// last commit, as only an earlier checkpoint can tell. Look at a file you do not trust in a process of its own, with a
// limit on its memory.
package bolt
