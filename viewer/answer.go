package viewer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// request is a request with what was found out about it.
type request struct {
	*http.Request
	json  bool
	query url.Values
}

// parse reads the query, which may have each of some names once. The error is a *problem.
func (q *request) parse(takes []string) error {
	if len(q.URL.RawQuery) > QueryMax {
		return problemOf(http.StatusRequestURITooLong, fmt.Sprintf("The address is too long: what follows the question mark "+
			"has %d bytes, and %d are taken.", len(q.URL.RawQuery), QueryMax))
	}
	var err error
	if q.query, err = url.ParseQuery(q.URL.RawQuery); err != nil {
		return problemOf(http.StatusBadRequest, "The address cannot be read: what follows the question mark is no query.")
	}
	for name, values := range q.query {
		switch {
		case !slices.Contains(takes, name):
			return problemOf(http.StatusBadRequest, fmt.Sprintf("This page takes no %q.", words.Plain(name)))
		case len(values) > 1:
			return problemOf(http.StatusBadRequest, fmt.Sprintf("This page takes %q once.", name))
		}
	}
	return nil
}

// answer is what is shown, in both forms.
type answer struct {
	template string
	shell    shell
	document any    // for JSON
	to       string // where to go instead; empty: nowhere
}

// problem is why there is no answer.
type problem struct {
	Status int
	Title  string
	Detail string
}

func problemOf(status int, detail string) *problem {
	return &problem{status, http.StatusText(status), detail}
}

// Error is the detail.
func (p *problem) Error() string { return p.Detail }

// problemFor finds what to say of an error.
func problemFor(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, order.ErrUnknownOrder), errors.Is(err, store.ErrNotFound):
		return problemOf(http.StatusNotFound, "There is no such order in this log. Search for it by another id.")
	case errors.Is(err, events.ErrInvalid), errors.Is(err, order.ErrInvalid), errors.Is(err, store.ErrInvalid):
		return problemOf(http.StatusBadRequest, words.Plain(err.Error()))
	case errors.Is(err, context.DeadlineExceeded):
		return problemOf(http.StatusGatewayTimeout, "Reading took too long and was ended. Try again when less is going on.")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return problemOf(http.StatusServiceUnavailable, "The log cannot be read now: "+words.Plain(err.Error()))
	}
	return problemOf(http.StatusInternalServerError, words.Plain(err.Error()))
}

// problemDocument is a problem after RFC 9457.
type problemDocument struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// fail answers with why there is no answer.
func (v *Viewer) fail(w http.ResponseWriter, q *request, err error) {
	if gone(q.Request, err) {
		return
	}
	p := problemFor(err)
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if q.json {
		body, err := documents.Marshal(problemDocument{p.Title, p.Status, p.Detail})
		if err != nil { // it is three plain fields
			body = nil
		}
		write(w, p.Status, "application/problem+json", append(body, '\n'))
		return
	}
	v.page(w, p.Status, "problem", shell{Title: p.Title, Body: p, Bare: p.Status == http.StatusForbidden})
}

// answer answers in the form that was asked for.
func (v *Viewer) answer(w http.ResponseWriter, q *request, a *answer) {
	switch {
	case a.to != "":
		w.Header().Set("Location", a.to)
		w.WriteHeader(http.StatusSeeOther)
	case q.json:
		body, err := documents.Marshal(a.document)
		if err != nil {
			v.fail(w, q, err)
			return
		}
		write(w, http.StatusOK, "application/json", append(body, '\n'))
	default:
		v.page(w, http.StatusOK, a.template, a.shell)
	}
}

// page writes a page whole, or nothing of it.
func (v *Viewer) page(w http.ResponseWriter, status int, template string, s shell) {
	s.Prefix, s.Log = v.cfg.Prefix, v.cfg.Title
	if s.At.IsZero() {
		s.At = v.now()
	}
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, template, s); err != nil {
		write(w, http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("the page could not be made\n"))
		return
	}
	write(w, status, "text/html; charset=utf-8", b.Bytes())
}

// write writes an answer, whose reader may be gone, or so slow that it is let go.
func write(w http.ResponseWriter, status int, kind string, body []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // where that can be set
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
