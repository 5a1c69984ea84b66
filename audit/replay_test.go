package audit_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func replay(log store.Reader) (*audit.Replayed, error) {
	return audit.Replay(context.Background(), log, nil)
}

func TestReplay_AnEmptyLog(t *testing.T) {
	p, err := replay(memory.New())
	require.NoError(t, err)
	assert.Zero(t, p.Records)
	assert.Zero(t, p.Len())
	assert.True(t, p.First.IsZero())
	for range p.Orders() {
		assert.Fail(t, "an order in an empty log")
	}
}

// What a service writes is legal, whatever APO answers, and replaying it gives the live orders. So does every prefix
// that ends at a record's append.
func TestReplay_WhatWasWrittenIsLegal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWriter(func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "pick") })
		ids := w.write(rapid.IntRange(0, 40).Draw(r, "steps"))
		p, err := replay(w.log)
		if err != nil {
			r.Fatal(err)
		}
		all := records(w.log)
		if p.Records != uint64(len(all)) || p.Len() != len(ids) {
			r.Fatalf("%d records and %d orders, wrote %d and %d", p.Records, p.Len(), len(all), len(ids))
		}
		for _, id := range ids {
			var live order.Order
			for record, err := range w.log.Read(context.Background(), events.OrderStream(id), 0) {
				if err != nil {
					r.Fatal(err)
				}
				live = order.Evolve(live, record)
			}
			folded, ok := p.Order(id)
			if !ok || !assert.ObjectsAreEqual(live, folded) {
				r.Fatalf("%s: %+v, live %+v", id, folded, live)
			}
		}
		cut := rapid.IntRange(0, len(all)).Draw(r, "cut")
		for cut > 0 && waits(all[cut-1].Event) {
			cut--
		}
		if _, err := replay(&tampered{records: all[:cut]}); err != nil {
			r.Fatalf("the first %d records: %v", cut, err)
		}
	})
}

func TestReplay_Totals(t *testing.T) {
	w := newWriter(func(int) int { return 0 })
	w.write(0)
	w.now = w.now.Add(time.Hour)
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	_, err := w.log.Append(context.Background(), events.RefusalStream("o-1"), 0,
		events.Record{ID: w.id(), Recorded: w.now, Occurred: w.now,
			Actor: "ada", Event: events.CommandRefused{Command: "capture", Reason: "one-step", Remedy: "refund", Count: 1}})
	require.NoError(t, err)

	p, err := replay(w.log)
	require.NoError(t, err)
	assert.Equal(t, uint64(5), p.Records)
	assert.Equal(t, uint64(1), p.Refusals)
	assert.Equal(t, map[events.Kind]uint64{events.KindOrderCreated: 3, events.KindPaymentPaid: 1,
		events.KindCommandRefused: 1}, p.Kinds)
	assert.Equal(t, map[order.Status]int{order.Created: 2, order.Paid: 1}, p.Statuses())
	assert.Equal(t, w.now.Add(-time.Hour), p.First)
	assert.Equal(t, w.now, p.Last)
	var ids []string
	for o := range p.Orders() {
		ids = append(ids, o.ID)
		if o.ID == "o-2" {
			break
		}
	}
	assert.Equal(t, []string{"o-1", "o-2"}, ids, "by id, and the loop may stop")
	_, ok := p.Order("o-9")
	assert.False(t, ok)
}

// waits reports whether a fact's message may come with a later record of the same append.
func waits(e events.Event) bool {
	switch e.(type) {
	case events.AnomalyCleared, events.OperationParked:
		return true
	}
	via := reflect.ValueOf(e).FieldByName("Proof")
	if !via.IsValid() {
		return false
	}
	proof := via.Interface().(events.Proof)
	return (proof.Via == events.ViaInquiry || proof.Via == events.ViaSelf) && proof.Evidence == nil
}

// mutation does something to the record at i; it returns false where it does not apply.
type mutation struct {
	name string
	do   func(all []events.Record, i int) ([]events.Record, bool)
	at   func(i int) int // the index of the first record that is then out of place
}

func same(i int) int { return i }

func altering(change func(*events.Record)) func([]events.Record, int) ([]events.Record, bool) {
	return func(all []events.Record, i int) ([]events.Record, bool) {
		change(&all[i])
		return all, true
	}
}

// shifting moves a time of the record's head by a nanosecond, one that is none too.
func shifting(of func(*events.Head) *time.Time) func([]events.Record, int) ([]events.Record, bool) {
	return altering(func(r *events.Record) {
		at := of(&r.Head)
		*at = at.Add(1)
	})
}

