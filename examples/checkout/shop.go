package main

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
)

// shop is the service: orders over HTTP. Whoever reaches it may command it, so only /notify belongs on a public
// address.
type shop struct {
	orders *tilltape.Orders
	notify http.Handler // see hears
	logger *slog.Logger
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.create)
	mux.HandleFunc("GET /orders/{id}", s.show)
	mux.HandleFunc("POST /orders/{id}/cancel", s.cancel)
	mux.HandleFunc("POST /orders/{id}/capture", s.capture)
	mux.HandleFunc("POST /orders/{id}/refund", s.refund)
	mux.Handle("POST /notify", s.notify)
	return mux
}

// create places an order. Do it before the pay call: a notification of an order that is not on record goes back to APO.
func (s *shop) create(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Order            string    `json:"order"`
		PaymentRequestID string    `json:"paymentRequestId"`
		Amount           amount    `json:"amount"`
		Method           string    `json:"method"`
		Acquirer         string    `json:"acquirer"`
		CaptureMode      string    `json:"captureMode"`
		PayBy            time.Time `json:"payBy"`
		Actor            string    `json:"actor"`
	}
	if !s.read(w, r, &b) {
		return
	}
	mode, err := captureModeOf(b.CaptureMode)
	if err != nil {
		s.bad(w, err.Error(), "say none, automatic or manual")
		return
	}
	result, err := s.orders.Create(r.Context(),
		order.Create{OrderID: b.Order, PaymentRequestID: b.PaymentRequestID, Amount: order.Money(b.Amount),
			Method: b.Method, Acquirer: b.Acquirer, CaptureMode: mode, PayBy: b.PayBy, Actor: b.Actor})
	if s.failed(w, r, result, err) {
		return
	}
	w.Header().Set("Location", "/orders/"+url.PathEscape(result.Order.ID))
	s.write(w, http.StatusCreated, viewOf(&result.Order))
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	v, err := s.whole(r.Context(), r.PathValue("id"))
	if !s.failed(w, r, tilltape.Result{}, err) {
		s.write(w, http.StatusOK, v)
	}
}

func (s *shop) cancel(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Reason string `json:"reason"`
		Actor  string `json:"actor"`
	}
	key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	result, err := s.orders.Cancel(r.Context(), r.PathValue("id"), order.Cancel{CommandID: key, Reason: b.Reason,
		Actor: b.Actor})
	s.answer(w, r, result, err)
}

func (s *shop) capture(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Amount amount `json:"amount"`
		Last   bool   `json:"last"`
		Actor  string `json:"actor"`
	}
	key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	result, err := s.orders.Capture(r.Context(), r.PathValue("id"),
		order.Capture{CommandID: key, Amount: order.Money(b.Amount), Last: b.Last, Actor: b.Actor})
	s.answer(w, r, result, err)
}

func (s *shop) refund(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Amount amount `json:"amount"`
		Reason string `json:"reason"`
		Actor  string `json:"actor"`
	}
	key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	result, err := s.orders.Refund(r.Context(), r.PathValue("id"),
		order.Refund{CommandID: key, Amount: order.Money(b.Amount), Reason: b.Reason, Actor: b.Actor})
	s.answer(w, r, result, err)
}
