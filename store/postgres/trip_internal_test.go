package postgres

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// driverSays is a value of Go's in binary, as the driver encodes it.
func driverSays(t require.TestingT, types *pgtype.Map, oid uint32, value any) []byte {
	b, err := types.Encode(oid, pgtype.BinaryFormatCode, value, []byte{})
	require.NoError(t, err)
	return b
}

// someOrNull are values and, where they are nil, nulls.
func someOrNull[E any](t *rapid.T, each *rapid.Generator[E], label string) []*E {
	return rapid.SliceOfN(rapid.Ptr(each, true), 1, 20).Draw(t, label)
}

// fill makes an array of what is there and of nulls.
func fill[E any](a array, all []*E, add func(*array, E)) array {
	for _, e := range all {
		if e == nil {
			a.null()
		} else {
			add(&a, *e)
		}
	}
	return a
}

// times are some that the server can keep, before and after it begins to count.
var times = rapid.Custom(func(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(-60_000_000_000, 200_000_000_000).Draw(t, "seconds"),
		rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
})

// A parameter is in binary what the driver makes of the same value, and the driver reads it as that.
func TestParameters_AsTheDriverEncodesThem(t *testing.T) {
	types := pgtype.NewMap()
	rapid.Check(t, func(t *rapid.T) {
		is := func(have parameter, want any) {
			assert.Equal(t, driverSays(t, types, have.oid, want), have.value)
			back, err := have.decoded(types)
			require.NoError(t, err)
			assert.Equal(t, have.value, driverSays(t, types, have.oid, back), "by way of the driver")
		}
		n, s := rapid.Int64().Draw(t, "bigint"), rapid.String().Draw(t, "text")
		is(bigintOf(n), n)
		is(textOf(s), []byte(s))
		is(byteaOf([]byte(s)), []byte(s))
		bigints, texts := someOrNull(t, rapid.Int64(), "bigints"), someOrNull(t, rapid.String(), "texts")
		a := fill(newBigints(len(bigints)), bigints, (*array).bigint)
		is(a.parameter(), bigints)
		a = fill(newTexts(len(texts)), texts, (*array).text)
		is(a.parameter(), texts)
		smallints := someOrNull(t, rapid.Int16(), "smallints")
		a = fill(newSmallints(len(smallints)), smallints, (*array).smallint)
		is(a.parameter(), smallints)
		byteas := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 50), 1, 20).Draw(t, "byteas")
		a = newByteas(len(byteas), 10)
		for _, b := range byteas {
			a.bytes(b)
		}
		is(a.parameter(), byteas)
		moments := someOrNull(t, times, "moments")
		a = newMoments(len(moments))
		for _, m := range moments {
			a.moment(m)
		}
		is(a.parameter(), moments)
	})
}

// What has nothing in it is not null: a column would refuse that.
func TestParameters_NothingIsNotNull(t *testing.T) {
	assert.Equal(t, []byte{}, byteaOf(nil).value)
	assert.Equal(t, []byte{}, textOf("").value)
	a := newByteas(1, 0)
	a.bytes(nil)
	assert.Equal(t, driverSays(t, pgtype.NewMap(), pgtype.ByteaArrayOID, [][]byte{{}}), a.parameter().value)
	_, err := parameter{oid: pgtype.BoolOID}.decoded(pgtype.NewMap())
	assert.ErrorContains(t, err, "16", "no parameter of ours has this type")
}

// A head's time is in nanoseconds, and null where there is none.
func TestParameters_TimesOfHeads(t *testing.T) {
	at := time.Date(2026, 12, 1, 4, 0, 0, 123_456_789, time.UTC)
	a := newBigints(2)
	a.sometimes(at)
	a.sometimes(time.Time{})
	n := at.UnixNano()
	assert.Equal(t, driverSays(t, pgtype.NewMap(), pgtype.Int8ArrayOID, []*int64{&n, nil}), a.parameter().value)
}
