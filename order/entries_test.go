package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// bookComesTo is what the entries that are shown add up to, by hand: what is captured and refunded, in time and late.
func bookComesTo(book []Entry) (captured, refunded, lateCaptured, lateRefunded int64) {
	var oneStep, late int64
	for _, e := range book {
		switch {
		case !e.Counted:
		case e.Transfer == events.TransferPayment && e.OneStep && e.Late:
			late = e.Amount.Minor
		case e.Transfer == events.TransferPayment && e.OneStep:
			oneStep = e.Amount.Minor
		case e.Transfer == events.TransferCapture && e.Late:
			lateCaptured += e.Amount.Minor
		case e.Transfer == events.TransferCapture:
			captured += e.Amount.Minor
		case e.Transfer == events.TransferRefund && e.Late:
			lateRefunded += e.Amount.Minor
		case e.Transfer == events.TransferRefund:
			refunded += e.Amount.Minor
		}
	}
	return max(captured, oneStep), refunded, max(lateCaptured, late), lateRefunded
}

// Whatever happens, what the book shows comes to the amounts, each entry stands in one way, its records are on record,
// and what is in doubt is in Doubts.
func TestTheBookShowsWhatTheAmountsAreMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTill(t)
		x.must(create(rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureAutomatic, CaptureManual}).Draw(t, "mode")))
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			x.anything(t, string(rune('a'+i)))
			o := x.o
			captured, refunded, lateCaptured, lateRefunded := bookComesTo(o.Book())
			require.Equal(t, o.Captured, captured)
			require.Equal(t, o.Refunded, refunded)
			require.Equal(t, o.Late.Captured, lateCaptured)
			require.Equal(t, o.Late.Refunded, lateRefunded)
			require.Equal(t, o.Disputed, disputesTook(o.Book()))
			require.Equal(t, len(o.Held), countOf(o.Book(), func(e Entry) bool { return e.Held }))
			var doubts []uint64
			for _, e := range o.Book() {
				ways := 0
				for _, is := range []bool{e.Asked, e.Accepted, e.Held, e.Counted, e.Contradicted, e.Failed} {
					if is {
						ways++
					}
				}
				require.Equal(t, 1, ways)
				require.LessOrEqual(t, max(e.Record, e.Doubt), o.Version)
				require.NotZero(t, e.Record)
				switch {
				case e.Contradicted:
					doubts = append(doubts, e.Record)
				case e.Counted && e.Doubt != 0:
					doubts = append(doubts, e.Doubt)
				}
			}
			require.ElementsMatch(t, o.Doubts(), doubts)
		}
	})
}

func disputesTook(book []Entry) (minor int64) {
	for _, e := range book {
		if e.Transfer == events.TransferDispute && e.Counted {
			minor += e.Amount.Minor
		}
	}
	return minor
}

func countOf(book []Entry, is func(Entry) bool) (n int) {
	for _, e := range book {
		if is(e) {
			n++
		}
	}
	return n
}

// What is asked for, what APO works on, what waits for its capture and what is disputed stands in the same view.
func TestTheBookShowsWhatIsUnderWay(t *testing.T) {
	x := in(t, Captured) // 600
	x.observe(disputed(DisputeOpened, "D1", 300))
	book := x.o.Book()
	assert.Equal(t, Entry{Transfer: events.TransferDispute, Record: x.o.Version, Amount: usd(300), Accepted: true},
		book[len(book)-1])
	x.must(Resolve{Record: x.o.Version, Resolution: events.ResolvedSucceeded, Statement: "ticket 7"})
	book = x.o.Book()
	assert.Equal(t, []any{true, usd(300)}, []any{book[len(book)-1].Counted, book[len(book)-1].Amount})

	x = in(t, Captured)
	intent := x.must(Refund{CommandID: "f", Amount: usd(100)})
	require.Len(t, intent, 1)
	asked := Entry{Transfer: events.TransferRefund, Record: x.o.Version, Amount: usd(100), Asked: true, Ours: true}
	book = x.o.Book()
	assert.Equal(t, asked, book[len(book)-1])
	x.answer(works)
	asked.Asked, asked.Accepted = false, true
	book = x.o.Book()
	assert.Equal(t, asked, book[len(book)-1])
	x.observe(refunded("F9", 700))
	book = x.o.Book()
	assert.Equal(t, []any{true, usd(700)}, []any{book[len(book)-2].Held, book[len(book)-2].Amount})

	x = in(t, Authorized)
	x.must(Cancel{CommandID: "k"})
	book = x.o.Book()
	assert.Equal(t, Entry{Transfer: events.TransferCancel, Record: x.o.Version, Asked: true, Ours: true},
		book[len(book)-1])
}

func TestTheBookSaysWhoseATransferIs(t *testing.T) {
	x := newTill(t)
	x.must(create(CaptureManual))
	x.observe(Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(theAmount), At: opened})
	x.must(Capture{CommandID: "c", Amount: usd(400), Last: true})
	call, ok := x.o.Claimed()
	require.True(t, ok)
	x.must(RecordAnswer{Call: call, Verdict: done})
	book := x.o.Book()
	require.Len(t, book, 2)
	assert.Equal(t, Entry{Transfer: events.TransferPayment, Record: 2, Amount: usd(theAmount), Counted: true}, book[0])
	assert.Equal(t, Entry{Transfer: events.TransferCapture, Record: 4, Amount: usd(400), Counted: true, Ours: true,
		Last: true}, book[1])
}
