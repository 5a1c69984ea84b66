package audit

import "github.com/tilltape/tilltape/internal/words"

// Problem says what kind of thing a [Finding] is.
type Problem uint8

// The problems. The zero value is none.
const (
	_                Problem = iota
	DamagedRecord            // a record's stored bytes cannot be read, or are not those that were written
	AlteredRecord            // a record reads well and is not the one that was sealed in its place
	AlteredSeal              // the records and the log's own seal are of different logs
	AlteredIndex             // what finds records, a head or an index or a lookup key, says otherwise than they do
	Rewritten                // the log does not begin with the records that a checkpoint is of
	Forked                   // it went on from a backup that is older than a checkpoint
	OtherLog                 // a checkpoint is of another log
	EndsEarly                // it ends before a checkpoint does
	IllegalRecord            // a record cannot follow those before it
	UnknowableOrder          // an order cannot be judged on, because a record of it is bad
	OtherThanMessage         // a record says otherwise than APO's message beside it
	BadSignature             // a message is not what APO signed
	StaleKey                 // a message was signed by a key that was not valid at its time
	NoKey                    // a message names a key of APO's that was not given
	SumsOpen                 // the days do not come to what the orders do
	NotOnRecord              // a settlement has what the log has not
	NotSettled               // the log has what a settlement has not
	SettledOtherwise         // both have it, with different amounts
	problems                 // how many there are, and one
)

// problemRow is what is to be said of a problem.
type problemRow struct {
	word            string
	outcome         Outcome
	meaning, remedy string
}

const keepAndCompare = "keep the log as it is, and compare it with a backup that a checkpoint proves"

var problemRows = [problems]problemRow{
	DamagedRecord: {"damaged record", Altered,
		"what stood here is lost in this copy of the log; of its order nobody can say more than what is before it",
		"keep the log as it is, and take the record from a backup"},
	AlteredRecord: {"altered record", Altered,
		"somebody, or a failing disk, changed this record after it was written", keepAndCompare},
	AlteredSeal: {"altered seal", Altered,
		"the records or the hashes over them were changed; which of the two, only a checkpoint kept elsewhere tells",
		keepAndCompare},
	AlteredIndex: {"altered index", Altered,
		"the records are what they were, but what is looked up by id, key, status or time may be wrong or not be found",
		"keep the log as it is, and copy its records into a new log, which makes its indexes anew"},
	Rewritten: {"rewritten history", Altered,
		"records that somebody vouched for were changed, moved or removed since, together with the log's own hashes",
		"treat the log as forged; go on from a copy that the checkpoint proves"},
	Forked: {"forked history", Altered,
		"the log went back in time to a backup and went on from there; what had followed is not in it",
		"find the log that the checkpoint is of, and what happened in it after the backup"},
	OtherLog: {"another log's checkpoint", Altered,
		"the checkpoint is of a log of another name: one of the two was mistaken for another, or exchanged, or renamed",
		"find the log that the checkpoint is of, or the checkpoint of this log"},
	EndsEarly: {"cut off", CutOff,
		"the newest records that somebody vouched for are not there",
		"look for a newer copy of the log before anything is appended to this one"},
	IllegalRecord: {"illegal record", Altered,
		"our rules cannot have written this record where it stands: it was made by other means, or one before it is gone",
		keepAndCompare},
	UnknowableOrder: {"order not known further", Clean,
		"whether what follows in this order is legal cannot be known without the bad record before it",
		"mend the bad record first, then verify again"},
	OtherThanMessage: {"not what APO said", Altered,
		"the record and the message that is said to prove it differ: one of the two was changed", keepAndCompare},
	BadSignature: {"signature does not hold", Altered,
		"APO did not sign this message as it stands here: it was changed, or never came from APO", keepAndCompare},
	StaleKey: {"key was not valid then", Altered,
		"the message bears a time at which APO did not use the key that signed it, as a forgery with an old key would",
		"ask APO when the key was in use, and inquire about the payment"},
	NoKey: {"no key given", Clean,
		"whether APO signed this message is not known", "give APO's public key of that version"},
	SumsOpen: {"sums do not close", Open,
		"the movements by day and the orders' own amounts differ, or are more than 64 bits can count",
		"report this: the log is as it was written, and the sum is not to be trusted"},
	NotOnRecord: {"not on record", Open,
		"money moved that this log knows nothing of: made elsewhere, or not told yet",
		"inquire about the payment at APO"},
	NotSettled: {"not settled", Open,
		"the log has a movement that the settlement leaves out: settled in another period, or not at all",
		"look for it in the files before and after, then ask APO"},
	SettledOtherwise: {"settled otherwise", Open,
		"the log and the settlement have different amounts for the same movement",
		"hold APO's signed message, which the record keeps, against the settlement"},
}

func (p Problem) row() problemRow {
	if p < problems {
		return problemRows[p]
	}
	return problemRow{word: "unknown"}
}

// wrong reports whether something is wrong by it, and not merely unknown.
func (p Problem) wrong() bool { return p.row().outcome != Clean }

// String is the problem in words.
func (p Problem) String() string { return p.row().word }

// MarshalText is [Problem.String], for JSON and the like.
func (p Problem) MarshalText() ([]byte, error) { return words.Marshal(p, problems-1) }
