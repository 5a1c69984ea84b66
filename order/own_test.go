package order

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// What APO works on by itself is on record by its name, so that the failure of another one does not make it forgotten:
// nothing is cancelled or captured beside it until it is said what became of it, in whichever order the words came.
func TestOwn_OutlivesTheFailureOfAnother(t *testing.T) {
	auth, other := authorized(), Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C8", Code: "X"}
	for _, kind := range []FactKind{CapturePending, CaptureUnclear} {
		word := Fact{Kind: kind, TransferID: "C9", Amount: usd(theAmount)}
		for _, words := range permutations([]Fact{auth, word, other}) {
			for _, by := range []string{"notification", "inquiry"} {
				x := placed(t, CaptureAutomatic)
				for _, f := range words {
					if by == "inquiry" && f.Kind == kind {
						x.inquire(tells(StateProcessing, f))
						assert.Len(t, x.inquire(tells(StateProcessing, f)), 1, "the same once more")
						continue
					}
					x.observe(f)
				}
				assert.Equal(t, GatewayFailed, x.o.Gateway)
				for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "k", Amount: usd(100)}} {
					_, err := x.do(c)
					assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, "%s %s first, %T", by, words[0].Kind, c)
				}
				replayIsLive(t, x)
				x.inquire(tells(StateSuccess, auth))
				assert.Len(t, x.o.Doubts(), 1, "an answer that does not tell of it says nothing")
				x.inquire(tells(StateSuccess, auth, word))
				assert.Len(t, x.o.Doubts(), 1)
				assert.Contains(t, versions(x.o.Anomalies), x.o.Doubts()[0], "a person is told by what the answer says")
				end := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C9", Code: "X"}
				x.observe(end)
				assert.Empty(t, x.o.Doubts())
				x.must(Cancel{CommandID: "c"})
				replayIsLive(t, x)
			}
		}
	}
}

func versions(anomalies []Anomaly) (all []uint64) {
	for _, a := range anomalies {
		all = append(all, a.Version)
	}
	return all
}

// As long as APO captures by itself it is no doubt, and nothing that a person should look at; nor is it once it is
// done, or has failed itself.
func TestOwn_IsNoDoubt(t *testing.T) {
	for name, end := range map[string]Fact{
		"done":            captured("C9", theAmount),
		"in part":         captured("C9", 600),
		"failed":          {Kind: CaptureFailed, PaymentID: "P1", TransferID: "C9", Code: "X"},
		"done by another": captured("C7", theAmount),
	} {
		x := placed(t, CaptureAutomatic)
		x.observe(authorized())
		word := Fact{Kind: CapturePending, TransferID: "C9", Amount: usd(600)}
		told := x.inquire(tells(StateSuccess, authorized(), word))
		assert.Equal(t, "C9", told[0].(events.CaptureAccepted).CaptureID)
		assert.Empty(t, x.observe(word), "a redelivery")
		book := x.o.Book()
		assert.Equal(t, []any{true, true}, []any{book[1].Accepted, book[1].Gateway})
		x.observe(end)
		assert.Equal(t, []any{0, 0}, []any{len(x.o.Doubts()), len(x.o.Anomalies)}, name)
		assert.Equal(t, end.Kind == CaptureFailed, x.takes(Cancel{CommandID: "c"}), name)
		replayIsLive(t, x)
	}
}

// A person who says that APO's own capture has failed says it of the one that APO works on. Of two nobody knows which.
func TestOwn_APersonsWord(t *testing.T) {
	for _, names := range [][]string{{"C9"}, {"C9", "C8"}} {
		x := placed(t, CaptureAutomatic)
		x.observe(authorized())
		settle := Resolve{CommandID: "s", Record: x.log[len(x.log)-1].Version, Resolution: events.ResolvedFailed,
			Statement: "ticket 7"}
		for _, id := range names {
			x.observe(Fact{Kind: CapturePending, TransferID: id, Amount: usd(600)})
		}
		x.later(2 * heldQuietly)
		x.inquire(tells(StateSuccess, authorized()))
		x.must(settle)
		assert.Equal(t, GatewayFailed, x.o.Gateway)
		assert.Len(t, x.o.Doubts(), map[int]int{1: 0, 2: 2}[len(names)])
		replayIsLive(t, x)
	}
}

// A failure that names a request is not of APO's own capture; a cancel leaves nothing of it.
func TestOwn_AnothersFailureAndACancel(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.observe(authorized())
	x.observe(Fact{Kind: CapturePending, TransferID: "C9", Amount: usd(600)})
	x.observe(Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C8", RequestID: "q8", Code: "X"})
	assert.Equal(t, []any{GatewayOutstanding, 0}, []any{x.o.Gateway, len(x.o.Doubts())})
	x.observe(Fact{Kind: PaymentCancelled, PaymentID: "P1"})
	assert.Equal(t, []any{Cancelled, 0}, []any{x.o.Status, len(x.o.Doubts())})
	replayIsLive(t, x)
}
