package viewer

import (
	"context"
	"hash/maphash"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// NamesMax is how many of the ids that APO gives to captures, refunds and disputes a search knows: of the newest facts
// that name one. They take 16 bytes each, all of them from the first one on.
const NamesMax = 1 << 20

// matchesMax is how many facts that name an id a search reads, the newest: an order's own are but a few.
const matchesMax = 64

// names remembers which facts name ids that are no lookup keys of the log: what APO calls a transfer, and what somebody
// else called one. A log refuses a key that another order has, and such an id must keep no fact out of it. It holds a
// hash and a position for each, in a ring; whoever looks reads the record.
type names struct {
	seed   maphash.Seed
	hashes []uint64
	at     []uint64 // the positions of the records that name them
	max    int
	next   int // the place that is written next, once there are max
	// forgotten is the position of the newest record that is not known any more with all that it names; 0: all are.
	forgotten uint64
}

func newNames() *names { return &names{seed: maphash.MakeSeed(), max: NamesMax} }

// take remembers what a record names.
func (n *names) take(r *events.Record) {
	each(r.Event, func(_, id string) {
		hash := maphash.String(n.seed, id)
		if n.hashes == nil {
			n.hashes, n.at = room(n.max), room(n.max)
		}
		if len(n.hashes) < n.max {
			n.hashes, n.at = append(n.hashes, hash), append(n.at, r.Position)
			return
		}
		n.forgotten = n.at[n.next]
		n.hashes[n.next], n.at[n.next] = hash, r.Position
		n.next = (n.next + 1) % n.max
	})
}

// room is empty, with place for so many. All of it is written to once: the system hands out memory as it is touched,
// and what a service takes of it would grow until the ring has come round, a million orders later.
func room(places int) []uint64 {
	whole := make([]uint64, places)
	for i := range whole {
		whole[i] = ^uint64(0)
	}
	return whole[:0]
}

// find is where records are that may name an id, the newest first. Cost: one look at every hash.
func (n *names) find(id string) (at []uint64) {
	hash := maphash.String(n.seed, id)
	for _, part := range [2][2]int{{0, n.next}, {n.next, len(n.hashes)}} { // the second was written before the first
		for i := part[1] - 1; i >= part[0]; i-- {
			if n.hashes[i] != hash {
				continue
			}
			if at = append(at, n.at[i]); len(at) == matchesMax {
				return at
			}
		}
	}
	return at
}

// each calls f with each id in a fact that is no lookup key, and with its name.
func each(e events.Event, f func(name, id string)) {
	p := events.PartsOf(e)
	of := p.Transfer
	anomaly, is := e.(events.AnomalyObserved)
	if is {
		of = transferOf(anomaly.Fact)
	}
	id, request := "transactionId", "requestId"
	switch of {
	case events.TransferCapture:
		id, request = "captureId", events.KeyCaptureRequestID
	case events.TransferRefund:
		id, request = "refundId", events.KeyRefundRequestID
	case events.TransferRaise:
		request = "updateRequestId"
	case events.TransferDispute:
		id = "disputeId"
	}
	told := func(name, id string) {
		if id != "" {
			f(name, id)
		}
	}
	told(id, p.TransferID)
	if is || of == events.TransferRaise {
		told(request, p.RequestID)
	}
	if is { // another payment than the order's
		told(events.KeyPaymentID, p.PaymentID)
	}
}

// transferOf is what facts of a kind are about.
func transferOf(k events.Kind) events.Transfer {
	about, _, _ := strings.Cut(string(k), ".")
	switch {
	case k == events.KindPaymentRaised, k == events.KindRaiseFailed:
		return events.TransferRaise
	case about == "capture":
		return events.TransferCapture
	case about == "refund":
		return events.TransferRefund
	case about == "dispute":
		return events.TransferDispute
	}
	return events.TransferNone
}

// named calls found with each order that names an id, by the records that are there.
func named(ctx context.Context, log store.Reader, id string, at []uint64, found func(order, by string)) error {
	for _, position := range at {
		for r, err := range log.All(ctx, store.After(events.Record{Position: position - 1})) {
			if err != nil {
				return err
			}
			each(r.Event, func(name, has string) {
				if has == id {
					found(r.Stream.ID, name)
				}
			})
			break
		}
	}
	return nil
}
