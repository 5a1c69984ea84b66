package apotest

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// book holds what an APO knows: payments, captures and refunds by every id, and
// the request ids it has answered for.
type book struct {
	next       int64 // numbers the ids made here
	payments   []*payment
	byRequest  map[key]*payment     // by paymentRequestId
	byID       map[string]*payment  // by paymentId
	refunds    map[string]*transfer // by refundId
	refundKeys map[key]*transfer    // by refundRequestId
	wake       time.Time            // when settle has something to do; zero: never
	captures   map[string]*transfer // by captureId
	disputes   map[string]*dispute  // by disputeId
	keys       map[key]*remembered
	denied     map[key]bool // merchant accounts whose inquiries are refused; the empty one is of calls that name none
}

func newBook() book {
	return book{
		byRequest: map[key]*payment{}, byID: map[string]*payment{}, refunds: map[string]*transfer{},
		refundKeys: map[key]*transfer{}, captures: map[string]*transfer{}, disputes: map[string]*dispute{},
		keys: map[key]*remembered{}, denied: map[key]bool{},
	}
}

// key is a request id in its role: each merchant has its own.
type key struct {
	op       Op
	clientID string
	id       string
}

func accountKey(clientID, account string) key { return key{AnyOp, clientID, account} }

func payKey(clientID, id string) key { return key{OpPay, clientID, id} }

// remembered is what a request id was used for: a transfer, or a failure.
type remembered struct {
	content  string
	transfer *transfer
	failure  string
	at       time.Time
}

// newID makes an id as long as APO's own: digits that begin with the day.
func (s *Server) newID() string {
	s.book.next++
	return fmt.Sprintf("%s%022d", s.now().In(zone()).Format("20060102"), s.book.next)
}

// Register puts a payment on APO's side without a pay call, and returns it with its defaults filled in. The buyer has
// not paid it yet. The error wraps [ErrPlay].
//
// It is for tests alone: of clients that make no pay call, and of payments that a pay call cannot ask for, with a
// paymentId of the test's own, a cancel window or a limit. A service asks APO to collect ([apo.Client.Pay]), here as
// everywhere.
func (s *Server) Register(p Payment) (Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	made, err := s.register(p)
	if err != nil {
		return Payment{}, err
	}
	return made.Payment, nil
}

// register fills in the defaults and files the payment.
func (s *Server) register(p Payment) (*payment, error) {
	now := s.now()
	if p.Method == "" {
		p.Method = MethodCard
	}
	if carriesCard(p.Method) && p.Capture == "" {
		p.Capture = Automatic
	}
	if p.Window == "" {
		p.Window = windowOf(p.Method)
	}
	if p.RefundWindow == 0 {
		p.RefundWindow = refundWindow
	}
	if p.Expiry.IsZero() {
		p.Expiry = now.Add(payTime)
		if strings.HasPrefix(p.Method, transferPrefix) {
			p.Expiry = now.Add(transferTime)
		}
	}
	if p.ClientID == "" {
		p.ClientID = s.cfg.ClientID
	}
	if p.PaymentID == "" {
		p.PaymentID = s.newID()
	}
	if err := s.checkPayment(p); err != nil {
		return nil, err
	}
	s.wakeAt(p.Expiry)
	made := &payment{Payment: p, status: Processing, created: now, keepAmount: s.cfg.Behaviour.KeepPaymentAmount}
	s.book.payments = append(s.book.payments, made)
	s.book.byRequest[payKey(p.ClientID, p.PaymentRequestID)] = made
	s.book.byID[p.PaymentID] = made
	return made, nil
}

func (s *Server) checkPayment(p Payment) error {
	refuse := func(reason string) error { return playError(p.PaymentRequestID, "registered", reason) }
	switch {
	case badID(p.PaymentRequestID) != "":
		return refuse("its paymentRequestId " + badID(p.PaymentRequestID))
	case badID(p.PaymentID) != "":
		return refuse("its paymentId " + badID(p.PaymentID))
	case p.MerchantAccountID != "" && badID(p.MerchantAccountID) != "":
		return refuse("its merchantAccountId " + badID(p.MerchantAccountID))
	case !valid(p.Amount):
		return refuse("its amount " + p.Amount.String() + " is not positive or has no currency")
	case p.twoSteps() && p.Capture != Automatic && p.Capture != Manual:
		return refuse("its capture mode " + string(p.Capture) + " is neither AUTOMATIC nor MANUAL")
	case s.merchants[p.ClientID] == nil:
		return refuse("its client id " + p.ClientID + " is not registered: call AddMerchant")
	case s.book.byRequest[payKey(p.ClientID, p.PaymentRequestID)] != nil:
		return refuse("there is one of that id: take another paymentRequestId")
	case s.book.byID[p.PaymentID] != nil:
		return refuse("its paymentId " + p.PaymentID + " is taken: take another or leave it empty")
	}
	switch p.Window {
	case WindowNever, WindowUntilPaid, WindowWeek, WindowNextDay:
		return nil
	}
	return refuse("its cancel window " + string(p.Window) + " is not known")
}

