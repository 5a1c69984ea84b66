package order

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allocated is how many bytes a function allocates: the least of some calls, since a test that runs beside it may
// allocate too.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 4 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// What an order remembers of a long answer grows where it is, and is not copied for each of its facts: twice the facts
// take twice the memory.
func TestALongAnswerCostsByItsLength(t *testing.T) {
	tells := map[string]Fact{
		"captures":                  {Kind: CaptureSucceeded, Amount: usd(1)},
		"captures that failed":      {Kind: CaptureFailed},
		"captures beyond":           {Kind: CaptureSucceeded, Amount: usd(100 * theAmount)},
		"transactions of no kind":   {Kind: OtherTransaction},
		"refunds before a capture":  {Kind: RefundSucceeded, Amount: usd(theAmount / 2)},
		"captures that are pending": {Kind: CapturePending},
	}
	for name, f := range tells {
		cost := func(count int) uint64 {
			x := placed(t, CaptureManual)
			x.observe(authorized())
			x.must(Claim{Inquire: true})
			p := Picture{Outcome: 1, State: StateSuccess}
			for i := range count {
				f.TransferID, f.RequestID = fmt.Sprint("T", i), fmt.Sprint("R", i)
				p.Facts = append(p.Facts, f)
			}
			env := x.env()
			return allocated(func() {
				facts, err := Decide(x.o, RecordInquiry{Number: 1, Picture: p}, env)
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(facts), count)
			})
		}
		const few = 250
		assert.Less(t, cost(2*few), 3*cost(few), name)
	}
}

// Orders that came from the same prefix share their past, and what one of them adds is not written over by another:
// also where the lists of that prefix have room left, as after an answer of several facts.
func TestOrdersOfOnePrefixKeepWhatTheyAdd(t *testing.T) {
	x := placed(t, CaptureManual)
	x.observe(authorized())
	x.must(Claim{Inquire: true})
	p := tells(StateSuccess)
	for i := range 5 {
		p.Facts = append(p.Facts, captured(fmt.Sprint("C", i), 100*theAmount))
	}
	c := RecordInquiry{Number: 1, Picture: p}
	facts, err := Decide(x.o, c, x.env())
	require.NoError(t, err)
	_, o := Records(x.o, c, facts, x.env(), "apo")
	require.Greater(t, cap(o.book), len(o.book), "there is room that two could write to")
	further := func(o Order, id string) Order {
		f := captured(id, 100*theAmount)
		facts, err := Decide(o, Observe{Fact: f}, x.env())
		require.NoError(t, err)
		records, after := Records(o, Observe{Fact: f}, facts, x.env(), "apo")
		for i := range records {
			o = Evolve(o, records[i])
		}
		assert.Equal(t, after.book, o.book)
		return o
	}
	one := further(o, "one")
	was := one.Book()
	other := further(o, "other")
	assert.Equal(t, was, one.Book())
	assert.Equal(t, digest("one"), one.book[len(one.book)-1].id)
	assert.Equal(t, digest("other"), other.book[len(other.book)-1].id)
	assert.NotEqual(t, one.contradiction[len(one.contradiction)-1], other.contradiction[len(other.contradiction)-1])
}
