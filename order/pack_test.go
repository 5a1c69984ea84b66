package order

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/internal/ours"
)

func pack(o Order) string { return string(o.Pack(ours.Key{}, nil)) }

func unpack(packed string) (o Order, ok bool) {
	ok = o.Unpack(ours.Key{}, packed)
	return o, ok
}

// comesBack packs and unpacks, and holds what comes back against what went in.
func comesBack(t require.TestingT, o Order) string {
	packed := pack(o)
	back, ok := unpack(packed)
	require.True(t, ok)
	require.Equal(t, o, back)
	require.Equal(t, packed, pack(back), "one order has one packed form")
	return packed
}

// Whatever happens to an order, at every step on its way it comes back from its packed form as it was.
func TestPack_EveryOrderThatCanBeReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			k.step(t)
		}
		var o Order
		for _, r := range k.log {
			o = Evolve(o, r)
			comesBack(t, o)
		}
		require.Equal(t, k.o, o)
	})
}

func TestPack_EveryStatus(t *testing.T) {
	comesBack(t, Order{})
	for _, s := range Statuses() {
		t.Run(s.String(), func(t *testing.T) { comesBack(t, in(t, s).o) })
	}
}

// An order goes on from its packed form as from itself.
func TestPack_TheWayGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			k.step(t)
		}
		var live, resting Order
		for _, r := range k.log {
			require.NoError(t, Judge(resting, r))
			live, resting = Evolve(live, r), Evolve(resting, r)
			var ok bool
			resting, ok = unpack(pack(resting))
			require.True(t, ok)
			require.Equal(t, live, resting)
		}
	})
}

// settable is a field that may be written, exported or not.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// populate fills everything in v by the drawer, so that a field added to Order cannot be forgotten in its packed form.
func populate(t require.TestingT, v reflect.Value, d drawer) {
	v = settable(v)
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(d.time()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			populate(t, v.Field(i), d)
		}
	case reflect.Slice:
		if n := d.size(); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			populate(t, v.Index(i), d)
		}
	case reflect.String:
		v.SetString(d.text())
	case reflect.Bool:
		v.SetBool(d.number(1) == 1)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(d.number(math.MaxUint64)))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(d.number(math.MaxUint64 >> (64 - v.Type().Bits())))
	default:
		require.Fail(t, "Pack knows no such field", v.Type().String())
	}
}

type drawer interface {
	time() time.Time
	text() string
	size() int // of a slice; -1: none at all
	number(most uint64) uint64
}

// wild draws what no order will ever hold, but whose packed form must not mix it up.
type wild struct{ t *rapid.T }

func (w wild) time() time.Time {
	edges := []int64{math.MinInt64 + 1, math.MinInt64 + 2, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	nanos := rapid.OneOf(rapid.Int64Min(math.MinInt64+1), rapid.SampledFrom(edges),
		rapid.Just(int64(math.MinInt64))).Draw(w.t, "nanos")
	if nanos == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
func (w wild) text() string {
	return rapid.SampledFrom([]string{"", "USD", "p-1", "x", strings.Repeat("long", 200)}).Draw(w.t, "text")
}
func (w wild) size() int { return rapid.IntRange(-1, 3).Draw(w.t, "size") }
func (w wild) number(most uint64) uint64 {
	return rapid.OneOf(rapid.Uint64Max(most), rapid.SampledFrom([]uint64{0, most})).Draw(w.t, "number")
}

func TestPack_OrdersThatCannotBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Order
		populate(t, reflect.ValueOf(&o).Elem(), wild{t})
		o.total()
		comesBack(t, o)
	})
}

// counted gives every field another value.
type counted struct{ n *uint64 }

func (c counted) next() uint64         { *c.n++; return *c.n }
func (c counted) time() time.Time      { return opened.Add(time.Duration(c.next()) * time.Second) }
func (c counted) text() string         { return fmt.Sprint("text-", c.next()) }
func (c counted) size() int            { return 2 }
func (c counted) number(uint64) uint64 { return 1 + c.next()%255 }

// full has a value in each of its fields, slices included.
func full(t require.TestingT) Order {
	var o Order
	n := uint64(0)
	populate(t, reflect.ValueOf(&o).Elem(), counted{&n})
	o.total()
	return o
}

// derived are the fields that are made from the book, and not packed.
var derived = map[string]bool{"Authorized": true, "Captured": true, "Refunded": true, "Disputed": true, "Late": true}

