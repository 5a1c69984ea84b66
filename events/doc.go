// Package events holds the facts of an order, and their bytes on disk. Beside the standard
// library and protobuf's protowire it rests on package money and on the words of enumerations, knows no rules and does
// no I/O: what a fact means for an order is package order's matter, where it is kept is package store's.
//
// Most programs need three things of it: the fact types, to read what [Record.Event] holds; [DecodeFrame], to read a
// log; and [Money].
//
// # Facts
//
// An [Event] is something that happened and stays so: [CancelRequested], [PaymentAuthorized], [AnomalyObserved]. Its
// [Kind] is its name with the version of its payload, "cancel.requested.v1". The sum is sealed; [Kinds] lists all of
// it, and a type switch over it is complete:
//
//	switch e := record.Event.(type) {
//	case events.CaptureSucceeded:
//		fmt.Println("captured", e.Amount)
//	case events.AnomalyObserved:
//		fmt.Println("look at this:", e.Reason, e.Detail)
//	}
//
// Facts are values, never pointers. One that APO signed says in its [Proof] how it reached us and where the signed
// message is kept, so that an auditor can check APO's signature years later. Leases and due times are facts too: what
// policy chose then is on record, and a log can be replayed without any policy.
//
// # Records
//
// A [Record] is a fact in its place: which stream it belongs to, where it stands in the stream and in the log, when it
// happened and when it was written, by whose command. It also carries the [Head], the order's state after it, and the
// lookup [Key]s it makes known, so that a store can find what is due and whose a notification is without knowing any
// fact. Times are UTC, with nanoseconds.
//
// # Frames
//
// A record's bytes are its frame: length, header, payload in protobuf's wire format, at most [FrameMax] bytes. Two
// pages are enough to read a log without this library: docs/reference/log-format.md, byte by byte with a worked
// example, and tilltape.proto in this folder.
//
//	00ac                                    length of what follows
//	01                                      format version
//	12 payment.authorized 01                kind, version of its payload
//	05 order 07 order-1                     category and id of the stream
//	03 ac02 ab02                            3rd of its stream, 300th of the log, the stream's last was the 299th
//	18eaaacd50223280 …                      recorded, occurred; record id, command id, actor; head; lookup keys
//	32 0a03702d37 …                         payload: 50 bytes, field 1 is the text "p-7" …
//
// A record has exactly one frame, and a frame is exactly one record's: what [DecodeFrame] accepts, [AppendFrame] writes
// again byte for byte. Numbers in a longer form than need be, fields out of order and empty fields that are there all
// the same are damage. That makes the stored bytes worth hashing, and leaves nobody room to hide something in them.
//
// Within an order's life every foreign word is taken as it comes (APO's ids, codes and messages may hold any
// characters, up to [TextMax] bytes), since a signed fact must not be lost for how it looks. Identifiers of ours are
// held to [CheckID].
//
// # Older and newer
//
// Kinds never change their meaning. A payload that must change gets the next version, and older ones are lifted to it
// on read; the stored bytes stay. What a newer version of the library wrote (an unknown kind, field, or value of an
// enumeration) is an [*UpgradeError], never a skip: what it says might matter to the order. Field numbers are never
// used again. Format 1 freezes with the first tagged version, and golden frames of every kind in testdata/v1 then hold
// every later version to it.
//
// # Errors
//
//	record that no log can hold     *InvalidError   ErrInvalid, with ErrInvalidID or ErrTooLarge where it is that
//	bytes that are no frame         *FrameError     ErrDamaged, with ErrTruncated where they only end too early
//	bytes of a newer version        *UpgradeError   ErrUpgrade
//
// # Cost
//
// Writing a frame and reading one take about a microsecond each. Writing into a buffer with room allocates nothing;
// reading allocates the fact, one copy of the frame that all its strings share, and what a kept message takes. A
// [Record] shares no memory with the bytes it was read from. Where one short string of it is to live long, keep a
// strings.Clone: the string itself holds its whole frame, up to 4 KiB (in larger frames each is its own). Everything
// here is safe for any number of goroutines.
package events
