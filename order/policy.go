package order

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/order/window"
)

// Policy is what may differ between two services: times and contracts. The zero value takes the defaults, and a zero
// among its fields that field's; what is out of bounds [Policy.Check] refuses.
// It shapes what is decided; the times it chooses stand in the facts, so a fold needs no policy.
type Policy struct {
	Lease    time.Duration   // of a claim; default [DefaultLease]
	Margin   time.Duration   // default [DefaultMargin]
	Validity time.Duration   // default [DefaultValidity]
	Retries  []time.Duration // waits after the first, second, … round without an outcome; the last repeats
	Waits    []time.Duration // waits for what APO works on by itself, each at most [WaitsMax]; the last repeats
	// Jitter is the share of a wait, in hundredths, by which it may be cut short, so that what failed together is not
	// asked again together; 0: [DefaultJitter], [NoJitter]: none, at most [JitterMax]. How much it is follows from the
	// order's id and version: two decisions on the same facts come to the same time.
	Jitter       int
	ParkAfter    time.Duration // default [DefaultParkAfter], counted from the intent
	ParkAccepted time.Duration // for what APO works on; default [DefaultParkAccepted]
	// UnansweredInquiries is how many inquiries in a row about a parked operation must have told nothing of its state, a
	// signed refusal among them, before [Resolve] with Override may end it; at most [UnansweredInquiriesMax], default
	// [DefaultUnansweredInquiries].
	UnansweredInquiries int
	// Reconciles are the waits between inquiries about an order whose money can still move though nothing is under way: a
	// refund made in APO's dashboard, or a payment whose notifications were all lost, is learnt so. The last repeats,
	// until the order is as old as ReconcileFor; its default is [DefaultReconcileFor], [NoReconcile] makes none.
	Reconciles   []time.Duration
	ReconcileFor time.Duration
	Windows      window.Rules // cancel windows by acquirer; nil: let APO decide
	// SeveralCaptures lists the payment methods that take more than one capture. Contracts differ, so the default is none.
	SeveralCaptures []string
	// ZeroLastCaptures lists the payment methods whose contract takes a last capture of zero, which captures nothing and
	// gives up what is left of an authorization that is captured in part. The default is none.
	ZeroLastCaptures []string
}

var (
	defaultRetries = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
		time.Hour, 6 * time.Hour, 24 * time.Hour}
	defaultWaits = []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}
	// Each inquiry's answer is kept, so that a daily one would be most of a log. These are five in all.
	defaultReconciles = []time.Duration{24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}
)

func (p *Policy) lease() time.Duration {
	return within(p.Lease, DefaultLease, LeaseMin, LeaseMax)
}

func (p *Policy) margin() time.Duration   { return orDefault(p.Margin, DefaultMargin) }
func (p *Policy) validity() time.Duration { return orDefault(p.Validity, DefaultValidity) }

func (p *Policy) retry(n int) time.Duration { return step(p.Retries, defaultRetries, n) }
func (p *Policy) wait(n int) time.Duration {
	return min(step(p.Waits, defaultWaits, n), WaitsMax)
}

func (p *Policy) reconcile(n int) time.Duration { return step(p.Reconciles, defaultReconciles, n) }

// reconciles reports whether an order of that age is still looked at by itself.
func (p *Policy) reconciles(age time.Duration) bool {
	return p.ReconcileFor >= 0 && age <= p.reconcileFor()
}

// reconcileFor is for how long an order is looked at by itself, unless it is not.
func (p *Policy) reconcileFor() time.Duration {
	return within(p.ReconcileFor, DefaultReconcileFor, WaitMin, ReconcileForMax)
}

// patience is how long an operation may stay without an outcome until a person gets it.
func (p *Policy) patience(phase Phase) time.Duration {
	if phase == Accepted {
		return orDefault(p.ParkAccepted, DefaultParkAccepted)
	}
	return orDefault(p.ParkAfter, DefaultParkAfter)
}

// jitter is the policy's share in hundredths.
func (p *Policy) jitter() int {
	if p.Jitter == 0 {
		return DefaultJitter
	}
	return min(max(p.Jitter, 0), JitterMax)
}

func (p *Policy) takesSeveral(method string) bool {
	return slices.Contains(p.SeveralCaptures, method)
}

func (p *Policy) takesZero(method string) bool {
	return slices.Contains(p.ZeroLastCaptures, method)
}

// A decision does not check its policy: that would cost more than the decision, and no fact may be denied for it. It
// keeps within the bounds instead, so that what it decides can be kept and judged whatever it was given.

func within(d, otherwise, least, most time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return min(max(d, least), most)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	return within(d, otherwise, WaitMin, WaitMax)
}

func step(steps, otherwise []time.Duration, n int) time.Duration {
	if len(steps) == 0 {
		steps = otherwise
	}
	return min(max(steps[min(n, len(steps)-1)], WaitMin), WaitMax)
}

// Env is what a decision may know of the world: the time, fresh ids and the policy. NewID returns ids of 1 to
// [events.IDMax] bytes, never the same twice; a decision calls it only for Capture, Refund and a Compensate that
// refunds, and [Records] for each record. Check the policy once ([Policy.Check]); a decision does not.
type Env struct {
	Now    time.Time
	NewID  func() string
	Policy Policy
	// Trace is the W3C traceparent of what the command is a part of, at most [events.TraceMax] bytes; an intent keeps it.
	// Empty: nobody traces it.
	Trace string
}
