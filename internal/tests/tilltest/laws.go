package tilltest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Anomalies is why the open anomalies stand open.
func Anomalies(o order.Order) []events.AnomalyReason {
	var out []events.AnomalyReason
	for _, a := range o.Anomalies {
		out = append(out, a.Reason)
	}
	return out
}

// Rejected asserts a rejection that a person can act on: it says why, because of what, and what to do instead.
func Rejected(t testing.TB, err error, why order.Reason) *order.RejectedError {
	t.Helper()
	var r *order.RejectedError
	require.ErrorAs(t, err, &r)
	require.ErrorIs(t, err, order.ErrRejected)
	require.Equal(t, why, r.Reason, r.Error())
	require.NotEmpty(t, r.Remedy)
	require.Contains(t, r.Error(), r.Remedy)
	require.Contains(t, r.Error(), r.OrderID)
	require.NotContains(t, r.Error(), "%")
	return r
}

// Lawful holds the log and the order against the invariants that must hold after every step. It returns what is wrong.
func (x *Till) Lawful() error {
	replayed, err := audit.Replay(x.Ctx, x.Log, nil)
	if err != nil {
		return err
	}
	folded, _ := replayed.Order(TheOrder)
	live, err := x.Orders.Get(x.Ctx, TheOrder)
	if err != nil {
		return err
	}
	if fmt.Sprint(folded) != fmt.Sprint(live) {
		return fmt.Errorf("replay gives %v, the live order is %v", folded, live)
	}
	if len(live.Operations()) > 0 && live.NextDue().IsZero() {
		return errors.New("an operation is outstanding and nothing is due")
	}
	return lawfulHistory(x.History())
}

// lawfulHistory checks one order's records by rules of its own, without the tables.
func lawfulHistory(records []events.Record) error {
	var o order.Order
	ends := map[string]int{}
	var lastVersion uint64
	unbounded := false // APO took a capture back, or a person settled what its words do not allow
	for _, r := range records {
		before := o
		o = order.Evolve(o, r)
		if r.Version != lastVersion+1 {
			return fmt.Errorf("version %d follows %d", r.Version, lastVersion)
		}
		lastVersion = r.Version
		if before.Status == order.Cancelled && o.Status != order.Cancelled {
			return fmt.Errorf("version %d leaves cancelled for %s", r.Version, o.Status)
		}
		_, settled := r.Event.(events.TransferResolved)
		unbounded = unbounded || settled || o.Captured < before.Captured
		if !unbounded && (o.Captured > max(o.Authorized, 0) || o.Refunded > o.Captured) {
			return fmt.Errorf("version %d: authorized %d, captured %d, refunded %d", r.Version, o.Authorized, o.Captured,
				o.Refunded)
		}
		cancelling := false // an intent or attempt that cancels
		switch e := r.Event.(type) {
		case events.CancelRequested:
			cancelling = true
		case events.CancelSucceeded:
			local := before.Status == order.Failed && e.Cause == events.CausePaymentFailed
			if e.Proof.Evidence == nil && e.Proof.Inquiry == 0 && !local {
				return fmt.Errorf("version %d cancels without evidence", r.Version)
			}
		case events.AttemptStarted:
			cancelling = before.Operation.Kind == order.CallCancel
		}
		if cancelling && (before.Captured > 0 && before.Status != order.Paid || before.Refunded > 0 ||
			before.Gateway == order.GatewayOutstanding ||
			before.Operation.Kind == order.CallCapture || before.Operation.Kind == order.CallRefund ||
			len(before.Accepted) > 0) {
			return fmt.Errorf("version %d cancels beside a capture or refund", r.Version)
		}
		for _, p := range before.Operations() {
			if _, goesOn := o.OperationOf(p.CommandID); goesOn {
				continue
			}
			if ends[p.CommandID]++; ends[p.CommandID] > 1 {
				return fmt.Errorf("version %d ends command %s again", r.Version, p.CommandID)
			}
		}
	}
	return nil
}

// asked is how much money the commands of the log that are not definitely failed ask for.
func asked(records []events.Record) (captured, refunded int64) {
	failed := map[string]bool{}
	for _, r := range records {
		switch e := r.Event.(type) {
		case events.CaptureFailed:
			failed[e.CaptureRequestID] = true
		case events.RefundFailed:
			failed[e.RefundRequestID] = true
		}
	}
	for _, r := range records {
		switch e := r.Event.(type) {
		case events.CaptureRequested:
			if !failed[e.CaptureRequestID] {
				captured += e.Amount.Minor
			}
		case events.RefundRequested:
			if !failed[e.RefundRequestID] {
				refunded += e.Amount.Minor
			}
		}
	}
	return captured, refunded
}

// Honest checks that the bank moved no more for us than our commands ask for, and that all calls of one request agree.
func (x *Till) Honest() error {
	captured, refunded := asked(x.History())
	var moved [2]int64
	for _, a := range x.Bank.Accounts {
		moved[0] += Sum(slices.DeleteFunc(slices.Clone(a.Captures), byAPO))
		moved[1] += Sum(slices.DeleteFunc(slices.Clone(a.Refunds), byAPO))
	}
	if moved[0] > captured || moved[1] > refunded {
		return fmt.Errorf("the bank captured %d and refunded %d, asked for were %d and %d", moved[0], moved[1], captured,
			refunded)
	}
	content := map[string]WireCall{}
	for _, c := range x.Bank.Seen() {
		if c.Request == "" || c.Op == apo.OpInquireRefund {
			continue
		}
		if first, ok := content[c.Request]; ok && first != c {
			return fmt.Errorf("calls of one request differ: %v, %v", first, c)
		}
		content[c.Request] = c
	}
	return nil
}

// byAPO reports whether APO made a move by itself, or tells it without a name.
func byAPO(m Move) bool { return m.Request == "" }
