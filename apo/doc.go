// Package apo speaks APO, Antom's payment orchestration, over signed HTTP.
//
// Most programs need two things of it: a [Client] to pay, cancel, capture, refund
// and inquire, and a [Verifier] that turns what APO signed into facts.
//
//	client, err := apo.NewClient("https://open-sea-global.alipay.com", clientID, keys, nil)
//	answer := client.Cancel(ctx, apo.CancelRequest{PaymentID: "2019…"})
//	switch answer.Class {
//	case apo.Succeeded: // APO signed that it is cancelled
//	case apo.Failed: // APO signed a definite no; answer.Code says why
//	case apo.NotSent: // refused here; nothing left the process
//	default: // not proven: the same ids again, or inquire
//	}
//
// # What is not proven is unknown
//
// A call has no error beside its answer. Its [Class] is the verdict and its zero
// value is [Unknown]: a timeout, a cut connection, a redirect, an unsigned or
// wrongly signed answer, one that is too large, not JSON or has a key twice,
// and a signed success that speaks of another id or amount all prove nothing, and
// Answer.Err says which it was. A valid signature counts whatever the HTTP
// status; without one no status counts.
//
// A signed result is read by its status first (S, F, U) and its code second,
// in a table for each operation. An F is [Failed] if its code is definite,
// [WrongPicture] if it says that the payment is not as we thought or that an
// earlier attempt worked, and [UnknownFailure] if no table has it: then inquire,
// and never plainly ask again. An S of a refund is [Accepted] only.
//
// The same request makes the same bytes, so asking again with the same ids is
// safe. This package never asks again by itself.
//
// # What is signed
//
// Requests, answers and notifications are signed alike, with RSA PKCS#1 v1.5 over
// the SHA-256 of
//
//	POST <path> LF <client id> . <time> . <body>
//
// without the spaces around LF and the dots, where path is the request's, time the
// header Request-Time or Response-Time as it stands, and body the exact bytes.
// [Message] holds these five; [Signature] is the header, in which the base64 may
// be URL-escaped or not. A changed byte is always a refused message: spare bits,
// line breaks and lower-case escapes, which decoders pass over, are refused too.
//
// # Facts and evidence
//
// A [Verified] is one fact that APO signed: a payment made, a capture failed, a
// cancel. Only this package makes one, from [Verifier.VerifyNotification], from
// [Verifier.VerifyAnswer] for calls that somebody else made, and in Answer.Facts.
// Each keeps its [Evidence], the message as signed, which anyone with APO's
// public key can check years later.
//
// An inquiry may prove several facts. They come in the order in which they are to be
// applied: payment, what it was raised to and cancel by their times, then captures,
// refunds and what has no kind here. A line of its transactions that tells of a
// payment's try which did not succeed is no fact; paymentStatus speaks for the payment.
//
// # Limits
//
// Bodies are read up to [BodyMax], transactions up to [TransactionsMax], ids are
// 1 to [IDMax] bytes, RSA keys have [KeyBitsMin] bits or more, calls end after
// Config.CallTimeout. Money is a count of minor units, on the wire a decimal
// string; times are UTC. Scalars may come as JSON strings or as their natural
// type. An unreadable time is the zero time, an unreadable amount makes the whole
// answer unknown.
//
// Errors are *[Error] and wrap one sentinel each. No error and no printing of a
// [Config], [Keys], [Client] or [Verifier] shows a key, an agent token or a
// signature. Everything here is safe for concurrent use once it is built.
package apo
