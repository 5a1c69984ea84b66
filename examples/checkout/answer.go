package main

import (
	"encoding/json"
	"net/http"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/problem"
)

// answer tells how a command ended: the order where it is done or accepted, otherwise the problem that it is.
func (s *shop) answer(w http.ResponseWriter, r *http.Request, result tilltape.Result, err error) {
	if !s.failed(w, r, result, err) {
		s.write(w, problem.Status(result, err), viewOf(&result.Order))
	}
}

// failed answers where there is a problem. What is ours, and not the client's or APO's, is logged: the client is told
// nothing of it.
func (s *shop) failed(w http.ResponseWriter, r *http.Request, result tilltape.Result, err error) bool {
	switch tilltape.OutcomeOf(err) {
	case tilltape.Broken, tilltape.InDoubt, tilltape.Unavailable:
		s.logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	return problem.Write(w, r, result, err)
}

// bad answers a request that cannot be read.
func (s *shop) bad(w http.ResponseWriter, detail, remedy string) {
	problem.Problem{Title: "Bad Request", Status: http.StatusBadRequest, Detail: detail, Remedy: remedy}.Write(w)
}

// write sends JSON. A client that has gone is told nothing.
func (s *shop) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body)
}
