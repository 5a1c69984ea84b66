package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

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
// often it is asked for. What else APO's pay call takes belongs in the request here. What APO has answered is recorded
// whether or not the caller still waits, but a log that hangs holds nobody longer than that may take.
func (s *shop) collect(w http.ResponseWriter, r *http.Request, o order.Order) {
	ctx := context.WithoutCancel(r.Context())
	calling, end := context.WithTimeout(ctx, s.settings.callTimeout)
	paid := s.client.Pay(calling, apo.PayRequest{PaymentRequestID: o.PaymentRequestID, Amount: o.Amount,
		Method: o.Method, Capture: captures[o.CaptureMode], OrderID: o.ID, PayBy: o.PayBy,
		NotifyURL: s.settings.notifyURL, RedirectURL: s.settings.returnURL})
	end()
	recording, recorded := context.WithTimeout(ctx, s.Orders.Config().RecordTimeout)
	defer recorded()
	for _, fact := range paid.Facts {
		var err error
		if o, err = s.Orders.Observe(recording, fact); s.Failed(w, r, err) {
			return
		}
	}
	if paid.Class == apo.Succeeded || paid.Class == apo.Accepted {
		v := viewOf(&o)
		v.PayURL = cmp.Or(paid.NormalURL, paid.SchemeURL, paid.AppLinkURL)
		s.Write(w, r, http.StatusCreated, v)
		return
	}
	s.logger.Warn("not collected", "order", o.ID, "class", paid.Class.String(), "code", paid.Code, "err", paid.Err)
	switch paid.Class {
	case apo.NotSent: // what the caller may say is judged before: a setting is wrong, and its text is nothing for him
		s.Failed(w, r, fmt.Errorf("order %s: the pay call was not sent: %w", o.ID, paid.Err))
		return
	case apo.WrongPicture, apo.UnknownFailure:
		if o, _ = s.asked(ctx, o); o.Status != order.Created {
			s.Write(w, r, http.StatusCreated, viewOf(&o)) // as a repetition is answered
			return
		}
	}
	notCollected(w, r, &paid)
}

// collectAgain is for an order whose pay call told nothing that could be relied on: APO is asked before it is told
// again, and told only what it knows already, or where it knows of no such payment.
func (s *shop) collectAgain(w http.ResponseWriter, r *http.Request, o order.Order) {
	o, absent := s.asked(context.WithoutCancel(r.Context()), o)
	switch {
	case o.Status != order.Created:
		s.Write(w, r, http.StatusCreated, viewOf(&o))
	case o.PaymentID != "" || absent:
		s.collect(w, r, o)
	default:
		notCollected(w, r, &apo.PayAnswer{Answer: apo.Answer{Class: apo.UnknownFailure}})
	}
}

// asked is the order after APO was asked whether its payment is there, and whether APO knows that it is not. Run asks
// as well, but not as soon.
func (s *shop) asked(ctx context.Context, o order.Order) (now order.Order, absent bool) {
	asking, end := context.WithTimeout(ctx, s.settings.callTimeout)
	defer end()
	found, err := s.Orders.Reconcile(asking, o.ID)
	if err != nil {
		s.logger.Warn("not known yet", "order", o.ID, "err", err)
	}
	if found.Order.ID == "" {
		return o, false
	}
	return found.Order, err == nil && found.Answer == events.InquiryNotExist
}

// notCollected answers by what the pay call proves; docs/guides/paying.md has the table.
func notCollected(w http.ResponseWriter, r *http.Request, paid *apo.PayAnswer) {
	p := problem.Problem{Type: problem.TypeBase + "unknown", Title: "Outcome not known", Status: http.StatusAccepted,
		Code: paid.Code, Instance: r.URL.EscapedPath()}
	switch paid.Class {
	case apo.Failed:
		notPaid(w, r, paid.Code)
		return
	case apo.Unknown:
		p.Detail = "it is not known whether the payment has begun"
		p.Remedy = "place the same order again, unchanged and under the same key"
		w.Header().Set("Retry-After", "1")
	default:
		p.Detail = "APO refused, and it is not known whether the payment is there; it is asked again"
		p.Remedy = "do not place it again; look at the order later, or cancel it"
	}
	p.Write(w)
}

// notPaid answers that APO refused the payment for good.
func notPaid(w http.ResponseWriter, r *http.Request, code string) {
	problem.Problem{Type: problem.TypeBase + "failed", Title: "Not paid", Status: http.StatusBadGateway, Code: code,
		Detail: "APO refused the payment", Remedy: "place another order, under a key of its own",
		Instance: r.URL.EscapedPath()}.Write(w)
}
