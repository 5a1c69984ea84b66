package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// ordering says how the ids of orders and payments follow one another.
type ordering string

const (
	random      ordering = "random"       // like UUID version 4: each hits another page of every tree
	timeOrdered ordering = "time-ordered" // like UUID version 7: neighbours in time are neighbours in the tree
)

// eventsPerOrder is how many facts an order has here: created, authorized, capture requested, captured.
const eventsPerOrder = 4

// course is one run of ids and times through a file: what is made later in it is later, whoever makes it. It is safe
// for many goroutines at once.
type course struct {
	ids   ordering
	clock atomic.Uint64 // orders made so far
	lanes atomic.Uint64 // makers made so far
}

func newCourse(ids ordering) *course { return &course{ids: ids} }

// maker makes orders one after another: what one writer appends. It is for one goroutine.
type maker struct {
	course *course
	source *rand.ChaCha8
}

// maker returns one whose ids differ from those of every other maker of the course; the same calls give the same ids.
func (c *course) maker() *maker {
	var seed [32]byte
	copy(seed[:], fmt.Sprintf("%s-%d", c.ids, c.lanes.Add(1)))
	return &maker{course: c, source: rand.NewChaCha8(seed)}
}

// epoch is when the made orders begin; each follows a millisecond after the one before.
var epoch = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// id returns 36 bytes in the form of a UUID. Where ids are
// time-ordered it begins with the milliseconds of at.
func (m *maker) id(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], m.source.Uint64())
	binary.BigEndian.PutUint64(b[8:], m.source.Uint64())
	version := byte(0x40)
	if m.course.ids == timeOrdered {
		version = 0x70
		low := binary.BigEndian.Uint64(b[:]) & 0xffff
		binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16|low)
	}
	b[6] = version | b[6]&0x0f
	b[8] = 0x80 | b[8]&0x3f
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// trimmedSignature stands for APO's: it is cut so that a payload has 300 bytes on average, which prototypes and design
// were measured with. The bodies say what their facts say, since a replay holds the two against each other.
const trimmedSignature = "c2lnbmVkIGJ5IEFQTw=="

const (
	notified = `{"notifyType":"PAYMENT_RESULT","result":{"resultCode":"SUCCESS","resultStatus":"S"},"paymentId":%q,` +
		`"paymentAmount":{"value":"%d","currency":%q},"paymentTime":%q,"authExpiryTime":%q}`
	answered = `{"result":{"resultCode":"SUCCESS","resultStatus":"S"},"captureId":%q,"captureRequestId":%q,` +
		`"paymentId":%q,"captureAmount":{"value":"%d","currency":%q},"captureTime":%q}`
)

// signed is a message of APO's as it is kept.
func signed(at time.Time, path, body string) *events.Evidence {
	return &events.Evidence{Method: "POST", Path: path, ClientID: "SANDBOX_5YB52H", Time: at.Format(time.RFC3339),
		KeyVersion: "1", Signature: trimmedSignature, Body: []byte(body)}
}

// proveAuthorized and proveCaptured put the messages that prove the facts into them.
func proveAuthorized(e *events.PaymentAuthorized, at time.Time) {
	body := fmt.Sprintf(notified, e.PaymentID, e.Amount.Minor, e.Amount.Currency, stamp(e.At), stamp(e.Expires))
	e.Proof = events.Proof{Via: events.ViaNotification, Evidence: signed(at, "/apo/notifications", body)}
}

