package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// ledger makes the log of many orders without keeping it: each order is placed, authorized by a signed notification,
// captured by our command and answered. window is how many other orders have an event between two of the same order.
type ledger struct {
	store.Log
	orders, window int
	trimmed        bool // signed messages of two hundred bytes instead of a thousand
}

const (
	eventsPerOrder = 4
	idsPerOrder    = 4 // remembered ones: two commands, and the capture by two names
)

var opening = time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.UTC)

// signed is a message as long as APO's are, or a short one.
func signed(op apo.Op, trimmed bool, content fields) *events.Evidence {
	if !trimmed {
		content["paymentCreateTime"], content["paymentResultInfo"] = "2026-11-23T09:00:00Z", paidBy
	}
	m := says(op, "S", "SUCCESS", content)
	if trimmed {
		return m
	}
	m.ClientID, m.Time, m.KeyVersion = "SANDBOX_5YBW4Q0000000000", "2026-11-23T12:00:00+08:00", "1"
	m.Signature = strings.Repeat("s", 342)
	return m
}

// paidBy is the same in every message, and so written once: these tests make messages by the hundred thousand.
var paidBy = func() json.RawMessage {
	text, err := json.Marshal(fields{
		"cardBrand": "VISA", "cardNo": "************8764", "funding": "CREDIT", "issuingCountry": "US", "avsResultRaw": "A",
		"cvvResultRaw": "P", "networkTransactionId": strings.Repeat("9", 24),
		"threeDSResult": fields{"eci": "05", "cavv": ""}})
	if err != nil {
		panic(err)
	}
	return text
}()

// history is one order's records, without their places in the log.
func history(i int, trimmed bool) []events.Record {
	id := fmt.Sprintf("order-20261123-%06d", i)
	now := opening.Add(time.Duration(i) * 7919 * time.Microsecond)
	payment := fmt.Sprintf("2026112319401080010018888%011d", i)
	serial := 0
	mint := func() string {
		serial++
		return fmt.Sprintf("0193574e-8f2a-7c11-%04d-%012d", serial, i)
	}
	money := order.Money{Minor: 12345, Currency: "USD"}
	var o order.Order
	var out []events.Record
	give := func(c order.Command) {
		env := order.Env{Now: now, NewID: mint}
		facts, err := order.Decide(o, c, env)
		if err != nil {
			panic(err)
		}
		var records []events.Record
		records, o = order.Records(o, c, facts, env, "")
		out = append(out, records...)
		now = now.Add(time.Second + 123456789)
	}
	give(order.Create{CommandID: mint(), OrderID: id, PaymentRequestID: "pr-" + id, PaymentID: payment, Amount: money,
		Method: "CARD", Acquirer: "ACME",
		CaptureMode: order.CaptureManual, PayBy: now.Add(14 * time.Minute), Actor: "checkout"})
	paid := signed(apo.OpNotifyPayment, trimmed, fields{"notifyType": "PAYMENT_RESULT", "paymentId": payment,
		"paymentRequestId": "pr-" + id, "paymentAmount": wire(money), "paymentTime": stamp(now)})
	give(order.Observe{Fact: order.Fact{Kind: order.PaymentSucceeded, PaymentID: payment, Amount: money, At: now,
		Proof: events.Proof{Via: events.ViaNotification, Evidence: paid}}})
	give(order.Capture{CommandID: mint(), Amount: money, Actor: "warehouse"})
	call, _ := o.Claimed()
	captured := signed(apo.OpCapture, trimmed, fields{"captureId": "c" + payment, "captureRequestId": call.RequestID,
		"captureAmount": wire(money), "captureTime": stamp(now)})
	give(order.RecordAnswer{Call: call, Verdict: order.Verdict{Class: order.VerdictSucceeded, Code: "SUCCESS",
		TransferID: "c" + payment, At: now, Evidence: captured}})
	if len(out) != eventsPerOrder {
		panic(fmt.Sprint(len(out), " events"))
	}
	return out
}

// All yields what a store would: records that come from frames.
func (l *ledger) All(context.Context, store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for frame := range l.frames() {
			if !yield(events.DecodeFrame(frame)) {
				return
			}
		}
	}
}

// frames yields the log's frames in a buffer that is used again.
func (l *ledger) frames() iter.Seq[[]byte] {
	type open struct {
		records  []events.Record
		previous uint64
	}
	return func(yield func([]byte) bool) {
		underway := map[int]*open{}
		position, frame := uint64(0), []byte(nil)
		for t := range l.orders + (eventsPerOrder-1)*l.window {
			for step := range eventsPerOrder {
				i := t - step*l.window
				if i < 0 || i >= l.orders {
					continue
				}
				if step == 0 {
					underway[i] = &open{records: history(i, l.trimmed)}
				}
				u := underway[i]
				r := u.records[step]
				position++
				r.Position, r.Previous, u.previous = position, u.previous, position
				var err error
				if frame, err = events.AppendFrame(frame[:0], r); err != nil {
					panic(err)
				}
				if step == eventsPerOrder-1 {
					delete(underway, i)
				}
				if !yield(frame) {
					return
				}
			}
		}
	}
}

