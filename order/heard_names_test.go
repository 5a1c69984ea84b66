package order

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The index of a long answer finds what comparing each fact with each does.
func TestHeard_TheIndexOfNamesIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := placed(t, CaptureManual)
		x.observe(authorized())
		for range rapid.IntRange(0, 4).Draw(t, "on record") {
			x.observe(someFact(t))
		}
		facts := rapid.SliceOfN(rapid.Custom(someFact), 0, 12).Draw(t, "facts")
		pairs, long := slices.Clone(facts), slices.Clone(facts)
		x.o.splitAll(pairs)
		x.o.splitLong(long)
		require.Equal(t, pairs, long)

		short := heard{facts: facts}
		indexed := heard{facts: append(slices.Clone(facts), make([]Fact, namesMin)...)}
		indexed.index()
		require.NotNil(t, indexed.named)
		f := someFact(t)
		for _, kind := range []transferKind{captures, refunds, raises, others} {
			require.Equal(t, short.tellsEndOf(kind, &f), indexed.tellsEndOf(kind, &f))
		}
		require.Equal(t, short.tellsDone(&f), indexed.tellsDone(&f))
	})
}

// An answer of as many facts as there may be is split by its names, and not by all pairs of facts: of ten times as many
// each is looked at as often as before.
func TestHeard_ALongAnswersNamesCostByItsLength(t *testing.T) {
	looked := func(count int) (looks int) {
		n := namesOf[string](count)
		for i := range count {
			f := Fact{Kind: OtherTransaction, TransferID: fmt.Sprint("T", i/2), RequestID: fmt.Sprint("R", i)}
			for range n.of(f.TransferID, f.RequestID) {
				looks++
			}
			n.add(i, f.TransferID, f.RequestID)
		}
		return looks
	}
	require.Equal(t, 10*looked(200), looked(2000))
}

// So are the amounts of a payment, each of which is compared with the others once.
func TestHeard_APaymentsManyLinesAreComparedByTheirAmounts(t *testing.T) {
	x := placed(t, CaptureManual)
	var p Picture
	for i := range 4000 {
		f := authorized()
		f.Amount = usd(theAmount + int64(i%2)*500)
		p.Facts = append(p.Facts, f)
	}
	p.Facts = append(p.Facts, raised("u1", 1500))
	require.False(t, x.o.heardOf(&p).amounts, "it was raised from the one to the other")
	p.Facts = append(p.Facts, Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(1200)})
	require.True(t, x.o.heardOf(&p).amounts)
}

// A line of a kind not known here that is on record as a capture or refund under its other name is told as it by the
// same answer, as comparing the place of each fact says; of ten times as many lines each looks at as many facts.
func TestHeard_WhatALineIsToldAsIsFoundByItsNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := placed(t, CaptureManual)
		x.observe(authorized())
		for range rapid.IntRange(0, 4).Draw(t, "on record") {
			x.observe(someFact(t))
		}
		facts := rapid.SliceOfN(rapid.Custom(someFact), 0, 12).Draw(t, "facts")
		d, f := decision{o: x.o, heard: heard{facts: facts}}, someFact(t)
		for _, kind := range []transferKind{captures, refunds} {
			at := x.o.placed(kind, f.TransferID, f.RequestID)
			want := slices.ContainsFunc(facts, func(other Fact) bool {
				return other.transfers() == kind && (f.names(&other) ||
					at >= 0 && x.o.placed(kind, other.TransferID, other.RequestID) == at)
			})
			require.Equal(t, want, d.toldAs(kind, &f))
		}
	})
	looked := func(count int) (looks int) {
		h := heard{facts: make([]Fact, count)}
		for i := range h.facts {
			h.facts[i] = Fact{Kind: CaptureSucceeded, TransferID: fmt.Sprint("T", i), RequestID: fmt.Sprint("R", i/2)}
		}
		for i := range h.facts {
			for range h.namesakes(&transfer{id: digest(h.facts[i].TransferID), request: digest(h.facts[i].RequestID)}) {
				looks++
			}
		}
		return looks
	}
	require.Equal(t, 10*looked(200), looked(2000))
}