// Each field counts: an order with one field emptied has another packed form, and still comes back.
func TestPack_LeavesNoFieldOut(t *testing.T) {
	whole := full(t)
	packed := comesBack(t, whole)
	var each func(v func(*Order) reflect.Value, path string)
	each = func(v func(*Order) reflect.Value, path string) {
		if derived[strings.Split(path+".", ".")[1]] {
			return
		}
		o := full(t)
		at := v(&o)
		switch {
		case at.Kind() == reflect.Struct && at.Type() != reflect.TypeFor[time.Time]():
			for i := range at.NumField() {
				each(func(o *Order) reflect.Value { return settable(v(o).Field(i)) }, path+"."+at.Type().Field(i).Name)
			}
			return
		case at.Kind() == reflect.Slice:
			each(func(o *Order) reflect.Value { return settable(v(o).Index(1)) }, path+"[1]")
		case at.Kind() == reflect.Bool:
			at.SetBool(!at.Bool())
			assert.NotEqual(t, packed, comesBack(t, o), path)
			return
		}
		require.False(t, at.IsZero(), path)
		at.SetZero()
		o.total()
		assert.NotEqual(t, packed, comesBack(t, o), path)
	}
	each(func(o *Order) reflect.Value { return reflect.ValueOf(o).Elem() }, "Order")
}

func TestUnpack_WhatIsNotPacked(t *testing.T) {
	packed := pack(full(t))
	for n := range len(packed) {
		o, ok := unpack(packed[:n])
		assert.False(t, ok, "the first %d bytes", n)
		assert.Zero(t, o)
	}
	for name, text := range map[string]string{
		"more after it":            packed + "\x00",
		"a number that never ends": strings.Repeat("\xff", 40),
		"a text beyond the end":    "\x01\x00\x00\x00\x00\x00\x00\x00\x7fab",
		"a list beyond memory":     pack(Order{Anomalies: []Anomaly{}})[:wordSize] + "\xff\xff\xff\xff\xff\xff\xff\x7f",
	} {
		_, ok := unpack(text)
		assert.False(t, ok, name)
	}
}

// Nothing that Unpack is given makes it panic or take memory without end.
func FuzzUnpack(f *testing.F) {
	f.Add(pack(Order{}))
	f.Add(pack(full(f)))
	for _, s := range Statuses() {
		f.Add(pack(in(f, s).o))
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, ok := unpack(text)
		if !ok {
			require.Zero(t, o)
			return
		}
		comesBack(t, o)
	})
}

// longIDs is an order with identifiers as long as those that come in practice.
func longIDs(t testing.TB) Order {
	x := newTill(t)
	c := create(CaptureManual)
	c.CommandID, c.PaymentRequestID = "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6e", "pr-20261123-000042-5f0c2a1b"
	c.OrderID, c.PaymentID = "order-20261123-000042", "202611231940108001001888800000000042"
	x.must(c)
	x.later(time.Minute + 123456789)
	f := authorized()
	f.PaymentID = c.PaymentID
	x.observe(f)
	x.later(time.Hour + 987654321)
	f = captured("202611231940108001001888800000000043", theAmount)
	f.PaymentID = c.PaymentID
	x.observe(f)
	return x.o
}

// An order at rest is small, and keeps nothing of the frames it came from.
func TestPack_IsSmall(t *testing.T) {
	o := longIDs(t)
	const ids = 3 // the command's, its content, the capture's
	packed := comesBack(t, o)
	assert.LessOrEqual(t, len(packed), 216+ids*wordSize)
	assert.Less(t, 4*len(packed), int(unsafe.Sizeof(o)))
	assert.LessOrEqual(t, len(pack(Order{})), wordSize)
}

func TestAllocations_OfPack(t *testing.T) {
	o := longIDs(t)
	room := o.Pack(ours.Key{}, nil)
	assert.Zero(t, testing.AllocsPerRun(100, func() { room = o.Pack(ours.Key{}, room[:0]) }))
	packed := pack(o)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { unpack(packed) }), 2.0, "its book and its commands")
}

// Thousands of orders at rest cost a few hundred bytes each.
func BenchmarkPack(b *testing.B) {
	o := longIDs(b)
	packed := pack(o)
	var room []byte
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			room = o.Pack(ours.Key{}, room[:0])
		}
		b.ReportMetric(float64(len(packed)), "B/order")
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = unpack(packed)
		}
	})
}

// An order is copied at every fold: above this size that costs a fifth more, and at 1 016 bytes, which is no multiple
// of the 64 that are copied at a time, a quarter.
func TestAnOrderIsSmallEnoughToBeCopied(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(Order{}), uintptr(1024))
	assert.Zero(t, unsafe.Sizeof(Order{})%64)
}
