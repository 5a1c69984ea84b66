package main

import (
	"errors"
	"io"
	"net/http"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/order"
)

// notify takes what APO signed. Everything but the acknowledgement makes APO send it again, which is what we want for
// whatever is not on disk. Nobody but APO learns anything here, and APO needs no more than a status.
func (s *shop) notify(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, apo.BodyMax+1)) // one byte more: a longer one is refused, not cut
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fact, err := s.verifier.VerifyNotification(r.Method, r.URL.RequestURI(), r.Header, body)
	if errors.Is(err, apo.ErrSignature) || errors.Is(err, apo.ErrTooLarge) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if err != nil { // signed by APO, and no fact that could be recorded: somebody should look
		s.logger.Error("notification not understood", "err", err)
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	o, err := s.orders.Observe(r.Context(), fact)
	if errors.Is(err, order.ErrUnknownOrder) { // not placed yet, perhaps; or a refund made in APO's dashboard
		s.logger.Warn("notification of an unknown order", "fact", fact.String())
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err != nil {
		s.logger.Error("notification not recorded", "fact", fact.String(), "err", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.logger.Info("notified", "order", o.ID, "fact", fact.Kind().String(), "now", o.Words())
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, apo.Acknowledgement) // lost on the way, it comes again and changes nothing
}
