// Package export makes a file of a log that anybody can keep, read and hold against the log's seal, and makes a log of
// it again. docs/reference/export.md specifies the file.
//
// An export is text, a JSON object a line (JSONL). The first line, the header, says what the log held when it was
// exported: its origin, the number of its records, the root over them, and the signed checkpoint where the log has a
// signer. Then come the records, oldest first: each as package jsonform has it, for people and programs, and beside it,
// in base64, the bytes that the log has of it, which are what counts.
//
//	log, err := bolt.Open("orders.tilltape", &bolt.Config{ReadOnly: true})
//	header, err := export.Write(ctx, file, log, nil)
//
// [Open] reads it again as a log: a replay, a list or an import takes it where it takes a log. It is as strict as the
// log is. A line that is not, byte for byte, what [Write] writes of its stored bytes is damage, named with its number,
// so nobody can make the part that people read say something else than the part that is sealed; and the stored bytes of
// all records have to come to the header's root.
//
// # What it proves
//
// An export of everything proves that it has all records of the log up to the header's size, and no other: to whoever
// has that root from elsewhere, or has the key that signed the checkpoint. A filtered export has a proof beside each
// record, that it is in the log at its place. That is all it proves: records that the filter takes could have been left
// out, and nothing in the file would show it. Its header says so.
package export
