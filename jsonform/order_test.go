package jsonform

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/filled"
	"github.com/tilltape/tilltape/order"
)

func writeOrder(t require.TestingT, d orderDoc) []byte {
	f := begin(nil)
	orderMembers(f, &d)
	doc, err := f.end(nil)
	require.NoError(t, err)
	return doc
}

// fullOrder has everything that a document of an order can have.
func fullOrder(t *testing.T) orderDoc {
	t.Helper()
	var d orderDoc
	filled.Fill(t, reflect.ValueOf(&d).Elem(), plausible())
	return d
}

// Whatever an order has is told, and nothing else is: what is written comes back.
func TestAnyOrderIsToldWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := fullOrder(t)
		if rapid.Bool().Draw(rt, "odd") {
			d = orderDoc{}
			filled.Fill(t, reflect.ValueOf(&d).Elem(), filled.Odd{T: rt, TextMax: events.IDMax})
			d.ID, d.Words = "o-1", "created"
		}
		doc := writeOrder(rt, d)
		require.True(rt, json.Valid(doc), "%s", doc)
		var got orderDoc
		require.NoError(rt, read(doc, func(f *form) { orderMembers(f, &got) }), "%s", doc)
		require.Equal(rt, d, got)
		require.Equal(rt, string(doc), string(writeOrder(rt, got)))
	})
}

// aLife is an order that was captured in part and is being refunded.
func aLife() order.Order {
	at := func(minutes int) time.Time {
		return noon.Truncate(time.Minute).Add(time.Duration(minutes) * time.Minute)
	}
	usd := func(minor int64) events.Money { return events.Money{Minor: minor, Currency: "USD"} }
	told := events.Proof{Via: events.ViaNotification}
	var o order.Order
	for i, e := range []events.Event{
		events.OrderCreated{PaymentRequestID: "p-1", Amount: usd(10000), Method: "CARD", CaptureMode: events.CaptureManual},
		events.PaymentAuthorized{PaymentID: "P1", Amount: usd(10000), At: at(1), Proof: told},
		events.CaptureRequested{CaptureRequestID: "c-1", PaymentID: "P1", Amount: usd(4000), Lease: at(3)},
		events.CaptureSucceeded{CaptureID: "C1", CaptureRequestID: "c-1", PaymentID: "P1", Amount: usd(4000), At: at(2),
			Proof: events.Proof{Via: events.ViaAnswer, Attempt: 1}},
		events.RefundRequested{RefundRequestID: "r-1", PaymentID: "P1", Amount: usd(1500), Reason: "too small", Lease: at(9)},
	} {
		o = order.Evolve(o, events.Record{ID: "r", Stream: events.OrderStream("o-1"), Version: uint64(i + 1), Recorded: at(i),
			Occurred: at(i), CommandID: "cmd", Event: e})
	}
	return o
}

func TestAnOrderIsToldInWordsAndMoney(t *testing.T) {
	doc, err := AppendOrder([]byte("before"), aLife())
	require.NoError(t, err)
	golden(t, goldenDir+"/order.json", readable(t, doc[len("before"):]))
}

func TestAnOrderThatCannotBeTold(t *testing.T) {
	o := aLife()
	o.Operation.Reason = "\xff"
	dst, err := AppendOrder([]byte("before"), o)
	require.EqualError(t, err, "writing JSON: operations[0].reason is not UTF-8; give text")
	assert.Equal(t, "before", string(dst))
	_, err = AppendOrder(nil, order.Order{})
	require.EqualError(t, err, "writing JSON: id is empty; give text")
}

// Lists of objects are read as strictly as all else.
func TestStrictnessInLists(t *testing.T) {
	doc := string(writeOrder(t, fullOrder(t)))
	for _, c := range []changed{
		{"a name", `"askedAt":`, `"asked":`, `operations[0]."asked" is no name that belongs here; leave it out`},
		{"a word", `"counted":true`, `"counted":"yes"`, "book[0].counted is text; give true"},
		{"a flag that is down", `"counted":true`, `"counted":false`, "book[0].counted is false; leave it out"},
		{"a word of nothing", `"cancelCause":"`, `"cancelCause":"unknown","x":"`, "cancelCause says nothing; leave it out"},
		{"a text for an object", `"book":[{`, `"book":["x",{`, "book[0] is text; give an object"},
		{"a number for a text", `"doubts":["`, `"doubts":[7,"`, "doubts[0] is a number; give text"},
	} {
		require.Contains(t, doc, c.from)
		err := read([]byte(strings.Replace(doc, c.from, c.to, 1)), func(f *form) { orderMembers(f, new(orderDoc)) })
		assert.EqualError(t, err, "reading JSON: "+c.want, c.name)
	}
}
