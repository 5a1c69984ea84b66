package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// encoded is a log in memory that can only be replayed: count encoded records, and what decodes the i-th. Its other
// methods are nil and never called.
type encoded struct {
	store.Log
	count  int
	decode func(i int) (events.Record, error)
}

func (l encoded) All(_ context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for i := int(from.Position()); i < l.count; i++ {
			if r, err := l.decode(i); !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// eachRecord gives do the records of so many orders in their places, the facts of each order next to one another.
func eachRecord(orders int, do func(events.Record) error) error {
	m := newCourse(random).maker()
	position := uint64(0)
	for range orders {
		_, facts := m.newOrder()
		for i, r := range facts {
			r.Version, r.Position = uint64(i)+1, position+1
			if i > 0 {
				r.Previous = position
			}
			position++
			if err := do(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// binaryLog keeps frames as they are on disk.
func binaryLog(orders int) (store.Log, error) {
	var frames [][]byte
	err := eachRecord(orders, func(r events.Record) error {
		frame, err := events.AppendFrame(nil, r)
		frames = append(frames, frame)
		return err
	})
	return encoded{count: len(frames),
		decode: func(i int) (events.Record, error) { return events.DecodeFrame(frames[i]) }}, err
}

// jsonPayloadLog keeps our frame with an empty payload, and the payload in JSON.
func jsonPayloadLog(orders int) (store.Log, error) {
	var headers, payloads [][]byte
	err := eachRecord(orders, func(r events.Record) error {
		payload, err := json.Marshal(r.Event)
		if err != nil {
			return err
		}
		r.Event = bare(r.Event)
		header, err := events.AppendFrame(nil, r)
		headers, payloads = append(headers, header), append(payloads, payload)
		return err
	})
	return encoded{count: len(headers), decode: func(i int) (events.Record, error) {
		r, err := events.DecodeFrame(headers[i])
		if err == nil {
			r.Event, err = jsonEvent(r.Event.Kind(), payloads[i])
		}
		return r, err
	}}, err
}

// document is a whole record in JSON.
type document struct {
	Kind          events.Kind
	Payload       json.RawMessage
	events.Record // its Event is nil: it is the payload
}

// jsonRecordLog keeps all of a record in JSON, as most event stores do.
func jsonRecordLog(orders int) (store.Log, error) {
	var documents [][]byte
	err := eachRecord(orders, func(r events.Record) error {
		payload, err := json.Marshal(r.Event)
		if err != nil {
			return err
		}
		d := document{Kind: r.Event.Kind(), Payload: payload, Record: r}
		d.Event = nil
		text, err := json.Marshal(d)
		documents = append(documents, text)
		return err
	})
	return encoded{count: len(documents), decode: func(i int) (events.Record, error) {
		var d document
		if err := json.Unmarshal(documents[i], &d); err != nil {
			return events.Record{}, err
		}
		var err error
		d.Event, err = jsonEvent(d.Kind, d.Payload)
		return d.Record, err
	}}, err
}

// jsonEvent decodes one of the workload's facts.
func jsonEvent(kind events.Kind, payload []byte) (events.Event, error) {
	switch kind {
	case events.KindOrderCreated:
		return jsonTo[events.OrderCreated](payload)
	case events.KindPaymentAuthorized:
		return jsonTo[events.PaymentAuthorized](payload)
	case events.KindCaptureRequested:
		return jsonTo[events.CaptureRequested](payload)
	case events.KindCaptureSucceeded:
		return jsonTo[events.CaptureSucceeded](payload)
	}
	return nil, fmt.Errorf("%s is not in this workload", kind)
}

func jsonTo[T events.Event](payload []byte) (events.Event, error) {
	var e T
	err := json.Unmarshal(payload, &e)
	return e, err
}
