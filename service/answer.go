package service

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/problem"
)

// Answer tells how a command ended: the problem that err is, otherwise the view as JSON, with status 200 for what is
// done and 202 for what APO works on.
func (s *Service) Answer(w http.ResponseWriter, r *http.Request, result tilltape.Result, err error, view any) {
	if !s.failed(w, r, result, err) {
		s.Write(w, r, problem.Status(result, err), view)
	}
}

// Failed answers with the problem that err is, and reports whether it is one: for what has no result, such as a read.
func (s *Service) Failed(w http.ResponseWriter, r *http.Request, err error) bool {
	return s.failed(w, r, tilltape.Result{}, err)
}

func (s *Service) failed(w http.ResponseWriter, r *http.Request, result tilltape.Result, err error) bool {
	switch tilltape.OutcomeOf(err) {
	case tilltape.Broken, tilltape.InDoubt, tilltape.Unavailable:
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	return problem.Write(w, r, result, err)
}

// Write answers with the view as JSON. A caller that has gone is told nothing, and a view that cannot be written is the
// service's own trouble.
func (s *Service) Write(w http.ResponseWriter, r *http.Request, status int, view any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // it is no page, and addresses hold ampersands
	if err := encoder.Encode(view); err != nil {
		s.Failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}
