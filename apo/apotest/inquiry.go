package apotest

import "time"

// inquirePayment answers with the payment as it stands. The result speaks of the
// query alone.
func (s *Server) inquirePayment(clientID string, r request) answer {
	if r.PaymentID == "" && r.PaymentRequestID == "" {
		return failed(codeParamIllegal)
	}
	if s.book.denied[accountKey(clientID, string(r.MerchantAccountID))] {
		return failed(codeAccessDenied)
	}
	p := s.find(clientID, r.PaymentID, r.PaymentRequestID)
	if p == nil || !p.madeFor(r.MerchantAccountID) {
		return failed(codeOrderNotExist)
	}
	fields := p.fields()
	fields["paymentStatus"] = string(p.status)
	fields["paymentMethodType"] = p.Method
	if p.MerchantAccountID != "" {
		fields["merchantAccountId"] = p.MerchantAccountID
	}
	if p.code != "" {
		fields["paymentResultCode"] = p.code
	} else if p.status == Success {
		fields["paymentResultCode"] = codeSuccess
	}
	// The only scalars in APO's answers that are no strings by nature.
	fields["paymentQuote"] = map[string]any{
		"quoteCurrencyPair": p.Amount.Currency + "/" + p.Amount.Currency, "quotePrice": 1, "guaranteed": true,
	}
	if lines := p.lines(); lines != nil {
		fields["transactions"] = lines
	}
	return done(fields)
}

// lines are the transactions. APO lists them once there is a capture or refund;
// late money and raises are listed too, since nothing else would show them.
func (p *payment) lines() []any {
	if len(p.captures)+len(p.refunds)+len(p.raises) == 0 && !p.late {
		return nil
	}
	var lines []any
	if !p.paid.IsZero() {
		kind := "PAYMENT"
		if p.twoSteps() {
			kind = "AUTHORIZATION"
		}
		lines = append(lines, line(kind, Success, p.paidID, p.PaymentRequestID, p.Amount, p.paid))
	}
	lines = append(lines, p.raiseLines()...)
	for _, c := range p.captures {
		lines = append(lines, line("CAPTURE", c.status, c.ID, c.RequestID, c.amount, c.when()))
	}
	for _, r := range p.refunds {
		lines = append(lines, line("REFUND", r.status, r.ID, r.RequestID, r.amount, r.when()))
	}
	kind := "CANCEL"
	if p.twoSteps() {
		kind = "VOID"
	}
	for _, v := range p.voids {
		lines = append(lines, line(kind, Success, v.id, "", of(p.Amount, v.amount), v.at))
	}
	return lines
}

// line is one transaction. APO's own captures have no request id.
func line(kind string, status Status, id, requestID string, amount Amount, at time.Time) map[string]any {
	fields := map[string]any{
		"transactionType": kind, "transactionStatus": string(status), "transactionId": id,
		"transactionAmount": wire(amount), "transactionTime": isoTime(at),
	}
	if requestID != "" {
		fields["transactionRequestId"] = requestID
	}
	return fields
}

// when is when a transfer ended or, until then, was asked for.
func (t *transfer) when() time.Time {
	if t.ended.IsZero() {
		return t.at
	}
	return t.ended
}

// inquireRefund answers with the refund as it stands; the refundId wins.
func (s *Server) inquireRefund(clientID string, r request) answer {
	if r.RefundID == "" && r.RefundRequestID == "" {
		return failed(codeParamIllegal)
	}
	if s.book.denied[accountKey(clientID, string(r.MerchantAccountID))] {
		return failed(codeAccessDenied)
	}
	t := s.book.refunds[string(r.RefundID)]
	if r.RefundID == "" {
		t = s.book.refundKeys[key{OpRefund, clientID, string(r.RefundRequestID)}]
	}
	if t == nil || t.payment.ClientID != clientID || !t.payment.madeFor(r.MerchantAccountID) {
		return failed(codeRefundNotExist)
	}
	fields := map[string]any{
		"refundStatus": string(t.status), "refundId": t.ID, "refundRequestId": t.RequestID,
		"refundAmount": wire(t.amount), "refundTime": isoTime(t.when()),
	}
	return done(fields)
}
