package order

import (
	"cmp"
	"slices"
	"time"
)

// WithDefaults returns the policy with the default in place of each zero field: what a decision makes of it. The waits
// are 1 s, 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, then daily between attempts; 10 min, 1 h, 6 h, then daily for what APO
// works on; 1, 3 and 7 days, then every 30, between looks at settled money. They are the caller's own.
func (p Policy) WithDefaults() Policy {
	p.Lease = cmp.Or(p.Lease, DefaultLease)
	p.Margin = cmp.Or(p.Margin, DefaultMargin)
	p.Validity = cmp.Or(p.Validity, DefaultValidity)
	p.Jitter = cmp.Or(p.Jitter, DefaultJitter)
	p.ParkAfter = cmp.Or(p.ParkAfter, DefaultParkAfter)
	p.ParkAccepted = cmp.Or(p.ParkAccepted, DefaultParkAccepted)
	p.UnansweredInquiries = cmp.Or(p.UnansweredInquiries, DefaultUnansweredInquiries)
	p.ReconcileFor = cmp.Or(p.ReconcileFor, DefaultReconcileFor)
	p.Retries = waits(p.Retries, defaultRetries)
	p.Waits = waits(p.Waits, defaultWaits)
	p.Reconciles = waits(p.Reconciles, defaultReconciles)
	return p
}

func waits(given, otherwise []time.Duration) []time.Duration {
	if len(given) == 0 {
		return slices.Clone(otherwise)
	}
	return given
}
