package apotest

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

const (
	// bodyMax bounds a request's body, in bytes.
	bodyMax = 64 << 10

	livePath      = "/ams/api/v1/payments/"
	sandboxPath   = "/ams/sandbox/api/v1/payments/"
	sandboxClient = "SANDBOX_"
)

// opOf is the operation of a path, "" if it names none.
func opOf(path string) Op {
	for _, prefix := range []string{livePath, sandboxPath} {
		if name, ok := strings.CutPrefix(path, prefix); ok && slices.Contains(calledOps, Op(name)) {
			return Op(name)
		}
	}
	return ""
}

// ServeHTTP answers one call as APO does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := s.begin(r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		s.refuse(w, call, http.StatusRequestEntityTooLarge, codeParamIllegal)
		return
	}
	s.change(call, func(c *Call) { c.Body = body })
	if status, code := s.gate(r, call.Op, body); code != "" {
		s.refuse(w, call, status, code)
		return
	}
	request, readable := parseRequest(body)
	s.mu.Lock()
	call.PaymentID, call.PaymentRequestID = string(request.PaymentID), string(request.PaymentRequestID)
	call.RequestID = request.requestID(call.Op)
	strikes := s.strikesFor(call.Op,
		func(id string) bool { return request.names(id) || s.concerns(call.ClientID, request, id) })
	call.Fault = strikes.String()
	s.mu.Unlock()

	reply := &reply{server: s, w: w, r: r, call: call}
	if reply.strikeBefore(strikes) {
		return
	}
	var result answer
	if readable {
		result = s.work(call, request, strikes)
	} else {
		result = failed(codeParamIllegal)
	}
	reply.finish(result, strikes)
}

// gate checks what APO's gateway checks before any operation, and gives HTTP
// status and code of a refusal, "" if there is none.
func (s *Server) gate(r *http.Request, op Op, body []byte) (status int, code string) {
	sandbox := strings.HasPrefix(r.URL.Path, sandboxPath)
	switch {
	case op == "":
		return http.StatusNotFound, "NO_INTERFACE_DEF"
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "METHOD_NOT_SUPPORTED"
	case sandbox != strings.HasPrefix(r.Header.Get("Client-Id"), sandboxClient):
		return http.StatusUnauthorized, "INVALID_CLIENT"
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return http.StatusUnsupportedMediaType, "MEDIA_TYPE_NOT_ACCEPTABLE"
	}
	if code := s.checkRequest(r, body); code != "" {
		return http.StatusUnauthorized, code
	}
	return 0, ""
}

// refuse answers at the gateway's level, which does not sign.
func (s *Server) refuse(w http.ResponseWriter, call *Call, status int, code string) {
	body := encode(result{"F", code}, nil, s.cfg.Behaviour.StringScalars)
	s.change(call, func(c *Call) {
		c.Refused, c.Status, c.Code, c.HTTPStatus, c.Answer = true, "F", code, status, body
	})
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

const jsonType = "application/json; charset=UTF-8"

// work carries out a call that was let in.
func (s *Server) work(call *Call, r request, strikes strikes) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	call.Worked = true
	if f, is := strikes.find(Refuse); is {
		call.Worked = false
		return s.refuseWork(call, r, f.Code)
	}
	pending := strikes.has(InProcess)
	switch call.Op {
	case OpPay:
		return s.pay(call.ClientID, r)
	case OpSession:
		return s.session(call.ClientID, r)
	case OpCancel:
		return s.cancel(call.ClientID, r)
	case OpCapture:
		return s.capture(call.ClientID, r, pending)
	case OpRefund:
		return s.refund(call.ClientID, r, pending)
	case OpInquirePayment:
		return s.inquirePayment(call.ClientID, r)
	}
	return s.inquireRefund(call.ClientID, r)
}

// refuseWork gives a scripted F, which uses a new request id up as any F does.
func (s *Server) refuseWork(call *Call, r request, code string) answer {
	if id, content := r.key(call.Op, call.ClientID); id.id != "" && s.recall(id) == nil {
		s.remember(id, remembered{content: content, failure: code})
	}
	return failed(code)
}

// concerns reports that the request's payment has that id.
func (s *Server) concerns(clientID string, r request, id string) bool {
	p := s.find(clientID, r.PaymentID, r.PaymentRequestID)
	return p != nil && (p.PaymentID == id || p.PaymentRequestID == id)
}
