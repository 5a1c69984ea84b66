package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/viewer"
)

// shop is the service: orders over HTTP. Whoever reaches it may command it, so only /notify belongs on a public
// address.
type shop struct {
	*service.Service
	settings settings
	client   *apo.Client // for the pay call; all others are made by Orders
	log      *watched
	viewer   *viewer.Viewer
	metrics  *metrics
	told     *outbox.Consumer // nil: nobody is
	tracers  trace.TracerProvider
	token    string
	logger   *slog.Logger
	state    state
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.create)
	mux.HandleFunc("GET /orders/{id}", s.show)
	mux.HandleFunc("POST /orders/{id}/cancel", s.cancel)
	mux.HandleFunc("POST /orders/{id}/capture", s.capture)
	mux.HandleFunc("POST /orders/{id}/refund", s.refund)
	mux.Handle("POST "+notifyPath, s.Notifications)
	return s.traces(s.honest(mux))
}

// notifyPath is the one path that strangers reach.
const notifyPath = "/notify"

// amount is money in JSON, "USD 10.00".
type amount order.Money

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *amount) UnmarshalText(text []byte) error {
	v, err := money.Parse(string(text))
	*m = amount(v)
	return err
}

// path is where an order is, whatever its id has in it.
func path(id string) string { return "/orders/" + url.PathEscape(id) }

// create puts an order on record and then asks APO to collect, in this order: a notification of an order that is not on
// record goes back to APO. The request's key is the payment's paymentRequestId: by the same one APO too knows that it
// is the same payment, and the log that it is another order's.
func (s *shop) create(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Order       string              `json:"order"`
		Amount      amount              `json:"amount"`
		Method      string              `json:"method"`
		Acquirer    string              `json:"acquirer"`
		CaptureMode *events.CaptureMode `json:"captureMode"` // no default: see below
		PayBy       time.Time           `json:"payBy"`
		Actor       string              `json:"actor"`
	}
	r, key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	if b.CaptureMode == nil { // a card taken for a wallet would count as paid when it is only authorized
		problem.Plain(r, http.StatusBadRequest, "captureMode is missing", "say none, automatic or manual").Write(w)
		return
	}
	result, err := s.Orders.Create(r.Context(),
		order.Create{CommandID: key, OrderID: b.Order, PaymentRequestID: key, Amount: order.Money(b.Amount),
			Method: b.Method, Acquirer: b.Acquirer, CaptureMode: *b.CaptureMode, PayBy: b.PayBy, Actor: b.Actor})
	if errors.Is(err, store.ErrKeyTaken) {
		err = &order.MismatchError{OrderID: b.Order, CommandID: key}
	}
	given, err := s.given(r.Context(), wish{key: key, actor: b.Actor}, result, err)
	if err != nil {
		s.Answer(w, r, result, err, nil)
		return
	}
	w.Header().Set("Location", path(result.Order.ID))
	switch o := &result.Order; {
	case o.Status == order.Failed && given.refused != "": // as it was answered when it was asked for
		notPaid(w, r, given.refused)
	case o.Status != order.Created || len(o.Operations()) > 0: // paid, or being cancelled: there is nothing to ask for
		s.Write(w, r, http.StatusCreated, viewOf(o))
	case given.asked && o.PaymentID == "": // since the pay call's answer told nothing, or never came
		s.collectAgain(w, r, result.Order)
	default:
		s.collect(w, r, result.Order)
	}
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	v, err := s.whole(r.Context(), r.PathValue("id"))
	if !s.Failed(w, r, err) {
		s.Write(w, r, http.StatusOK, v)
	}
}

func (s *shop) cancel(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Reason string `json:"reason"`
		Actor  string `json:"actor"`
	}
	r, key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	result, err := s.Orders.Cancel(r.Context(), r.PathValue("id"), order.Cancel{CommandID: key, Reason: b.Reason,
		Actor: b.Actor})
	s.answer(w, r, wish{key, b.Reason, b.Actor}, result, err)
}

func (s *shop) capture(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Amount amount `json:"amount"`
		Last   bool   `json:"last"`
		Actor  string `json:"actor"`
	}
	r, key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	result, err := s.Orders.Capture(r.Context(), r.PathValue("id"),
		order.Capture{CommandID: key, Amount: order.Money(b.Amount), Last: b.Last, Actor: b.Actor})
	s.answer(w, r, wish{key: key, actor: b.Actor}, result, err)
}

func (s *shop) refund(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Amount amount `json:"amount"`
		Reason string `json:"reason"`
		Actor  string `json:"actor"`
	}
	r, key, ok := s.command(w, r, &b)
	if !ok {
		return
	}
	result, err := s.Orders.Refund(r.Context(), r.PathValue("id"),
		order.Refund{CommandID: key, Amount: order.Money(b.Amount), Reason: b.Reason, Actor: b.Actor})
	s.answer(w, r, wish{key, b.Reason, b.Actor}, result, err)
}