func mutations() []mutation {
	return []mutation{
		{"dropped", func(all []events.Record, i int) ([]events.Record, bool) {
			return slices.Delete(all, i, i+1), i < len(all)-1 // the last can be missing: only a seal shows that
		}, same},
		{"swapped with the next", func(all []events.Record, i int) ([]events.Record, bool) {
			if i == len(all)-1 {
				return nil, false
			}
			all[i], all[i+1] = all[i+1], all[i]
			return all, true
		}, same},
		{"duplicated", func(all []events.Record, i int) ([]events.Record, bool) {
			return slices.Insert(all, i, all[i]), true
		}, func(i int) int { return i + 1 }},
		{"duplicated at the next position", func(all []events.Record, i int) ([]events.Record, bool) {
			again := all[i]
			again.Position, again.Previous = again.Position+1, again.Position
			return append(all[:i+1], again), true
		}, func(i int) int { return i + 1 }},
		{"without a fact", altering(func(r *events.Record) { r.Event = nil }), same},
		{"at another position", altering(func(r *events.Record) { r.Position++ }), same},
		{"after another record", altering(func(r *events.Record) { r.Previous++ }), same},
		{"with another version", altering(func(r *events.Record) { r.Version++ }), same},
		{"in another order's stream", altering(func(r *events.Record) { r.Stream.ID += "x"; r.Previous = 0; r.Version = 7 }),
			same},
		{"in another category", altering(func(r *events.Record) {
			r.Stream.Category, r.Previous = events.CategoryRefusal, 0
		}), same},
		{"with another status", altering(func(r *events.Record) { r.Head.Status = "refunded!" }), same},
		{"with another phase", altering(func(r *events.Record) { r.Head.Phase += "x" }), same},
		{"with another due time", altering(func(r *events.Record) { r.Head.Due = r.Head.Due.Add(time.Second) }), same},
		{"with another operation's time", shifting(func(h *events.Head) *time.Time { return &h.OperationSince }), same},
		{"with another parked time", shifting(func(h *events.Head) *time.Time { return &h.ParkedSince }), same},
		{"with another anomaly's time", shifting(func(h *events.Head) *time.Time { return &h.AnomalySince }), same},
		{"with another since", altering(func(r *events.Record) { r.Head.StatusSince = r.Head.StatusSince.Add(1) }), same},
		{"made a cancellation without evidence",
			altering(func(r *events.Record) { r.Event = events.CancelSucceeded{Cause: events.CauseRequested} }), same},
		{"made a capture out of nothing", altering(func(r *events.Record) {
			r.Event = events.CaptureSucceeded{CaptureID: "forged", Amount: usd(amount + 1)}
		}), same},
		{"made an answer to nothing", altering(func(r *events.Record) {
			r.Event = events.RefundUnresolved{Unresolved: events.Unresolved{Attempt: 60}}
		}), same},
	}
}

func TestReplay_EveryAlterationIsFoundWhereItIs(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 23))
	w := newWriter(random.IntN)
	w.write(long.Rounds(150, 50))
	all := records(w.log)
	require.Greater(t, len(all), long.Rounds(60, 20))
	for _, m := range mutations() {
		t.Run(m.name, func(t *testing.T) {
			for i := range all {
				changed, applies := m.do(slices.Clone(all), i)
				if !applies {
					continue
				}
				p, err := replay(&tampered{records: changed})
				var illegal *audit.IllegalError
				require.ErrorAs(t, err, &illegal, "record %d, a %s", i+1, all[i].Event.Kind())
				require.ErrorIs(t, err, audit.ErrIllegal)
				at := m.at(i)
				require.Equal(t, uint64(at), p.Records, "what was replayed up to there")
				for at > 0 && errors.Is(err, audit.ErrEvidence) && illegal.Position < changed[at].Position &&
					waits(changed[at-1].Event) {
					at-- // the fact whose answer is not there
				}
				require.Equal(t, changed[at].Position, illegal.Position, "record %d: %v", i+1, err)
				require.Equal(t, changed[at].ID, illegal.Record.ID)
				require.NotEmpty(t, illegal.Err.Error())
				require.Equal(t, "keep the file as it is and compare it with a backup", illegal.Hint())
				require.True(t, strings.HasSuffix(err.Error(), "; "+illegal.Hint()), "%v", err)
			}
		})
	}
}

