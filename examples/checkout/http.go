package main

import (
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"

	"github.com/tilltape/tilltape/problem"
)

// honest is a mux whose every answer is one that a program can read: for a path or a method that there is none of, and
// where a handler panics, too.
func (s *shop) honest(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := &begun{ResponseWriter: w}
		defer s.recovered(begun, r)
		if handler, pattern := mux.Handler(r); pattern == "" {
			nowhere(begun, r, handler)
			return
		}
		mux.ServeHTTP(begun, r)
	})
}

// begun knows whether an answer has begun, and with which status.
type begun struct {
	http.ResponseWriter
	status int // 0: it has not
}

// WriteHeader implements [http.ResponseWriter].
func (b *begun) WriteHeader(status int) {
	if b.status == 0 {
		b.status = status
	}
	b.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (b *begun) Write(body []byte) (int, error) {
	if b.status == 0 {
		b.status = http.StatusOK
	}
	return b.ResponseWriter.Write(body)
}

// Unwrap lets an [http.ResponseController] through.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// recovered keeps what went wrong for the service's own log. An answer that has begun is cut off, so that nobody takes
// it for the whole.
func (s *shop) recovered(w *begun, r *http.Request) {
	wrong := recover()
	if wrong == nil {
		return
	}
	if wrong == http.ErrAbortHandler { // which asks for just that
		panic(wrong)
	}
	s.logger.Error("a handler panicked", "method", r.Method, "path", r.URL.EscapedPath(), "panic", fmt.Sprint(wrong),
		"stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	problem.Plain(r, http.StatusInternalServerError, "the service failed", "it is in the service's log").Write(w)
}

// nowhere answers what the mux has nothing for, with what it would have said.
func nowhere(w http.ResponseWriter, r *http.Request, mux http.Handler) {
	said := &unsaid{header: http.Header{}}
	mux.ServeHTTP(said, r)
	if said.status == http.StatusMethodNotAllowed {
		allow := said.header.Get("Allow")
		w.Header().Set("Allow", allow)
		name, known := method(r.Method)
		if !known {
			name = "this method"
		}
		problem.Plain(r, said.status, "nothing here takes "+name, "ask with "+allow).Write(w)
		return
	}
	problem.Plain(r, http.StatusNotFound, "there is no such path", "the service's README lists the calls").Write(w)
}

// method is a method's name, and whether it is one that people know; what strangers make up is told to nobody.
func method(name string) (_ string, known bool) {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return name, true
	}
	return "", false
}

// unsaid is an answer that nobody gets.
type unsaid struct {
	header http.Header
	status int
}

// Header implements [http.ResponseWriter].
func (u *unsaid) Header() http.Header { return u.header }

// Write implements [http.ResponseWriter].
func (u *unsaid) Write(body []byte) (int, error) { return len(body), nil }

// WriteHeader implements [http.ResponseWriter].
func (u *unsaid) WriteHeader(status int) { u.status = status }

// command reads a command: its key, and its body, which has to be JSON as it says and not in disguise. The request that
// it returns is to be gone on with: it remembers what is put on record under the key.
func (s *shop) command(w http.ResponseWriter, r *http.Request, body any) (_ *http.Request, key string, ok bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	coded := r.Header.Get("Content-Encoding")
	switch {
	case err != nil || kind != "application/json":
		w.Header().Set("Accept", "application/json")
		problem.Plain(r, http.StatusUnsupportedMediaType, "the body does not say that it is JSON",
			"send it with Content-Type: application/json").Write(w)
		return r, "", false
	case coded != "" && coded != "identity":
		w.Header().Set("Accept-Encoding", "identity")
		problem.Plain(r, http.StatusUnsupportedMediaType, "the body is encoded", "send it without Content-Encoding").Write(w)
		return r, "", false
	}
	key, ok = s.Command(w, r, body)
	return r.WithContext(recording(r.Context(), key)), key, ok
}
