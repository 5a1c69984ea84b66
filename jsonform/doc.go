// Package jsonform is the one JSON of Tilltape: of facts, records, heads and orders, for whatever prints them or reads
// them back. It is made for the edges, where people and other programs look; a log itself is written in frames (see
// package events).
//
// Most programs need two functions: [AppendRecord], to print what a log holds, and [DecodeRecord], to read it again.
//
//	b, err := jsonform.AppendRecord(nil, record)
//
//	{"position":"2","stream":{"category":"order","id":"o-1"},"version":"2","previous":"1","id":"r-2",
//	 "recorded":"2026-11-29T12:00:00.000000000Z","occurred":"2026-11-29T12:00:00.000000000Z","actor":"apo",
//	 "head":{"status":"paid","statusSince":"2026-11-29T12:00:00.000000000Z","phase":"idle"},
//	 "fact":{"kind":"payment.paid.v1","paymentId":"P1",
//	         "amount":{"currency":"USD","minor":"10000","value":"100.00"}}}
//
// (on one line). docs/reference/json.md tells every member, and docs/reference/tilltape.schema.json is a JSON Schema of
// it all; a test holds both to the code.
//
// # The rules
//
//   - Names are in camelCase, as APO spells its own: paymentId, captureRequestId.
//   - What is empty is left out: no empty text, no number 0, no false, no time that is not set, no null. An enumeration
//     is always there, and so are position and version.
//   - An enumeration is its word, as its String has it and the documentation uses it.
//   - A number is digits in a string. Many readers of JSON take numbers for floats and round what is above 2^53.
//   - A time is RFC 3339 in UTC with nine decimals, always as long, so that texts sort as times do.
//   - Money is its currency and its minor units, and beside them the value with the currency's decimals, for people:
//     where the currency is not in ISO 4217, nobody knows how many it has, and there is no value.
//   - A message that APO signed has its exact bytes as body, in base64, for the signature is over these. Where they are
//     JSON, message has the same without spaces, in the message's own order, and with its digits as they are.
//
// # One form
//
// A value has exactly one document, but for spaces, the order of members, and which characters are escaped: these may
// differ in what is read, since programs between here and there change them. All else is held to as strictly as a frame
// is. A name that does not belong, or stands twice, another type, a number or time written otherwise, a value that its
// minor units do not come to, something empty that is there all the same, or anything after the document is a
// [*DocumentError], which names the place: nothing is skipped and nothing guessed.
//
// What a newer version of the library wrote (a kind, a word of an enumeration) wraps [events.ErrUpgrade].
//
// # Cost
//
// Writing a record takes one and a half times as long as reading its frame, with a message and the frame in it twice as
// long, and allocates nothing where dst has room; reading one takes some ten times as long as reading its frame.
// Everything here is safe for any number of goroutines.
package jsonform