// kept is a log of frames in memory, as store/memory is, but without what appending needs.
type kept struct {
	store.Log
	frames [][]byte
}

func (l *ledger) kept() *kept {
	k := &kept{}
	for frame := range l.frames() {
		k.frames = append(k.frames, bytes.Clone(frame))
	}
	return k
}

func (k *kept) All(context.Context, store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for _, frame := range k.frames {
			if !yield(events.DecodeFrame(frame)) {
				return
			}
		}
	}
}

// jsonLog is a log whose headers are frames and whose payloads are JSON: what replay is held against.
type jsonLog struct {
	store.Log
	headers  [][]byte
	kinds    []reflect.Type
	payloads [][]byte
}

func (k *kept) json(b *testing.B) *jsonLog {
	j := &jsonLog{}
	for _, frame := range k.frames {
		r, err := events.DecodeFrame(frame)
		require.NoError(b, err)
		payload, err := json.Marshal(r.Event)
		require.NoError(b, err)
		j.payloads, j.kinds = append(j.payloads, payload), append(j.kinds, reflect.TypeOf(r.Event))
		r.Event = events.CommandRefused{}
		header, err := events.AppendFrame(nil, r)
		require.NoError(b, err)
		j.headers = append(j.headers, header)
	}
	return j
}

func decodeJSON[T events.Event](payload []byte) (events.Event, error) {
	var fact T
	err := json.Unmarshal(payload, &fact)
	return fact, err
}

func (j *jsonLog) All(context.Context, store.Cursor) iter.Seq2[events.Record, error] {
	readers := map[reflect.Type]func([]byte) (events.Event, error){
		reflect.TypeFor[events.OrderCreated]():      decodeJSON[events.OrderCreated],
		reflect.TypeFor[events.PaymentAuthorized](): decodeJSON[events.PaymentAuthorized],
		reflect.TypeFor[events.CaptureRequested]():  decodeJSON[events.CaptureRequested],
		reflect.TypeFor[events.CaptureSucceeded]():  decodeJSON[events.CaptureSucceeded],
	}
	return func(yield func(events.Record, error) bool) {
		for i, header := range j.headers {
			r, err := events.DecodeFrame(header)
			if err == nil {
				r.Event, err = readers[j.kinds[i]](j.payloads[i])
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// inStore appends the log to a store.
func (l *ledger) inStore(b testing.TB, log store.Log) store.Log {
	b.Cleanup(func() { _ = log.Close() })
	const writers = 64
	turn, done := make(chan int), make(chan error, writers)
	for range writers {
		go func() {
			for i := range turn {
				records := history(i, l.trimmed)
				if _, err := log.Append(context.Background(), records[0].Stream, 0, records...); err != nil {
					panic(err)
				}
			}
			done <- nil
		}()
	}
	for i := range l.orders {
		turn <- i
	}
	close(turn)
	for range writers {
		<-done
	}
	return log
}

// timed replays the log once.
func timed(b *testing.B, log store.Reader, orders int) time.Duration {
	start := time.Now()
	p, err := audit.Replay(context.Background(), log, nil)
	require.NoError(b, err)
	require.Equal(b, orders, p.Len())
	return time.Since(start)
}

// Events a second over frames in memory, over both stores, and with an order's events far apart, where no order is
// warm.
func BenchmarkReplay(b *testing.B) {
	const few, many, near = 25_000, 100_000, 100
	for name, log := range map[string]func(b *testing.B) store.Log{
		"frames": func(*testing.B) store.Log { return (&ledger{orders: few, window: near}).kept() },
		"short messages": func(*testing.B) store.Log {
			return (&ledger{orders: few, window: near, trimmed: true}).kept()
		},
		"far apart": func(*testing.B) store.Log { return (&ledger{orders: few, window: few}).kept() },
		"memory":    func(b *testing.B) store.Log { return (&ledger{orders: many}).inStore(b, memory.New()) },
		"bolt": func(b *testing.B) store.Log {
			log, err := bolt.Open(filepath.Join(b.TempDir(), "log"), nil)
			require.NoError(b, err)
			return (&ledger{orders: many}).inStore(b, log)
		},
	} {
		b.Run(name, func(b *testing.B) {
			log, orders := log(b), few
			if _, ok := log.(*kept); !ok {
				orders = many
			}
			runtime.GC()
			b.ReportAllocs()
			for b.Loop() {
				timed(b, log, orders)
			}
			b.ReportMetric(float64(b.N*orders*eventsPerOrder)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// How many times as fast as if the facts were kept in JSON, in turns, so that a busy machine slows both.
func BenchmarkReplayAgainstJSON(b *testing.B) {
	const orders = 10_000
	for name, trimmed := range map[string]bool{"long messages": false, "short messages": true} {
		b.Run(name, func(b *testing.B) {
			frames := (&ledger{orders: orders, window: 100, trimmed: trimmed}).kept()
			payloads := frames.json(b)
			var ours, theirs time.Duration
			for b.Loop() {
				ours += timed(b, frames, orders)
				theirs += timed(b, payloads, orders)
			}
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-JSON")
		})
	}
}
