package apotest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const (
	// defaultNotifyPath is signed where no notify URL is known.
	defaultNotifyPath = "/notify"

	typePaymentResult  = "PAYMENT_RESULT"
	typePaymentPending = "PAYMENT_PENDING"
	typeCaptureResult  = "CAPTURE_RESULT"
	typeRefundResult   = "REFUND_RESULT"
	typeUpdateResult   = "UPDATE_AMOUNT_RESULT"
)

// Notification is a message from APO to the merchant, signed and ready to be
// handed to whatever verifies it.
type Notification struct {
	// Number counts notifications from 1, in the order in which they arose. A
	// duplicate has the number of its original.
	Number int `json:"number"`
	Op     Op  `json:"op"`
	// Type is its notifyType, of a dispute's its disputeNotificationType.
	Type string `json:"type"`
	// Method, Path, Header and Body are the HTTP request. Path is what is signed.
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
	// URL is where it is sent; empty if nowhere.
	URL string `json:"url,omitempty"`
	// PaymentRequestID and PaymentID name the payment it is about, RequestID the
	// capture, refund or dispute: also where the message itself does not say.
	PaymentRequestID string `json:"paymentRequestId"`
	PaymentID        string `json:"paymentId"`
	RequestID        string `json:"requestId,omitempty"`
	// Time is when it arose.
	Time time.Time `json:"time"`
	// Deliveries counts how often it was sent, and Acknowledged says that the last
	// of them was answered as APO wants it.
	Deliveries   int  `json:"deliveries"`
	Acknowledged bool `json:"acknowledged"`
}

// note is a notification on its way.
type note struct {
	Notification
	due       time.Time
	taken     bool
	behind    bool // waits for the next one to overtake it
	spoiled   bool // its signature does not fit
	overtaken bool // another one was put before it
	sending   bool
	sendable  bool
	clientID  string
}

// outbox holds all notifications, in the order in which they go out.
type outbox struct {
	made  int
	notes []*note
	over  int // so many of the first are not sent again
}

func (s *Server) notifyPayment(p *payment, notifyType string, r result) {
	s.notify(p, OpNotifyPayment, notifyType, r, "", p.NotifyURL, p.fields())
}

func (s *Server) notifyCapture(t *transfer) {
	fields := map[string]any{
		"paymentId": t.payment.PaymentID, "captureId": t.ID, "captureAmount": wire(t.amount),
		"captureTime": isoTime(s.now()),
	}
	if t.RequestID != "" {
		fields["captureRequestId"] = t.RequestID
	}
	s.notify(t.payment, OpNotifyCapture, typeCaptureResult, t.result(), t.RequestID, t.notifyURL, fields)
}

// notifyRefund tells of a refund's end. It names no payment, as at APO.
func (s *Server) notifyRefund(t *transfer) {
	fields := map[string]any{
		"refundStatus": string(t.status), "refundRequestId": t.RequestID, "refundId": t.ID,
		"refundAmount": wire(t.amount), "refundTime": isoTime(t.ended),
	}
	s.notify(t.payment, OpNotifyRefund, typeRefundResult, t.result(), t.RequestID, t.notifyURL, fields)
}

// result is how a transfer ended.
func (t *transfer) result() result {
	if t.status == Fail {
		return result{"F", t.code}
	}
	return result{"S", codeSuccess}
}

// notify puts the result of a payment, capture or refund into the outbox.
func (s *Server) notify(p *payment, op Op, notifyType string, r result, requestID, target string,
	fields map[string]any) {
	fields["notifyType"], fields["result"] = notifyType, r.wire()
	s.mail(p, letter{op: op, kind: notifyType, requestID: requestID, target: target, fields: fields})
}

// letter is a notification that is about to be.
type letter struct {
	op        Op
	kind      string // as it calls itself
	requestID string // of what it is about beside the payment
	target    string // where it goes; "" is where the server's go
	fields    map[string]any
}

// mail puts a message into the outbox, as the script would have it.
func (s *Server) mail(p *payment, l letter) {
	strikes := s.strikesFor(l.op, func(id string) bool {
		return id == p.PaymentRequestID || id == p.PaymentID || id == l.requestID
	})
	s.outbox.made++
	target := l.target
	n := note{
		Notification: Notification{
			Number: s.outbox.made, Op: l.op, Type: l.kind, Method: http.MethodPost, Path: s.notifyOwn,
			Body:             encodeFields(l.fields, s.cfg.Behaviour.StringScalars),
			PaymentRequestID: p.PaymentRequestID, PaymentID: p.PaymentID, RequestID: l.requestID, Time: s.now().UTC(),
		},
		due: s.now().Add(strikes.delay()), behind: strikes.has(Reorder), spoiled: strikes.has(BadSignature),
		clientID: p.ClientID,
	}
	if strikes.has(Lose) {
		return
	}
	if target == "" {
		target = s.cfg.NotifyURL
	}
	if target != "" {
		n.aim(target)
	}
	copies := 1
	if f, is := strikes.find(Duplicate); is {
		copies += max(f.Times, 1)
	}
	for range copies {
		s.outbox.put(n)
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// aim sets where a note goes. One that would leave this machine is kept for
// taking and never sent.
func (n *note) aim(target string) {
	parsed, err := notifyTarget(target)
	n.sendable = err == nil
	if parsed != nil {
		n.Path = parsed.RequestURI()
		n.URL = target
	}
}

// notifyTarget parses a notify URL. The URL is nil where it cannot be read; the
// error also refuses what is not loopback.
func notifyTarget(target string) (*url.URL, error) {
	parsed, err := url.Parse(target)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, fmt.Errorf("notify URL %q is no http URL", target)
	}
	if !isLoopback(parsed.Hostname()) {
		return parsed, fmt.Errorf("notify URL %q is not loopback: a simulator sends to this machine only", target)
	}
	return parsed, nil
}

// put appends a note; one that waits to be overtaken comes after it.
func (o *outbox) put(n note) {
	at := len(o.notes)
	if at > 0 && o.notes[at-1].behind && o.notes[at-1].Number != n.Number {
		at--
		o.notes[at].behind, o.notes[at].overtaken = false, true
	}
	o.notes = slices.Insert(o.notes, at, &n)
}

// Notifications lists all notifications there are, in the order in which they go
// out and freshly signed. Those that a script duplicates are there several times.
func (s *Server) Notifications() []Notification { return s.signed(func(*note) bool { return true }) }

// TakeNotifications lists those that were not taken yet, likewise. It does not
// keep them from being sent, if they have somewhere to go.
func (s *Server) TakeNotifications() []Notification {
	return s.signed(func(n *note) bool {
		fresh := !n.taken
		n.taken = true
		return fresh
	})
}

// signed signs copies, so that nobody waits for the signing of a long list.
func (s *Server) signed(want func(*note) bool) []Notification {
	wanted := s.wanted(want)
	list := make([]Notification, len(wanted))
	for i, n := range wanted {
		list[i] = s.sign(n)
	}
	return list
}

func (s *Server) wanted(want func(*note) bool) []note {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var wanted []note
	for _, n := range s.outbox.notes {
		if want(n) {
			wanted = append(wanted, *n)
		}
	}
	return wanted
}

// sign gives a note its headers, with the time of now.
func (s *Server) sign(n note) Notification {
	out := n.Notification
	out.Body = slices.Clone(n.Body)
	out.Header = http.Header{"Content-Type": {jsonType}}
	body := out.Body
	if n.spoiled {
		body = append([]byte("{}"), body...)
	}
	s.signHeader(out.Header, "Request-Time", out.Path, n.clientID, body)
	return out
}
