package apotest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

const (
	// deliverEvery is how often the server looks at its clock for what is due.
	deliverEvery = 20 * time.Millisecond
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
		Timeout: deliverTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 2},
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
		s.Deliver(ctx)
	}
}

// Deliver sends every notification that is due by the server's clock, one after
// another, and returns how many it sent. One that is not acknowledged in APO's
// form, with status 200, is due again later: eight deliveries in all, 2 min,
// 10 min, 10 min, 1 h, 2 h, 6 h and 15 h apart.
func (s *Server) Deliver(ctx context.Context) (sent int) {
	s.mu.Lock()
	s.settle()
	last := len(s.outbox.notes)
	s.mu.Unlock()
	for i := 0; i < last && ctx.Err() == nil; i++ {
		n, message := s.claim(i)
		if n == nil {
			continue
		}
		acknowledged := s.post(ctx, s.sign(message))
		s.delivered(n, acknowledged)
		sent++
	}
	return sent
}

// claim takes the note at i for sending, if it is due, and copies it.
func (s *Server) claim(i int) (*note, note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, now := s.outbox.notes[i], s.now()
	over := n.Acknowledged || n.Deliveries == len(redelivery())
	waiting := now.Before(n.due) || n.behind && now.Before(n.due.Add(reorderWait))
	if !n.sendable || over || waiting || n.sending {
		return nil, note{}
	}
	n.sending = true
	n.Deliveries++
	return n, *n
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
