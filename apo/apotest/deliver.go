package apotest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// deliverEvery is how often the server looks at its clock for what is due.
	deliverEvery = 20 * time.Millisecond
	// deliveriesMax is to how many payments the server itself delivers at once: a
	// receiver that is busy takes as long for each as for one.
	deliveriesMax = 16
	// deliverTimeout ends one delivery.
	deliverTimeout = 10 * time.Second
	// acknowledgementMax bounds what is read of an acknowledgement, in bytes.
	acknowledgementMax = 4 << 10
	// reorderWait is how long a reordered notification waits for one to overtake it.
	reorderWait = time.Minute
)

// redelivery is how long after the one before each delivery is made; the last
// is the eighth.
func redelivery() []time.Duration {
	return []time.Duration{
		0, 2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
	}
}

func newSender() *http.Client {
	return &http.Client{
		Timeout: deliverTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: deliveriesMax},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliverAlways delivers until the server is closed.
func (s *Server) deliverAlways() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.closing:
		case <-ctx.Done():
		}
		cancel()
	}()
	ticker := time.NewTicker(deliverEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-s.kick:
		case <-ticker.C:
		}
		s.deliver(ctx, deliveriesMax)
	}
}

// Deliver sends every notification that is due by the server's clock, one after
// another, and returns how many it sent. One that is not acknowledged in APO's
// form, with status 200, is due again later: eight deliveries in all, 2 min,
// 10 min, 10 min, 1 h, 2 h, 6 h and 15 h apart.
func (s *Server) Deliver(ctx context.Context) (sent int) { return s.deliver(ctx, 1) }

// deliver sends what is due, to so many payments at once: those of one payment
// in their order, and one that a script had overtaken after all before it.
func (s *Server) deliver(ctx context.Context, atOnce int) (sent int) {
	for _, notes := range s.outstanding() {
		if atOnce == 1 {
			sent += s.send(ctx, notes)
			continue
		}
		var count atomic.Int64
		var sending sync.WaitGroup
		free := make(chan struct{}, atOnce)
		for _, ofOne := range byPayment(notes) {
			free <- struct{}{}
			sending.Go(func() {
				defer func() { <-free }()
				count.Add(int64(s.send(ctx, ofOne)))
			})
		}
		sending.Wait()
		sent += int(count.Load())
	}
	return sent
}

// outstanding is the notes that may still be sent, in order; what comes after an overtaken one's beginning waits for
// all before it.
func (s *Server) outstanding() (runs [][]*note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	o := &s.outbox
	for o.over < len(o.notes) && o.notes[o.over].isOver() {
		o.over++
	}
	now := s.now()
	for _, n := range o.notes[o.over:] {
		if !n.isDue(now) {
			continue
		}
		if len(runs) == 0 || n.overtaken {
			runs = append(runs, nil)
		}
		last := &runs[len(runs)-1]
		*last = append(*last, n)
	}
	return runs
}

// byPayment splits notes, each payment's in their order.
func byPayment(notes []*note) (split [][]*note) {
	at := map[string]int{}
	for _, n := range notes {
		i, is := at[n.PaymentRequestID]
		if !is {
			i = len(split)
			at[n.PaymentRequestID], split = i, append(split, nil)
		}
		split[i] = append(split[i], n)
	}
	return split
}

// send sends the notes that are still due, one after another.
func (s *Server) send(ctx context.Context, notes []*note) (sent int) {
	for _, n := range notes {
		if ctx.Err() != nil {
			return sent
		}
		message, claimed := s.claim(n)
		if !claimed {
			continue
		}
		acknowledged := s.post(ctx, s.sign(message))
		s.delivered(n, acknowledged)
		sent++
	}
	return sent
}

// isOver reports a note that is not sent again.
func (n *note) isOver() bool {
	return !n.sendable || n.Acknowledged || n.Deliveries == len(redelivery()) && !n.sending
}

// isDue reports a note that is to be sent now.
func (n *note) isDue(now time.Time) bool {
	waiting := now.Before(n.due) || n.behind && now.Before(n.due.Add(reorderWait))
	return !n.isOver() && !waiting && !n.sending
}

// claim takes a note for sending, if it is due, and copies it.
func (s *Server) claim(n *note) (message note, claimed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !n.isDue(s.now()) {
		return note{}, false
	}
	n.sending = true
	n.Deliveries++
	return *n, true
}

func (s *Server) delivered(n *note, acknowledged bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.sending, n.behind, n.Acknowledged = false, false, acknowledged
	if waits := redelivery(); n.Deliveries < len(waits) {
		n.due = s.now().Add(waits[n.Deliveries])
	}
}

// post sends a notification and reports whether it was acknowledged.
func (s *Server) post(ctx context.Context, n Notification) bool {
	request, err := http.NewRequestWithContext(ctx, n.Method, n.URL, bytes.NewReader(n.Body))
	if err != nil {
		return false
	}
	request.Header = n.Header
	response, err := s.sender.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, acknowledgementMax+1))
	return err == nil && response.StatusCode == http.StatusOK && acknowledges(body)
}

// acknowledges reports the one form of acknowledgement; blanks and the order of
// names do not matter.
func acknowledges(body []byte) bool {
	var whole map[string]map[string]any
	if len(body) > acknowledgementMax || json.Unmarshal(body, &whole) != nil || len(whole) != 1 {
		return false
	}
	r := whole["result"]
	return len(r) == 3 && r["resultCode"] == "SUCCESS" && r["resultStatus"] == "S" && r["resultMessage"] == "success"
}
