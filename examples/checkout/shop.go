package main

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// shop is the service: orders over HTTP. Whoever reaches it may command it, so only /notify belongs on a public
// address.
type shop struct {
	orders *tilltape.Orders
	client *apo.Client  // for the pay call; all others are made by orders
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

// create puts an order on record and then asks APO to collect, in this order: a notification of an order that is not on
// record goes back to APO. The same order again changes nothing, and asks again as long as nobody knows of a payment.
func (s *shop) create(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Order            string              `json:"order"`
		PaymentRequestID string              `json:"paymentRequestId"`
		Amount           amount              `json:"amount"`
		Method           string              `json:"method"`
		Acquirer         string              `json:"acquirer"`
		CaptureMode      *events.CaptureMode `json:"captureMode"` // no default: see below
		PayBy            time.Time           `json:"payBy"`
		RedirectURL      string              `json:"redirectUrl"`
		Actor            string              `json:"actor"`
	}
	if !s.read(w, r, &b) {
		return
	}
	if b.CaptureMode == nil { // a card taken for a wallet would count as paid when it is only authorized
		s.bad(w, "captureMode is missing", "say none, automatic or manual")
		return
	}
	result, err := s.orders.Create(r.Context(),
		order.Create{OrderID: b.Order, PaymentRequestID: b.PaymentRequestID, Amount: order.Money(b.Amount),
			Method: b.Method, Acquirer: b.Acquirer, CaptureMode: *b.CaptureMode, PayBy: b.PayBy, Actor: b.Actor})
	if s.failed(w, r, result, err) {
		return
	}
	w.Header().Set("Location", "/orders/"+url.PathEscape(result.Order.ID))
	if o := &result.Order; o.Status != order.Created || len(o.Operations()) > 0 {
		s.write(w, http.StatusCreated, viewOf(o)) // paid, or being cancelled: there is nothing to ask for
		return
	}
	s.collect(w, r, result.Order, b.RedirectURL)
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
