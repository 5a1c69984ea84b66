package main

import (
	"fmt"
	"time"
)

// lane returns one of the section's lanes; nil where it was not measured.
func (s *serviceResult) lane(name string) *serviceLane {
	if s == nil {
		return nil
	}
	for i := range s.Lanes {
		if s.Lanes[i].Name == name {
			return &s.Lanes[i]
		}
	}
	return nil
}

func (r *report) serviceTable() table {
	s := r.Service
	t := table{title: fmt.Sprintf("The service over HTTP: %d shoppers place, pay, capture and cancel orders", s.Shoppers),
		words: 1, head: []string{"", "commands/s", "notifications/s", "× signing alone", "p50", "p99",
			"the service, a command", "of it signing", "APO played, a command", "shoppers, a command"},
		note: fmt.Sprintf("Shoppers, service and simulator share the machine, and the last four columns are of the "+
			"processor. Signing alone is %s exchanges a second on all cores, in one process and without HTTP: what two "+
			"signatures and their verification cost one call, of which the service does half (%s of the processor while all "+
			"cores sign); a notification is one signature of APO's and its verification, half an exchange. So the simulator's "+
			"and the shoppers' HTTP count against the service. What the disk's syncs cost a command is the difference of the "+
			"two rows.", count(s.Alone), short(s.Exchange/2))}
	for _, l := range s.Lanes {
		t.rows = append(t.rows, []string{l.Name, count(l.Commands), count(l.Notified), times(l.signings(), s.Alone),
			short(l.P50), short(l.P99), short(l.Service), share(s.Exchange/2, l.Service), short(l.Simulator),
			short(l.Shoppers)})
	}
	return t
}

// sharesTable tells where the service's time goes.
func (r *report) sharesTable() table {
	t := table{title: "Where the service's time goes", words: 1,
		head: []string{"", "a command", "of it waiting for the log", "processor: signing", "syncs", "the log otherwise",
			"HTTP and JSON", "our own code", "collecting garbage", "system"},
		note: "By the clock a command waits for the log as long as the log's own figures say, syncs included; the rest it " +
			"waits for APO and for the processor. The processor's shares are by the service's own profile: each sample counts " +
			"for the innermost of its functions that belongs to one of them."}
	for _, l := range r.Service.Lanes {
		row := []string{l.Name, short(l.Mean), share(l.Log, l.Mean)}
		for _, part := range []int{partSigning, partSync, partLog, partHTTP, partOurs, partGarbage, partOther} {
			row = append(row, fmt.Sprintf("%.0f %%", 100*l.Shares[part]))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func share(part, whole time.Duration) string {
	return fmt.Sprintf("%.0f %%", 100*ratio(float64(part), float64(whole)))
}

// signingLeast is the least that the service may do of what signing alone would allow.
const signingLeast = 0.7

// serviceMusts are what the design asks of the service.
func (r *report) serviceMusts() []figure {
	f := figure{Must: true, What: "the service beside signing alone, 64 shoppers",
		Limit: fmt.Sprintf("≥ %.1f ×", signingLeast)}
	if l := r.Service.lane(laneDisk); l != nil {
		got := ratio(l.signings(), r.Service.Alone)
		f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got >= signingLeast
		f.Note = fmt.Sprintf("%s commands and %s notifications to %s exchanges a second", count(l.Commands),
			count(l.Notified), count(r.Service.Alone))
	}
	return []figure{f}
}
