package main

import (
	"cmp"
	"net/http"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
)

// captures says to APO who captures, as the order on record has it.
var captures = map[events.CaptureMode]apo.CaptureMode{
	order.CaptureAutomatic: apo.CaptureAutomatic,
	order.CaptureManual:    apo.CaptureManual,
}

// collect asks APO to collect for an order on record, and answers. For the same order it is the same payment, however
// often it is asked for. What else APO's pay call takes belongs in the request here.
func (s *shop) collect(w http.ResponseWriter, r *http.Request, o order.Order, redirectURL string) {
	paid := s.client.Pay(r.Context(), apo.PayRequest{PaymentRequestID: o.PaymentRequestID, Amount: o.Amount,
		Method: o.Method, Capture: captures[o.CaptureMode], OrderID: o.ID, PayBy: o.PayBy, RedirectURL: redirectURL})
	for _, fact := range paid.Facts { // what the answer proves goes on record at once
		var err error
		if o, err = s.orders.Observe(r.Context(), fact); s.failed(w, r, tilltape.Result{}, err) {
			return
		}
	}
	if paid.Class == apo.Succeeded || paid.Class == apo.Accepted {
		v := viewOf(&o)
		v.PayURL = cmp.Or(paid.NormalURL, paid.SchemeURL, paid.AppLinkURL)
		s.write(w, http.StatusCreated, v)
		return
	}
	s.logger.Warn("not collected", "order", o.ID, "class", paid.Class.String(), "code", paid.Code, "err", paid.Err)
	s.notCollected(w, &paid)
}

// notCollected answers by what the pay call proves; docs/guides/paying.md has the table.
func (s *shop) notCollected(w http.ResponseWriter, paid *apo.PayAnswer) {
	p := problem.Problem{Title: "Outcome not known", Status: http.StatusAccepted, Code: paid.Code}
	switch paid.Class {
	case apo.NotSent:
		s.bad(w, paid.Err.Error(), "correct it and place the same order again")
		return
	case apo.Failed:
		p.Title, p.Status, p.Detail = "Not paid", http.StatusBadGateway, "APO refused the payment"
		p.Remedy = "place another order, with a paymentRequestId of its own"
	case apo.Unknown:
		p.Detail, p.Remedy = "it is not known whether the payment has begun", "place the same order again, unchanged"
		w.Header().Set("Retry-After", "1")
	default:
		p.Detail = "APO refused, and it is not known whether the payment is there; it is asked again"
		p.Remedy = "look at the order later, or cancel it"
	}
	p.Write(w)
}
