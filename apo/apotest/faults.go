package apotest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Do says what a [Fault] does.
type Do string

// What can go wrong. Those of the first group strike before the work, which is
// then not done, or with After once it is done.
const (
	Undecided Do = "unknown" // answer U with Code, UNKNOWN_EXCEPTION if empty
	Timeout   Do = "timeout" // hold the connection until the client gives up or Close
	Cut       Do = "cut"     // close the connection without an answer
	HTTPError Do = "status"  // answer HTTPStatus, unsigned

	// Refuse answers F with Code; nothing is done. The request id of a capture or
	// refund is used up by it, as by any F.
	Refuse Do = "fail"

	// These spoil the answer to work that was done.
	Unsigned     Do = "unsigned"
	BadSignature Do = "bad-signature"
	Truncated    Do = "truncated"
	Oversized    Do = "oversized" // signed, and far above any client's limit
	NotJSON      Do = "not-json"  // signed

	// Delay waits that long, in real time, before anything else happens. A
	// notification is delayed on the server's clock.
	Delay Do = "delay"
	// InProcess answers a capture or refund U with …_IN_PROCESS and leaves it so.
	InProcess Do = "in-process"
	// Forget forgets all request ids, as [Server.ForgetKeys], before the work.
	Forget Do = "forget-keys"

	// These strike notifications, as Delay and BadSignature also do.
	Duplicate Do = "duplicate" // send it Times times more
	Reorder   Do = "reorder"   // send it after the next one
	Lose      Do = "lose"      // never send it
)

// AnyOp in a [Fault] stands for every operation that can be called.
const AnyOp Op = "*"

// Fault is one line of a script.
type Fault struct {
	// Op is what it strikes: an operation, a notification or [AnyOp].
	Op Op
	// From and To are the calls it strikes, counted from 1 over the calls that fit
	// Op and For since the fault was armed. To 0 is From alone; both 0 is every call.
	From, To int
	// For limits it to calls that name this id, whichever it is: the payment's,
	// also where the call gives its other one, the capture's or the refund's.
	For string
	Do  Do
	// After lets the work be done first; for the first group of Do alone.
	After bool
	// Code is the result code for Refuse and, if wanted, Undecided.
	Code string
	// HTTPStatus is for HTTPError.
	HTTPStatus int
	// Delay is for Delay.
	Delay time.Duration
	// Times is for Duplicate; 0 is 1.
	Times int
}

// bounds of a script; what is above them is a slip of the pen.
const (
	delayMax     = 24 * time.Hour
	duplicateMax = 100
	callsMax     = 1_000_000_000
	codeMax      = 64
)

var (
	timedFaults = []Do{Undecided, Timeout, Cut, HTTPError}
	callFaults  = []Do{Undecided, Timeout, Cut, HTTPError, Refuse, Unsigned, BadSignature, Truncated, Oversized, NotJSON,
		Delay, InProcess, Forget}
	notifyFaults = []Do{Delay, BadSignature, Duplicate, Reorder, Lose}
)

// check says what is wrong with a fault, as an error wrapping [ErrScript].
func (f Fault) check() error {
	bad := func(reason string) error { return fmt.Errorf("%w: fault %q: %s", ErrScript, f.String(), reason) }
	notifies := slices.Contains(notifyOps, f.Op)
	switch {
	case !notifies && f.Op != AnyOp && !slices.Contains(calledOps, f.Op):
		return bad("no such operation; give one of " + listOf(append(slices.Clone(calledOps), notifyOps...)) + " or *")
	case notifies && !slices.Contains(notifyFaults, f.Do):
		return bad("a notification cannot do that; give one of " + listOf(notifyFaults))
	case !notifies && !slices.Contains(callFaults, f.Do):
		return bad("a call cannot do that; give one of " + listOf(callFaults))
	case f.From < 0, f.To < 0, f.To > 0 && f.To < f.From, f.From == 0 && f.To > 0, f.From > callsMax, f.To > callsMax:
		return bad("calls are counted from 1 and run upwards; give 1, 2-4 or *")
	case f.For != "" && (badID(f.For) != "" || strings.ContainsAny(f.For, " #")):
		return bad("its id has spaces, # or control characters or more than 64 bytes")
	case f.After && !slices.Contains(timedFaults, f.Do):
		return bad("after is only for " + listOf(timedFaults))
	case f.Do == InProcess && f.Op != OpCapture && f.Op != OpRefund:
		return bad("only a capture or refund can be in process")
	}
	if reason := f.badArgument(); reason != "" {
		return bad(reason)
	}
	return nil
}

func (f Fault) badArgument() string {
	isCode := len(f.Code) <= codeMax && strings.Trim(f.Code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
	switch {
	case f.Do == Refuse && f.Code == "", !isCode:
		return "give a result code such as PROCESS_FAIL"
	case f.Code != "" && f.Do != Refuse && f.Do != Undecided:
		return "it takes no result code"
	case (f.Do == HTTPError) != (f.HTTPStatus != 0), f.Do == HTTPError && (f.HTTPStatus < 300 || f.HTTPStatus > 599):
		return "status alone takes an HTTP status, 300 to 599"
	case (f.Do == Delay) != (f.Delay != 0), f.Delay < 0, f.Delay > delayMax:
		return "delay alone takes a time such as 2s, at most 24h"
	case f.Do != Duplicate && f.Times != 0, f.Times < 0, f.Times > duplicateMax:
		return "duplicate alone takes a count, at most 100"
	}
	return ""
}

func listOf[T ~string](items []T) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = string(item)
	}
	return strings.Join(words, ", ")
}

// armed is a fault in force with the calls it has seen.
type armed struct {
	Fault
	seen int
}

// Script arms faults beside those in force. All of them or, with an error
// wrapping [ErrScript], none.
func (s *Server) Script(faults ...Fault) error {
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &armed{Fault: f})
	}
	return nil
}

// ClearScript ends all faults.
func (s *Server) ClearScript() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// strikes are the faults that strike one call.
type strikes []Fault

// strikesFor counts a call and says what strikes it: all delays, all
// forget-keys, and of the others the first.
func (s *Server) strikesFor(op Op, names func(id string) bool) strikes {
	var out strikes
	taken := false
	for _, a := range s.faults {
		if a.Op != op && (a.Op != AnyOp || slices.Contains(notifyOps, op)) || a.For != "" && !names(a.For) {
			continue
		}
		a.seen++
		if a.From > 0 && (a.seen < a.From || a.seen > max(a.From, a.To)) {
			continue
		}
		if a.Do != Delay && a.Do != Forget {
			if taken {
				continue
			}
			taken = true
		}
		out = append(out, a.Fault)
	}
	return out
}

func (all strikes) find(do Do) (Fault, bool) {
	i := slices.IndexFunc(all, func(f Fault) bool { return f.Do == do })
	if i < 0 {
		return Fault{}, false
	}
	return all[i], true
}

func (all strikes) has(do Do) bool {
	_, is := all.find(do)
	return is
}

// delay is how long they wait together.
func (all strikes) delay() time.Duration {
	var total time.Duration
	for _, f := range all {
		total += f.Delay
	}
	return total
}

// String joins the lines of a script.
func (all strikes) String() string {
	lines := make([]string, len(all))
	for i, f := range all {
		lines[i] = f.String()
	}
	return strings.Join(lines, "; ")
}
