package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

func TestCursorText(t *testing.T) {
	assert.Equal(t, "after-0", store.Start().String())
	assert.Equal(t, store.Cursor{}, store.Start(), "the zero cursor is the start")
	rapid.Check(t, func(t *rapid.T) {
		c := store.After(events.Record{Position: rapid.Uint64().Draw(t, "position")})
		back, err := store.ParseCursor(c.String())
		require.NoError(t, err)
		assert.Equal(t, c, back)
		assert.LessOrEqual(t, len(c.String()), 26)
		assert.Equal(t, c.Position(), back.Position())
	})
}

func TestCursorTextIsUnique(t *testing.T) {
	for _, text := range []string{
		"", "0", "42", "after", "after-", "after--1", "after-+1", "after-01", "after- 1", "after-1 ", "After-1", "after-1x",
		"after-0x1", "after-1e3",
		"after-18446744073709551616", "after-99999999999999999999999999", "before-1", "after-1\n",
		strings.Repeat("after-1", 1000),
	} {
		_, err := store.ParseCursor(text)
		require.ErrorIs(t, err, store.ErrInvalid, "%q", text)
		assert.Contains(t, err.Error(), "store.Start", "the error says what to do")
		assert.Less(t, len(err.Error()), 250, "a long text is not repeated whole")
	}
	c := store.After(events.Record{Position: 7})
	require.Error(t, c.UnmarshalText([]byte("8")))
	assert.Equal(t, uint64(7), c.Position(), "a text that is refused changes nothing")
}

func TestCursorInJSON(t *testing.T) {
	kept, err := json.Marshal(map[string]store.Cursor{"at": store.After(events.Record{Position: 7})})
	require.NoError(t, err)
	assert.JSONEq(t, `{"at":"after-7"}`, string(kept))
	var back map[string]store.Cursor
	require.NoError(t, json.Unmarshal(kept, &back))
	assert.Equal(t, uint64(7), back["at"].Position())
	require.ErrorIs(t, json.Unmarshal([]byte(`{"at":"7"}`), &back), store.ErrInvalid)
}

func TestErrorsNameThingReasonAndRemedy(t *testing.T) {
	order := events.OrderStream("o-1")
	for _, c := range []struct {
		err      error
		sentinel error
		words    []string
	}{
		{&store.ConflictError{Stream: order, Want: 3, Have: 5}, store.ErrConflict,
			[]string{`order "o-1"`, "version 3", "version 5", "decide again"}},
		{&store.ConflictError{Stream: order, Want: 5, Have: 3}, store.ErrConflict,
			[]string{`order "o-1"`, "version 3", "version 5", "check that this is the log"}},
		{&store.KeyTakenError{Stream: order, Key: "paymentId:p", Owner: events.OrderStream("o-2")}, store.ErrKeyTaken,
			[]string{`order "o-1"`, `order "o-2"`, "paymentId:p", "find out"}},
		{&store.NotFoundError{Stream: order}, store.ErrNotFound, []string{`order "o-1"`, "check the id"}},
		{&store.NotFoundError{Key: "paymentId:p"}, store.ErrNotFound, []string{"paymentId:p", "check the id"}},
		{&store.DamagedError{Log: "log x", Position: 7, Reason: "there is no record here"}, store.ErrDamaged,
			[]string{"log x, position 7", "no record here", "backup"}},
		{&store.DamagedError{Log: "log x", Reason: "a bucket is missing"}, store.ErrDamaged,
			[]string{"log x: ", "bucket", "backup"}},
		{store.BeyondEnd("log x", 9, 7), store.ErrInvalid, []string{"after-9", "log x", "position 7", "store.Start"}},
	} {
		assert.ErrorIs(t, c.err, c.sentinel)
		for _, word := range c.words {
			assert.Contains(t, c.err.Error(), word)
		}
		for _, other := range []error{store.ErrConflict, store.ErrKeyTaken, store.ErrNotFound, store.ErrInvalid,
			store.ErrDamaged, store.ErrUnavailable} {
			assert.Equal(t, other == c.sentinel, errors.Is(c.err, other), "%v is %v", c.err, other)
		}
	}
}

