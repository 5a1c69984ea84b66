package order

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order/window"
)

// Check says whether the policy is within its bounds: [LeaseMin] to [LeaseMax] for the lease, [WaitMin] to [WaitMax]
// for every wait and every other time but Waits, which are at most [WaitsMax], [ReconcileForMax] for ReconcileFor,
// [JitterMax] for the jitter; windows of a known kind and acquirers, methods that have a name. Zero is no wait of a
// list, and the default everywhere else. The error wraps [ErrPolicy] and names the field, its value, what is wrong with
// it and what to give instead.
func (p Policy) Check() error {
	problem := first(p.checkTimes(), p.checkLists(), p.checkShares(), p.checkWindows())
	if problem == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrPolicy, problem)
}

func (p *Policy) checkTimes() string {
	for _, f := range []struct {
		field              string
		value, least, most time.Duration
	}{
		{"Lease", p.Lease, LeaseMin, LeaseMax},
		{"Margin", p.Margin, WaitMin, WaitMax},
		{"Validity", p.Validity, WaitMin, WaitMax},
		{"ParkAfter", p.ParkAfter, WaitMin, WaitMax},
		{"ParkAccepted", p.ParkAccepted, WaitMin, WaitMax},
	} {
		if problem := checkTime(f.field, f.value, f.least, f.most); f.value != 0 && problem != "" {
			return problem + ", or leave it zero for the default"
		}
	}
	if problem := checkTime("ReconcileFor", p.ReconcileFor, WaitMin, ReconcileForMax); problem != "" &&
		p.ReconcileFor != 0 && p.ReconcileFor != NoReconcile {
		return problem + ", NoReconcile to look at nothing by itself, or leave it zero for the default"
	}
	return ""
}

func (p *Policy) checkLists() string {
	for _, l := range []struct {
		field string
		waits []time.Duration
		most  time.Duration
	}{{"Retries", p.Retries, WaitMax}, {"Waits", p.Waits, WaitsMax}, {"Reconciles", p.Reconciles, WaitMax}} {
		for i, wait := range l.waits {
			if problem := checkTime(fmt.Sprintf("%s[%d]", l.field, i), wait, WaitMin, l.most); problem != "" {
				return problem + ", or leave the list out for the default"
			}
		}
	}
	return ""
}

// checkTime says in what a time is out of bounds, and what to give instead.
func checkTime(field string, d, least, most time.Duration) string {
	switch {
	case d >= least && d <= most:
		return ""
	case d > 0 && d <= most/time.Second && d*time.Second >= least: // a plain number, where seconds were meant
		return fmt.Sprintf("%s is %s, and %s is the least; a plain number counts nanoseconds: write %d * time.Second",
			field, d, least, int64(d))
	case d < least:
		return fmt.Sprintf("%s is %s, and %s is the least; give %s to %s", field, d, least, least, most)
	}
	return fmt.Sprintf("%s is %s, and %s is the most; give %s to %s", field, d, most, least, most)
}

func (p *Policy) checkShares() string {
	if p.Jitter < NoJitter || p.Jitter > JitterMax {
		return fmt.Sprintf("Jitter is %d, and it counts hundredths; give 1 to %d, NoJitter for none, "+
			"or leave it zero for the default", p.Jitter, JitterMax)
	}
	if p.UnansweredInquiries < 0 || p.UnansweredInquiries > UnansweredInquiriesMax {
		return fmt.Sprintf("UnansweredInquiries is %d; give 1 to %d, or leave it zero for the default",
			p.UnansweredInquiries, UnansweredInquiriesMax)
	}
	return first(checkMethods("SeveralCaptures", p.SeveralCaptures), checkMethods("ZeroLastCaptures", p.ZeroLastCaptures))
}

func checkMethods(field string, methods []string) string {
	for i, m := range methods {
		if err := events.CheckID("the method", m); err != nil {
			return fmt.Sprintf("%s[%d] is %q: %s; give a payment method as APO names it, such as %q", field, i, m, err,
				MethodCard)
		}
	}
	return ""
}

func (p *Policy) checkWindows() string {
	for _, acquirer := range slices.Sorted(maps.Keys(p.Windows)) {
		if err := events.CheckID("the acquirer", acquirer); err != nil {
			return fmt.Sprintf("Windows has the acquirer %q: %s; give the name that orders are created with", acquirer, err)
		}
		for _, method := range slices.Sorted(maps.Keys(p.Windows[acquirer])) {
			field := fmt.Sprintf("Windows[%q][%q]", acquirer, method)
			if err := events.CheckID("the method", method); err != nil {
				return fmt.Sprintf("%s: %s; give a payment method as APO names it, or window.AnyMethod", field, err)
			}
			if problem := checkWindow(field, p.Windows[acquirer][method]); problem != "" {
				return problem
			}
		}
	}
	return ""
}

func checkWindow(field string, w window.Rule) string {
	switch {
	case w.Kind > window.NextDay:
		return fmt.Sprintf("%s is of kind %d, which is none; use one of the constants of package window", field, w.Kind)
	case w.Kind == window.AfterPayment:
		return checkTime(field+".Length", w.Length, WaitMin, WaitMax)
	case w.Length != 0:
		return fmt.Sprintf("%s is %s and has a Length of %s; only AfterPayment has one", field, w.Kind, w.Length)
	}
	return ""
}
