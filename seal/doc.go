// Package seal makes a log tamper-evident. It keeps a Merkle tree over the log's records, whose root, 32 bytes, stands
// for every byte of every record in its place; signs size and root as a checkpoint; and proves from the tree that one
// record is in the log, and that a later log continues an earlier one.
//
// Most programs need two functions: a store keeps a [Tree], and an auditor calls [Proof.Verify].
//
// # The tree
//
// The tree is that of RFC 6962, section 2.1, with SHA-256. A leaf is SHA-256(0x00 || record), over the record's bytes
// as they are stored; a node is SHA-256(0x01 || left || right); the left half of a tree of n leaves has the largest
// power of two below n; the root of no leaves is SHA-256 of nothing. Leaf n belongs to record n, both counted from 0.
//
// What is stored are tiles and a frontier. A tile is 256 hashes of one level, 8 KiB, written once, when it is full: at
// level 0 the hashes are leaves, at level L each is the root over a full tile of level L-1. The frontier is the size, 8
// bytes in big-endian order, and the roots of the perfect subtrees from left to right, one for each set bit of the
// size. A log of 3 records has no tile, and this frontier of 72 bytes:
//
//	00 00 00 00 00 00 00 03  root over records 0 and 1  leaf of record 2
//
// All else is computed from the tiles and from the records after the last full tile, which a [Source] reads.
//
// # Texts
//
// A checkpoint is a signed note (c2sp.org/tlog-checkpoint): origin, size and root, an empty line, and lines of Ed25519
// signatures. A proof (c2sp.org/tlog-proof) is the record's index, the hashes from its neighbour up to below the root,
// and a checkpoint. In a log of the records "one", "two" and "three", this is the proof of the last:
//
//	c2sp.org/tlog-proof@v1
//	index 2
//	T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=
//
//	shop.example/orders/612072616e646f6d206f726967696e2e
//	3
//	Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
//
//	— shop.example/orders 2PCkfq5cfKxN215HkF2ZeL1WgDy6AbZhlWqiH92PLG8W6gC5vqbZZjt+1ZXrpOclo7AxK/VtDaW/WlLCegvMmRXdXQc=
//
// Both, and the paths of exported tiles (c2sp.org/tlog-tiles), are read by other people's tools. Numbers, hashes and
// signatures have one spelling. A checkpoint's extension lines and a proof's extra line, which the forms allow and
// nobody can rely on, are read and not kept.
//
// # Several records, and all of a stream
//
// [Together] makes one proof for several records, with what their ways up have in common in it once. A [Roll] names
// every stream with its newest record, so that nobody who is shown one stream can be kept from its end; its root is
// signed beside a checkpoint, as a [SignedRoll].
//
// # What it is worth
//
// The seal shows that nothing was altered, moved or removed since a checkpoint, to those who have that checkpoint from
// elsewhere: the owner of log and key can rewrite the one and sign it anew with the other. So checkpoints are anchored
// where the owner has no hand in it, see [Anchor], or cosigned by others, see [Witness]. It does not show that what was
// recorded was true, nor that all that happened was recorded.
//
// Errors wrap [ErrInvalid], [ErrDamaged], [ErrProof], [ErrMalformed], [ErrSignature] or [ErrAnchor], or are what a
// [Source] returned.
package seal
