package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// problem is the body of every answer that is not the order.
type problem struct {
	Error     string    `json:"error"`               // for people
	Reason    string    `json:"reason,omitempty"`    // why a command is refused: a stable word
	Remedy    string    `json:"remedy,omitempty"`    // what to do instead
	LegalAt   time.Time `json:"legalAt,omitzero"`    // when it may become legal by itself
	CommandID string    `json:"commandId,omitempty"` // of a command that is on record
	Code      string    `json:"code,omitempty"`      // APO's, or a word of ours where another fact decided it
	Accepted  bool      `json:"accepted,omitempty"`  // APO said that it works on it
	AskAgain  time.Time `json:"askAgain,omitzero"`   // when APO is asked again
}

// problemOf says how an error of [tilltape.Orders] is told over HTTP. ok is false for those that are nobody's business
// but ours.
func problemOf(err error) (status int, p problem, ok bool) {
	p.Error = err.Error()
	var (
		unresolved *tilltape.UnresolvedError
		rejected   *order.RejectedError
		failed     *order.FailedError
	)
	switch {
	case errors.As(err, &unresolved): // first: it may wrap others, and only it says that money may have moved
		p.CommandID, p.Code, p.AskAgain = unresolved.CommandID, unresolved.Code, unresolved.AskAgain
		p.Accepted = errors.Is(err, tilltape.ErrAccepted)
		p.Remedy = "repeat it with the same Idempotency-Key, or look at the order"
		return http.StatusAccepted, p, true
	case errors.As(err, &rejected):
		p.Reason, p.Remedy, p.LegalAt = rejected.Reason.String(), rejected.Remedy, rejected.LegalAt
		return http.StatusConflict, p, true
	case errors.As(err, &failed):
		p.CommandID, p.Code = failed.CommandID, failed.Code
		p.Remedy = "look at the order; if it is still wanted, use a new Idempotency-Key"
		return http.StatusBadGateway, p, true
	case errors.Is(err, order.ErrInvalid):
		return http.StatusBadRequest, p, true
	case errors.Is(err, order.ErrUnknownOrder):
		return http.StatusNotFound, p, true
	case errors.Is(err, order.ErrIdempotencyMismatch):
		return http.StatusUnprocessableEntity, p, true
	case errors.Is(err, store.ErrKeyTaken):
		return http.StatusConflict, p, true
	case errors.Is(err, tilltape.ErrContended), errors.Is(err, order.ErrNotDue), errors.Is(err, tilltape.ErrClosed):
		return http.StatusServiceUnavailable, p, true
	}
	return http.StatusInternalServerError, problem{Error: "internal error", Remedy: "it is in the service's log"}, false
}

// fail answers with the problem that err is.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, p, ok := problemOf(err)
	if !ok {
		s.logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	s.write(w, status, p)
}

// write sends JSON. A client that has gone is told nothing.
func (s *shop) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body)
}
