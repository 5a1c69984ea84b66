package apotest

import (
	"net/http"
	"slices"
	"time"
)

// Call is one request as it came over the wire, whether or not it was well
// made, and what became of it.
type Call struct {
	// Number counts all calls from 1.
	Number int `json:"number"`
	// Op is empty for a path that names no operation.
	Op   Op        `json:"op"`
	Time time.Time `json:"time"`
	Path string    `json:"path"`
	// ClientID is what the request claims; it is proven where Refused is false.
	ClientID         string `json:"clientId"`
	PaymentID        string `json:"paymentId,omitempty"`
	PaymentRequestID string `json:"paymentRequestId,omitempty"`
	// RequestID is the captureRequestId or refundRequestId.
	RequestID string `json:"requestId,omitempty"`
	Body      []byte `json:"body,omitempty"`
	// Refused marks a request that was not let in: wrong path, method, media type
	// or signature.
	Refused bool `json:"refused,omitempty"`
	// Worked marks a request that reached the operation; where a fault struck
	// before the work it did not.
	Worked bool `json:"worked,omitempty"`
	// Fault is the scripted fault that struck, as a line of a script.
	Fault string `json:"fault,omitempty"`
	// Status and Code are the result, also where the fault kept it from the client.
	Status string `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
	// HTTPStatus and Answer are what was sent; 0 and nil if nothing was, or not yet.
	HTTPStatus int    `json:"httpStatus,omitempty"`
	Answer     []byte `json:"answer,omitempty"`
}

// Calls lists all calls in the order in which they came. The list is the
// caller's, the bytes in it are shared: do not change them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, len(s.calls))
	for i, call := range s.calls {
		calls[i] = *call
	}
	return calls
}

// Count counts the calls on the wire of these operations, without any of all
// calls.
func (s *Server) Count(ops ...Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ops) == 0 {
		return len(s.calls)
	}
	count := 0
	for _, call := range s.calls {
		if slices.Contains(ops, call.Op) {
			count++
		}
	}
	return count
}

// begin records a call before anything is done about it.
func (s *Server) begin(r *http.Request) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := &Call{
		Number: len(s.calls) + 1, Op: opOf(r.URL.Path), Time: s.now().UTC(), Path: r.URL.RequestURI(),
		ClientID: r.Header.Get("Client-Id"),
	}
	s.calls = append(s.calls, call)
	return call
}

// change writes to a recorded call.
func (s *Server) change(call *Call, write func(*Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	write(call)
}