// An amount is not in the head. One that was altered is found by the intent it answers, or where the facts stop making
// sense.
func TestReplay_AnAlteredAmountIsFoundByWhatItMustFit(t *testing.T) {
	ours := func(w *writer) { w.give("o-1", order.Capture{CommandID: "k-1", Amount: usd(amount)}) }
	foreign := func(w *writer) {
		w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.CaptureSucceeded, TransferID: "t-9",
			PaymentID: "p-o-1", Amount: usd(amount), At: w.now})})
	}
	for name, tt := range map[string]struct {
		capture func(*writer)
		message bool // which is altered with it
		after   uint64
	}{
		"our own capture, by its intent":                                     {ours, true, 0},
		"a foreign capture, by its message":                                  {foreign, false, 0},
		"a foreign capture and its message, by the refund that follows them": {foreign, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(func(int) int { return int(order.VerdictSucceeded) })
			w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", PaymentID: "p-o-1", Amount: usd(amount),
				Method:      "CARD",
				CaptureMode: order.CaptureManual})
			w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
				Amount: usd(amount), At: w.now})})
			tt.capture(w)
			w.give("o-1", order.Refund{CommandID: "r-1", Amount: usd(amount)})
			all := records(w.log)
			at := slices.IndexFunc(all, func(r events.Record) bool { return r.Event.Kind() == events.KindCaptureSucceeded })
			require.Equal(t, events.KindRefundRequested, all[at+1].Event.Kind())
			less := all[at].Event.(events.CaptureSucceeded)
			less.Amount = usd(part)
			if message := *less.Proof.Evidence; tt.message {
				message.Body = bytes.Replace(message.Body, []byte(`"1000"`), []byte(`"400"`), 1)
				less.Proof.Evidence = &message
			}
			all[at].Event = less
			_, err := replay(&tampered{records: all})
			var illegal *audit.IllegalError
			require.ErrorAs(t, err, &illegal)
			assert.Equal(t, all[at].Position+tt.after, illegal.Position)
			if tt.message {
				require.ErrorIs(t, err, order.ErrIllegal)
			} else {
				require.ErrorIs(t, err, audit.ErrEvidence)
				assert.Contains(t, err.Error(), "the record says capture USD 4.00, APO's message beside it says USD 10.00")
			}
		})
	}
}

func TestReplay_RefusalsHaveTheirOwnRules(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	refusal := events.Record{ID: "x-1", Stream: events.RefusalStream("o-1"), Version: 1, Position: 1, Recorded: at,
		Event: events.CommandRefused{Command: "cancel"}}
	_, err := replay(&tampered{records: []events.Record{refusal}})
	require.NoError(t, err)

	late := refusal
	late.Version = 2
	_, err = replay(&tampered{records: []events.Record{late}})
	require.ErrorIs(t, err, audit.ErrIllegal)
	assert.Contains(t, err.Error(), "version 2 stands where 1 belongs")

	foreign := refusal
	foreign.Event = events.PaymentPending{}
	_, err = replay(&tampered{records: []events.Record{foreign}})
	require.ErrorIs(t, err, audit.ErrIllegal)

	strayed := refusal
	strayed.Stream = events.OrderStream("o-1")
	_, err = replay(&tampered{records: []events.Record{strayed}})
	require.ErrorIs(t, err, audit.ErrIllegal)
}

var errStrike = errors.New("the disk is on strike")

func TestReplay_ErrorsOfTheStore(t *testing.T) {
	w := newWriter(func(int) int { return 0 })
	w.write(0)
	p, err := replay(&tampered{records: records(w.log), err: errStrike})
	require.ErrorIs(t, err, errStrike)
	require.NotErrorIs(t, err, audit.ErrIllegal)
	assert.Contains(t, err.Error(), "after position 3")
	assert.Equal(t, uint64(3), p.Records)

	require.NoError(t, w.log.Close())
	_, err = replay(w.log)
	require.ErrorIs(t, err, store.ErrClosed)

	ctx, leave := context.WithCancel(context.Background())
	leave()
	_, err = audit.Replay(ctx, newWriter(nil).log, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestReplay_EachSeesEveryRecordWithItsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	w := newWriter(random.IntN)
	w.write(20)
	all := records(w.log)
	var seen []events.Record
	_, err := audit.Replay(context.Background(), w.log, &audit.Config{Each: func(r events.Record, o order.Order) error {
		seen = append(seen, r)
		assert.Equal(t, r.Stream.ID, o.ID)
		assert.Equal(t, r.Version, o.Version)
		assert.Equal(t, r.Head.Status, o.Status.String())
		return nil
	}})
	require.NoError(t, err)
	assert.Equal(t, all, seen)

	stop := errors.New("seen enough")
	p, err := audit.Replay(context.Background(), w.log,
		&audit.Config{Each: func(events.Record, order.Order) error { return stop }})
	assert.Equal(t, stop, err, "as it is")
	assert.Equal(t, uint64(1), p.Records)
}

func TestReplay_ProgressIsTold(t *testing.T) {
	const count = 25_000
	var all []events.Record
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range uint64(count) {
		all = append(all, events.Record{ID: "x", Stream: events.RefusalStream("o-1"), Version: i + 1, Position: i + 1,
			Previous: i, Recorded: at,
			Event: events.CommandRefused{Command: "cancel"}})
	}
	var told []uint64
	p, err := audit.Replay(context.Background(), &tampered{records: all},
		&audit.Config{Progress: func(n uint64) { told = append(told, n) }})
	require.NoError(t, err)
	assert.Equal(t, []uint64{10_000, 20_000}, told)
	assert.Equal(t, uint64(count), p.Refusals)
}
