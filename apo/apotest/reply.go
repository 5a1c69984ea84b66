package apotest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// oversizedBody is the size of an answer that is too large, in bytes.
const oversizedBody = 1 << 20

// reply writes the answer to one call, or spoils it.
type reply struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	call   *Call
}

// strikeBefore carries out what strikes before the work and reports whether the
// call has ended with that.
func (p *reply) strikeBefore(all strikes) (ended bool) {
	if !p.wait(all.delay()) {
		p.cut()
	}
	if all.has(Forget) {
		p.server.ForgetKeys()
	}
	for _, f := range all {
		if !f.After && p.strike(f) {
			return true
		}
	}
	return false
}

// finish sends the answer, unless a fault has other plans for it.
func (p *reply) finish(a answer, all strikes) {
	p.server.change(p.call, func(c *Call) { c.Status, c.Code = a.status, a.code })
	for _, f := range all { // those that strike before the work ended the call there
		if p.strike(f) {
			return
		}
	}
	body := encode(a.result, a.fields, p.server.cfg.Behaviour.StringScalars)
	if all.has(NotJSON) {
		body = []byte("<html>" + a.code + "</html>")
	}
	if all.has(Oversized) {
		// Blanks before the end leave the JSON as valid as it was.
		body = append(body, strings.Repeat(" ", oversizedBody)...)
	}
	switch {
	case all.has(Unsigned):
	case all.has(BadSignature):
		p.sign(append([]byte("{}"), body...))
	default:
		p.sign(body)
	}
	if all.has(Truncated) {
		p.truncate(body)
	}
	p.send(http.StatusOK, body)
}

// strike carries out the faults that replace an answer and reports whether this
// is one of them.
func (p *reply) strike(f Fault) bool {
	switch f.Do {
	case Undecided:
		code := f.Code
		if code == "" {
			code = codeUnknown
		}
		p.answer(undecided(code, nil))
	case Timeout:
		p.wait(forever)
		p.cut()
	case Cut:
		p.cut()
	case HTTPError:
		p.send(f.HTTPStatus, []byte(http.StatusText(f.HTTPStatus)))
	default:
		return false
	}
	return true
}

// answer signs and sends what a fault says instead of the operation.
func (p *reply) answer(a answer) {
	p.server.change(p.call, func(c *Call) { c.Status, c.Code = a.status, a.code })
	body := encode(a.result, a.fields, p.server.cfg.Behaviour.StringScalars)
	p.sign(body)
	p.send(http.StatusOK, body)
}

func (p *reply) sign(body []byte) {
	p.server.signHeader(p.w.Header(), "Response-Time", p.call.Path, p.call.ClientID, body)
}

func (p *reply) send(status int, body []byte) {
	p.server.change(p.call, func(c *Call) { c.HTTPStatus, c.Answer = status, body })
	p.w.Header().Set("Content-Type", jsonType)
	p.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	p.w.WriteHeader(status)
	_, _ = p.w.Write(body)
}

// truncate promises the whole body, sends half of it and closes the connection.
func (p *reply) truncate(body []byte) {
	p.w.Header().Set("Content-Type", jsonType)
	p.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	p.w.WriteHeader(http.StatusOK)
	_, _ = p.w.Write(body[:len(body)/2])
	_ = http.NewResponseController(p.w).Flush()
	p.server.change(p.call, func(c *Call) { c.HTTPStatus, c.Answer = http.StatusOK, body[:len(body)/2] })
	p.cut()
}

// cut closes the connection. net/http has this panic for it and logs nothing.
func (p *reply) cut() { panic(http.ErrAbortHandler) }

const forever = 1<<63 - 1

// wait waits in real time and reports whether client and server are still there.
func (p *reply) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.r.Context().Done():
	case <-p.server.closing:
	}
	return false
}
