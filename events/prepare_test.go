package events

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/internal/tests/filled"
)

// Encoding in two steps gives the bytes of encoding in one, for any record in any place.
func TestPreparedFramesAreTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := anyRecord(rt, t)
		want, err := AppendFrame(nil, r)
		require.NoError(rt, err)
		elsewhere := r
		elsewhere.Version, elsewhere.Position = filled.Odd{T: rt}.Number("other version"), 0
		elsewhere.Previous = math.MaxUint64
		p, err := Prepare(elsewhere)
		require.NoError(rt, err, "its place plays no part yet")
		require.GreaterOrEqual(rt, p.SizeMax(), len(want))
		for range 2 {
			got, err := p.AppendFrame([]byte("head"), r.Version, r.Position, r.Previous)
			require.NoError(rt, err)
			require.Equal(rt, "head"+string(want), string(got))
		}
	})
}

// A frame that is there is prepared for another place as its record is, and what is no frame is not.
func TestPrepareFrameIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := anyRecord(rt, t)
		want, err := Prepare(r)
		require.NoError(rt, err)
		frame, err := AppendFrame(nil, r)
		require.NoError(rt, err)
		have, same, err := PrepareFrame(frame)
		require.NoError(rt, err)
		require.Equal(rt, want, have)
		again, err := AppendFrame(nil, same)
		require.NoError(rt, err)
		require.Equal(rt, frame, again)
		clear(frame)
		elsewhere, err := have.AppendFrame(nil, 7, 8, 6)
		require.NoError(rt, err)
		r.Version, r.Position, r.Previous = 7, 8, 6
		moved, err := AppendFrame(nil, r)
		require.NoError(rt, err)
		require.Equal(rt, moved, elsewhere, "it keeps nothing of the frame")
	})
	_, _, err := PrepareFrame([]byte{0, 1, FrameVersion + 1})
	var newer *UpgradeError
	require.ErrorAs(t, err, &newer)
	_, _, err = PrepareFrame(nil)
	require.ErrorIs(t, err, ErrTruncated)
}

func TestPrepareRefusesWhatNoFrameHolds(t *testing.T) {
	r := full(t, KindPaymentAuthorized)
	for what, change := range map[string]func(*Record){
		"no id":      func(r *Record) { r.ID = "" },
		"no event":   func(r *Record) { r.Event = nil },
		"long actor": func(r *Record) { r.Actor = strings.Repeat("a", IDMax+1) },
		"long text":  func(r *Record) { r.Event = CommandRefused{Command: "cancel", Reason: strings.Repeat("a", TextMax+1)} },
	} {
		bad := r
		change(&bad)
		_, want := AppendFrame(nil, bad)
		require.Error(t, want, what)
		_, err := Prepare(bad)
		assert.Equal(t, want, err, what)
	}
}

// A frame that fits near the log's beginning may be too long far from it; the place decides.
func TestPreparedFramesKeepTheBound(t *testing.T) {
	r := Record{ID: "r-1", Stream: OrderStream("o-1"), Recorded: noon, Keys: []Key{Key(strings.Repeat("k", KeyMax))},
		Event: PaymentAuthorized{PaymentID: "p-1", Amount: Money{Minor: 1, Currency: "USD"},
			Proof: Proof{Evidence: &Evidence{Method: "POST"}}}}
	p, err := Prepare(r)
	require.NoError(t, err)
	p.bytes = append(p.bytes, make([]byte, FrameMax-lengthSize-longerSize-3-len(p.bytes))...)
	frame, err := p.AppendFrame(nil, 1, 1, 0)
	require.NoError(t, err)
	require.Len(t, frame, FrameMax)
	frame, err = p.AppendFrame([]byte("head"), 1, 128, 0)
	require.ErrorIs(t, err, ErrTooLarge)
	assert.Equal(t, "head", string(frame), "dst as it was")
}

func BenchmarkPrepared(b *testing.B) {
	p, err := Prepare(ordinary()["intent"])
	require.NoError(b, err)
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		if dst, err = p.AppendFrame(dst[:0], 2, 123456, 123400); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAsReadIsWhatIsRead: of any record, in any place, and wherever its times are told.
func TestAsReadIsWhatIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := anyRecord(rt, t)
		if rapid.Bool().Draw(rt, "elsewhere") {
			zone := time.FixedZone("there", 3600)
			r.Recorded, r.Head.Due = r.Recorded.In(zone), r.Head.Due.In(zone)
		}
		frame, err := AppendFrame(nil, r)
		require.NoError(rt, err)
		want, err := DecodeFrame(frame)
		require.NoError(rt, err)
		got, err := AsRead(r)
		require.NoError(rt, err)
		require.Equal(rt, want, got)
	})
}

// TestAsReadSharesNothing that can be written to; and the times of a fact are as a reader gets them.
func TestAsReadSharesNothing(t *testing.T) {
	for _, kind := range Kinds() {
		given := full(t, kind)
		frame, err := AppendFrame(nil, given)
		require.NoError(t, err)
		want, err := DecodeFrame(frame)
		require.NoError(t, err)
		got, err := AsRead(given)
		require.NoError(t, err)
		if proof := PartsOf(given.Event).Proof; proof.Evidence != nil {
			proof.Evidence.Method = "another"
			for i := range proof.Evidence.Body {
				proof.Evidence.Body[i]++
			}
		}
		for i := range given.Keys {
			given.Keys[i] = "another"
		}
		require.Equal(t, want, got, string(kind))
	}
	at := noon.In(time.FixedZone("there", 3600))
	r := full(t, KindPaymentPaid)
	r.Event = PaymentPaid{PaymentID: "p-1", Amount: Money{Minor: 1, Currency: "USD"}, At: at}
	got, err := AsRead(r)
	require.NoError(t, err)
	assert.Equal(t, noon, got.Event.(PaymentPaid).At)
}

func TestAsReadRefusesWhatNoFactSays(t *testing.T) {
	for what, e := range map[string]Event{"none": nil,
		"long text": PaymentPending{PaymentID: strings.Repeat("p", TextMax+1)}} {
		_, err := AsRead(Record{ID: "r-1", Stream: OrderStream("o-1"), Event: e})
		require.ErrorIs(t, err, ErrInvalid, what)
	}
}

func BenchmarkAsRead(b *testing.B) {
	for name, r := range ordinary() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := AsRead(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
