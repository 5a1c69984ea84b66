package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
)

// after is now and a wait of the schedule, cut short by the policy's jitter.
func (d *decision) after(wait time.Duration) time.Time {
	return d.env.Now.Add(wait - d.o.jitter(wait, d.env.Policy.jitter()))
}

// retryDue is when an operation without an outcome is driven next, waitDue when APO is asked about what it works on.
func (d *decision) retryDue(n int) time.Time { return d.after(d.env.Policy.retry(n)) }
func (d *decision) waitDue(n int) time.Time  { return d.after(d.env.Policy.wait(n)) }

// reconcileDue is when an order whose money can still move is looked at next; zero: not by itself any more.
func (d *decision) reconcileDue(n int) time.Time {
	due := d.after(d.env.Policy.reconcile(n))
	if !d.env.Policy.reconciles(due.Sub(d.o.CreatedAt)) {
		return zeroTime
	}
	return due
}

// heldDue is reconcileDue for what is only held: the last look is when the time for looking ends, so that a person is
// told of it then.
func (d *decision) heldDue(n int) time.Time {
	if due := d.reconcileDue(n); !due.IsZero() || d.env.Policy.ReconcileFor < 0 {
		return due
	}
	if end := d.o.CreatedAt.Add(d.env.Policy.reconcileFor()); d.env.Now.Before(end) {
		return end
	}
	return zeroTime
}

// firstLook is when APO is asked first about an authorization whose end it did not tell: once in any case.
func (d *decision) firstLook() time.Time {
	due := d.heldDue(0)
	if due.IsZero() && d.env.Policy.ReconcileFor >= 0 {
		return d.after(d.env.Policy.reconcile(0))
	}
	return due
}

// paidAfterAllDue is when an order that is cancelled without a payment is inquired about once more: once nobody can be
// paying it any longer. Zero: nobody can be now.
func (d *decision) paidAfterAllDue() time.Time {
	o := &d.o
	deadline := o.payDeadline(&d.env)
	if o.paymentKnown() || d.env.Policy.ReconcileFor < 0 || !d.env.Now.Before(deadline) {
		return zeroTime
	}
	return deadline
}

// unpaidDue is paidAfterAllDue of an order that failed or is cancelled, and has no money: whatever is asked about it
// before, that look stays.
func (d *decision) unpaidDue() time.Time {
	if !d.o.unpaid() {
		return zeroTime
	}
	return d.paidAfterAllDue()
}

// unpaid reports whether an order failed, or is cancelled, without a payment.
func (o *Order) unpaid() bool {
	return !o.paymentKnown() && (o.Status == Failed || o.Status == Cancelled && o.Late.IsZero())
}

// jitterSteps is how finely a jitter is cut.
const jitterSteps = 1 << 10

// jitter is what a wait is cut short by: at most percent hundredths of it. It is drawn from the order's id and version
// instead of at random, so that a decision stays a function of what it is given. The mixing is FNV-1a's; nothing hangs
// on how well it mixes, and ids that were made to collide only fall due together.
func (o *Order) jitter(wait time.Duration, percent int) time.Duration {
	if percent == 0 {
		return 0
	}
	const offset, prime = 0xcbf29ce484222325, 0x100000001b3
	h := uint64(offset)
	for i := range len(o.ID) {
		h = (h ^ uint64(o.ID[i])) * prime
	}
	for v := o.Version; v > 0; v >>= 8 {
		h = (h ^ v&0xff) * prime
	}
	h ^= h >> 32
	return wait / 100 * time.Duration(percent) / jitterSteps * time.Duration(h%jitterSteps)
}

// usedUp reports whether the operation's schedule is over.
func (p *Operation) usedUp(env *Env) bool {
	return env.Now.Sub(p.Since) >= env.Policy.patience(p.Phase)
}

// park gives an operation to a person, and says when APO is asked about it then.
func (d *decision) park(p *Operation, reason string) (due time.Time) {
	due = d.after(ParkedEvery)
	d.emit(events.OperationParked{Intent: p.Intent, Reason: reason, Due: due})
	return due
}

// Why an operation is parked.
const (
	parkedUnknown  = "APO knows no such payment; contact APO support"
	parkedSilent   = "no outcome within %s; contact APO support"
	parkedAccepted = "APO has worked on it for %s without a result; contact APO support"
)

// parkReason says why an operation whose schedule is used up is parked.
func (d *decision) parkReason(p *Operation) string {
	words := parkedSilent
	if p.Phase == Accepted {
		words = parkedAccepted
	}
	return fmt.Sprintf(words, days(d.env.Policy.patience(p.Phase)))
}

// days writes a time that people count in days as such.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day || d%day != 0 {
		return d.String()
	}
	return fmt.Sprintf("%d days", d/day)
}