func good(id string) events.Record {
	at := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	return events.Record{ID: id, Recorded: at, Occurred: at, Event: events.PaymentPending{PaymentID: "p"}}
}

func TestCheckAppend(t *testing.T) {
	order := events.OrderStream("o-1")
	require.NoError(t, store.CheckAppend(order, []events.Record{good("r-1"), good("r-2")}))
	most := make([]events.Record, store.AppendMax)
	for i := range most {
		most[i] = good(fmt.Sprintf("r-%d", i))
	}
	require.NoError(t, store.CheckAppend(order, most))
	most[len(most)-1].ID = most[1].ID
	require.ErrorContains(t, store.CheckAppend(order, most), fmt.Sprintf("record %d of %d: id %q stands twice",
		store.AppendMax, store.AppendMax, most[1].ID))
	require.NoError(t, store.CheckAppendSize(order, store.AppendBytesMax))
	err := store.CheckAppendSize(order, store.AppendBytesMax+1)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.EqualError(t, err,
		`invalid: order "o-1": an append carries at most 33554432 bytes, not 33554433; split it`)

	bad := good("r-2")
	bad.Actor = "a\nb"
	for what, c := range map[string]struct {
		stream  events.Stream
		records []events.Record
		words   []string
	}{
		"no records":     {order, nil, []string{`order "o-1"`, "1 to 16384", "not 0"}},
		"too many":       {order, append(most, good("one more")), []string{"not 16385", "split"}},
		"twice":          {order, []events.Record{good("r-1"), good("r-2"), good("r-1")}, []string{"record 3 of 3", `"r-1"`}},
		"second is bad":  {order, []events.Record{good("r-1"), bad}, []string{"record 2 of 2", "actor"}},
		"empty id":       {events.OrderStream(""), []events.Record{good("r-1")}, []string{"order id", "empty"}},
		"empty category": {events.Stream{ID: "o-1"}, []events.Record{good("r-1")}, []string{"category"}},
		"long category": {events.Stream{Category: strings.Repeat("c", 17), ID: "o-1"}, []events.Record{good("r-1")},
			[]string{"category", "17 bytes", "at most 16"}},
		"odd category": {events.Stream{Category: "a\tb", ID: "o-1"}, []events.Record{good("r-1")},
			[]string{"category", `"a\tb"`, "U+0009 at byte 2"}},
	} {
		err := store.CheckAppend(c.stream, c.records)
		require.ErrorIs(t, err, store.ErrInvalid, what)
		for _, word := range c.words {
			assert.Contains(t, err.Error(), word, what)
		}
	}
	require.ErrorIs(t, store.CheckAppend(events.OrderStream("a\nb"), []events.Record{good("r-1")}), events.ErrInvalidID,
		"the finer reason is in the chain")
}

// TestStreamRulesAgree: what CheckStream takes, a record can carry, and the other way round.
func TestStreamRulesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOfN(rapid.SampledFrom([]rune("abzAé:/0\x00 -")), 0, 20, -1)
		stream := events.Stream{Category: part.Draw(t, "category"), ID: part.Draw(t, "id")}
		if rapid.Bool().Draw(t, "an order") {
			stream.Category = events.CategoryOrder
		}
		r := good("r-1")
		r.Stream = stream
		assert.Equal(t, r.Validate() == nil, store.CheckStream(stream) == nil, "%q", stream)
	})
}

func TestCheckKey(t *testing.T) {
	require.NoError(t, store.CheckKey("paymentId:p-1"))
	require.NoError(t, store.CheckKey(events.Key(strings.Repeat("k", events.KeyMax))))
	require.ErrorIs(t, store.CheckKey(""), store.ErrInvalid)
	require.ErrorIs(t, store.CheckKey(events.Key(strings.Repeat("k", events.KeyMax+1))), store.ErrInvalid)
}

func TestCheckContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(t, store.CheckContext(ctx, "append"))
	cancel()
	err := store.CheckContext(ctx, "append to o-1")
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), "append to o-1")
}