// playError says what cannot be done to which payment and why.
func playError(id, verb, reason string) error {
	return fmt.Errorf("%w: payment %s cannot be %s: %s", ErrPlay, id, verb, reason)
}

// find looks a payment up for a merchant; the paymentId wins. Another
// merchant's payment does not exist.
func (s *Server) find(clientID string, paymentID, paymentRequestID text) *payment {
	p := s.book.byID[string(paymentID)]
	if paymentID == "" {
		p = s.book.byRequest[payKey(clientID, string(paymentRequestID))]
	}
	if p == nil || p.ClientID != clientID {
		return nil
	}
	return p
}

// madeFor reports whether the payment is of the account that a call names; every payment is, where it names none.
func (p *payment) madeFor(account text) bool {
	return account == "" || string(account) == p.MerchantAccountID
}

// pay answers a pay call: it files the payment and leaves the buyer to it.
func (s *Server) pay(clientID string, r request) answer {
	amount, ok := r.PaymentAmount.amount()
	capture, said := r.capture()
	if !ok || !said || r.PaymentRequestID == "" || r.PaymentMethod.Type == "" {
		return failed(codeParamIllegal)
	}
	wish := Payment{
		PaymentRequestID: string(r.PaymentRequestID), Amount: amount, Method: string(r.PaymentMethod.Type),
		Capture: capture, NotifyURL: string(r.PaymentNotifyURL), ClientID: clientID,
		MerchantAccountID: string(r.MerchantAccountID),
	}
	if r.PaymentExpiryTime != "" {
		expiry, err := time.Parse(time.RFC3339, string(r.PaymentExpiryTime))
		if err != nil {
			return failed(codeParamIllegal)
		}
		wish.Expiry = expiry
	}
	if p := s.book.byRequest[payKey(clientID, wish.PaymentRequestID)]; p != nil {
		return s.payAgain(p, wish)
	}
	p, err := s.register(wish)
	if err != nil {
		return failed(codeParamIllegal)
	}
	return s.begun(p)
}

// begun answers that a payment waits for its buyer. The link for the buyer leads to what the controls show of the
// payment; who plays the buyer pays by [Server.Submit].
func (s *Server) begun(p *payment) answer {
	fields := p.fields()
	if s.listener != nil {
		fields["normalUrl"] = "http://" + s.listener.Addr().String() + ControlPath + "payment/" + url.PathEscape(p.PaymentID)
	}
	return undecided(codePaymentInProcess, fields)
}

// session answers createPaymentSession: a pay call whose method the buyer is still to choose at APO. Where the request
// names none, the simulated buyer takes what [Server.Register] takes by default. A payment that came to its end already
// needs no session.
func (s *Server) session(clientID string, r request) answer {
	if r.PaymentMethod.Type == "" {
		r.PaymentMethod.Type = MethodCard
	}
	made := s.pay(clientID, r)
	if made.code != codePaymentInProcess {
		if made.status == "S" {
			return failed(codeInconsistent)
		}
		return answer{result: made.result}
	}
	id, _ := made.fields["paymentId"].(string)
	p := s.book.byID[id]
	return done(map[string]any{
		"paymentSessionId": "session-" + id, "paymentSessionData": "data-of-session-" + id,
		"paymentSessionExpiryTime": isoTime(p.Expiry),
	})
}

// payAgain answers a repeated pay call: by what became of the payment.
func (s *Server) payAgain(p *payment, wish Payment) answer {
	same := p.ClientID == wish.ClientID && p.Amount == wish.Amount && p.Method == wish.Method &&
		p.madeFor(text(wish.MerchantAccountID)) &&
		(p.Capture == wish.Capture || wish.Capture == "" && carriesCard(p.Method)) &&
		(wish.Expiry.IsZero() || p.Expiry.Equal(wish.Expiry))
	if !same {
		return failed(codeInconsistent)
	}
	switch p.status {
	case Success:
		return done(p.fields())
	case Fail:
		return answer{result{"F", p.code}, p.fields()}
	case Cancelled:
		return answer{result{"F", codeOrderCanceled}, p.fields()}
	}
	return s.begun(p)
}

// fields are what pay, notifyPayment and inquiryPayment say of a payment alike.
func (p *payment) fields() map[string]any {
	fields := map[string]any{
		"paymentId": p.PaymentID, "paymentRequestId": p.PaymentRequestID,
		"paymentAmount": wire(p.told()), "paymentCreateTime": isoTime(p.created),
	}
	if !p.paid.IsZero() {
		fields["paymentTime"] = isoTime(p.paid)
	}
	if !p.authExpiry.IsZero() {
		fields["authExpiryTime"] = isoTime(p.authExpiry)
	}
	return fields
}