func proveCaptured(e *events.CaptureSucceeded, at time.Time) {
	body := fmt.Sprintf(answered, e.CaptureID, e.CaptureRequestID, e.PaymentID, e.Amount.Minor, e.Amount.Currency,
		stamp(e.At))
	e.Proof = events.Proof{Via: events.ViaAnswer, Attempt: 1, Evidence: signed(at, "/ams/api/v1/payments/capture", body)}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// amount is what every order comes to.
var amount = events.Money{Minor: 12900, Currency: "EUR"}

// newOrder returns the id of the next order and its facts, each to be appended after the one before. They are legal and
// carry the heads that the library would write, so that a replay accepts them; a test holds that.
func (m *maker) newOrder() (id string, facts [eventsPerOrder]events.Record) {
	at := epoch.Add(time.Duration(m.course.clock.Add(1)) * time.Millisecond)
	payment, capture := m.id(at), m.id(at)
	request := m.id(at)
	id = m.id(at)
	created := events.OrderCreated{PaymentRequestID: request, PaymentID: payment, Amount: amount, Method: "CARD",
		Acquirer:    "acquirer-1",
		CaptureMode: events.CaptureManual, PayBy: at.Add(30 * time.Minute), Due: at.Add(40 * time.Minute)}
	authorized := events.PaymentAuthorized{PaymentID: payment, Amount: amount, At: at.Add(time.Second),
		Expires: at.Add(7 * 24 * time.Hour), Due: at.Add(7*24*time.Hour + order.DefaultMargin)}
	proveAuthorized(&authorized, at)
	lease := at.Add(3*time.Second + order.DefaultLease)
	requested := events.CaptureRequested{CaptureRequestID: capture, PaymentID: payment, Amount: amount, Lease: lease}
	captured := events.CaptureSucceeded{CaptureID: "capture-" + capture[:8], CaptureRequestID: capture, PaymentID: payment,
		Amount: amount, At: at.Add(4 * time.Second)}
	proveCaptured(&captured, at)
	command, idle := m.id(at), order.Idle.String()
	facts = [...]events.Record{
		{Event: created, Keys: []events.Key{events.NewKey(events.KeyPaymentRequestID, request),
			events.NewKey(events.KeyPaymentID, payment)},
			CommandID: m.id(at), Head: events.Head{Status: order.Created.String(), StatusSince: at, Phase: idle,
				Due: created.Due}},
		{Event: authorized, Head: events.Head{Status: order.Authorized.String(), StatusSince: at.Add(2 * time.Second),
			Phase: idle, Due: authorized.Due}},
		{Event: requested, CommandID: command,
			Head: events.Head{Status: order.Authorized.String(), StatusSince: at.Add(2 * time.Second),
				Phase: order.Requested.String(), Due: lease, OperationSince: at.Add(recordedAfter[2])}},
		{Event: captured, CommandID: command,
			Head: events.Head{Status: order.Captured.String(), StatusSince: at.Add(4 * time.Second), Phase: idle}},
	}
	for i := range facts {
		r := &facts[i]
		r.ID, r.Actor = m.id(at), "checkout"
		r.Stream = events.OrderStream(id)
		r.Recorded = at.Add(recordedAfter[i])
		r.Occurred = r.Recorded
	}
	return id, facts
}

// recordedAfter is when each fact of an order is recorded, counted from its creation.
var recordedAfter = [eventsPerOrder]time.Duration{0, 2 * time.Second, 3 * time.Second, 4 * time.Second}

// sizes is what a record comes to, in bytes.
type sizes struct{ payload, frame float64 }

// meanSizes measures what this workload's records come to, at places as a large log has them.
func meanSizes() (sizes, error) {
	var sum sizes
	_, facts := newCourse(random).maker().newOrder()
	for i, r := range facts {
		r.Version, r.Position, r.Previous = uint64(i)+1, 1_000_000, 999_000
		frame, err := events.AppendFrame(nil, r)
		if err != nil {
			return sizes{}, err
		}
		r.Event = bare(r.Event)
		header, err := events.AppendFrame(nil, r)
		if err != nil {
			return sizes{}, err
		}
		sum.frame += float64(len(frame))
		sum.payload += float64(len(frame) - len(header)) // a byte of the payload's own length apart
	}
	return sizes{sum.payload / eventsPerOrder, sum.frame / eventsPerOrder}, nil
}

// bare is the fact of the same kind that says nothing.
func bare(e events.Event) events.Event {
	switch e.(type) {
	case events.OrderCreated:
		return events.OrderCreated{}
	case events.PaymentAuthorized:
		return events.PaymentAuthorized{}
	case events.CaptureRequested:
		return events.CaptureRequested{}
	}
	return events.CaptureSucceeded{}
}
