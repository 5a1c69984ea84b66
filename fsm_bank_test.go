package tilltape_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
)

// bank is an APO in memory: a ledger with APO's rules and idempotency, whose answers are signed. What it says of its
// ledger is true; what reaches the caller is up to the script.
type bank struct {
	mu       sync.Mutex
	now      func() time.Time
	accounts []*account
	finals   map[string]final // by operation and request id: replayed for ever
	serial   int

	script  []fault // for the next commands, in order
	deaf    bool    // inquiries get no answer
	slow    bool    // refunds stay in process until finish
	forgets bool    // idempotency keys are not kept
	calls   []wireCall
	enter   func(context.Context, wireCall) // before a call does anything; may block
}

// account is one payment at the bank.
type account struct {
	id, request string
	minor       int64
	card        bool
	state       apo.State
	code        string // of a failure
	at          time.Time
	captures    []move
	refunds     []move
	cancels     int // how often a cancel took effect
}

type move struct {
	id, request string
	minor       int64
	state       apo.State
}

// wireCall is one call that reached the bank.
type wireCall struct {
	Op               apo.Op
	Payment, Request string // Payment is whichever identifier of the payment was given
	Minor            int64
}

type final struct {
	content      string
	status, code string
	extra        map[string]any
}

// fault is what happens to one command's call.
type fault struct {
	lose         bool // the answer does not arrive
	undone       bool // nothing is done
	status, code string
}

var (
	lostBefore = fault{lose: true, undone: true}
	lostAfter  = fault{lose: true}
	saysU      = fault{undone: true, status: "U", code: "UNKNOWN_EXCEPTION"}
	doneSaysU  = fault{status: "U", code: "UNKNOWN_EXCEPTION"}
	plain      = fault{}
)

func saysF(code string) fault { return fault{undone: true, status: "F", code: code} }

var _ tilltape.Gateway = (*bank)(nil)

func newBank(now func() time.Time) *bank { return &bank{now: now, finals: map[string]final{}} }

// buyerPays is a payment's success at the bank.
func (b *bank) buyerPays(request string, minor int64, card bool) *account {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.find(request); a != nil {
		return a
	}
	a := &account{id: "pay-" + request, request: request, minor: minor, card: card, state: apo.StateSuccess, at: b.now()}
	b.accounts = append(b.accounts, a)
	return a
}

func (b *bank) find(id string) *account {
	for _, a := range b.accounts {
		if a.id == id || a.request == id {
			return a
		}
	}
	return nil
}

// wired counts the commands that reached the bank; inquiries move nothing and are not counted.
func (b *bank) wired() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, c := range b.calls {
		if c.Op != apo.OpInquirePayment && c.Op != apo.OpInquireRefund {
			n++
		}
	}
	return n
}

// touched counts everything that reached the bank.
func (b *bank) touched() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

func (b *bank) seen() []wireCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]wireCall(nil), b.calls...)
}

func (b *bank) next(faults ...fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script = append(b.script, faults...)
}

// finish ends every refund in process, well or badly.
func (b *bank) finish(well bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts {
		for i := range a.refunds {
			if a.refunds[i].state == apo.StateProcessing {
				a.refunds[i].state = apo.StateSuccess
				if !well {
					a.refunds[i].state = apo.StateFail
				}
			}
		}
	}
}

func sum(ms []move) (total int64) {
	for _, m := range ms {
		if m.state != apo.StateFail {
			total += m.minor
		}
	}
	return total
}

var errLost = errors.New("the connection was cut")

// command runs one command through idempotency, the script and the ledger.
func (b *bank) command(ctx context.Context, c wireCall, do func(*account) final) (apo.Answer, map[string]any) {
	b.mu.Lock()
	b.calls = append(b.calls, c)
	enter := b.enter
	b.mu.Unlock()
	if enter != nil {
		enter(ctx, c)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var f fault
	if len(b.script) > 0 {
		f, b.script = b.script[0], b.script[1:]
	}
	done := final{status: f.status, code: f.code}
	if !f.undone {
		if done = b.once(c, do); f.status != "" {
			done = final{status: f.status, code: f.code}
		}
	}
	if f.lose || ctx.Err() != nil {
		return apo.Answer{Err: fmt.Errorf("%s: %w", c.Op, errLost)}, nil
	}
	content := map[string]any{"result": result(done.status, done.code)}
	for k, v := range done.extra {
		content[k] = v
	}
	_, evidence := theOffice().answer(c.Op, content)
	class := apo.Classify(c.Op, done.status, done.code)
	a := apo.Answer{Class: class, Status: done.status, Code: done.code, HTTPStatus: 200, Evidence: evidence}
	if class == apo.Unknown || class == apo.UnknownFailure {
		a.Err = fmt.Errorf("%s: %s with code %q", c.Op, done.status, done.code)
	}
	return a, done.extra
}

// once does a command's work, or replays the final answer of an earlier one with the same request id.
func (b *bank) once(c wireCall, do func(*account) final) final {
	key, content := string(c.Op)+c.Request, fmt.Sprint(c.Payment, c.Minor)
	if known, ok := b.finals[key]; ok && c.Request != "" && !b.forgets {
		if known.content != content {
			return final{status: "F", code: "REPEAT_REQ_INCONSISTENT"}
		}
		return known
	}
	a := b.find(c.Payment)
	if a == nil {
		return final{status: "F", code: "ORDER_NOT_EXIST"}
	}
	done := do(a)
	done.content = content
	b.finals[key] = done
	return done
}

func (b *bank) mint(prefix string) string {
	b.serial++
	return fmt.Sprintf("%s-%d", prefix, b.serial)
}

// Cancel cancels a payment. APO does not promise to replay a cancel's S: this one never does.
func (b *bank) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	c := wireCall{Op: apo.OpCancel, Payment: r.PaymentID + r.PaymentRequestID}
	a, extra := b.command(ctx, c, func(a *account) final {
		switch {
		case a.state == apo.StateCancelled:
			return final{status: "F", code: "ORDER_STATUS_INVALID"}
		case len(a.refunds) > 0, a.card && sum(a.captures) > 0:
			return final{status: "F", code: "PROCESS_FAIL"}
		}
		a.state = apo.StateCancelled
		a.cancels++
		return final{status: "S", code: "SUCCESS", extra: map[string]any{"paymentId": a.id, "cancelTime": stamp(b.now())}}
	})
	return apo.CancelAnswer{Answer: a, PaymentID: text(extra["paymentId"]), Time: when(extra["cancelTime"])}
}

// Capture captures what is authorized.
func (b *bank) Capture(ctx context.Context, r apo.CaptureRequest) apo.CaptureAnswer {
	c := wireCall{Op: apo.OpCapture, Payment: r.PaymentID, Request: r.CaptureRequestID, Minor: r.Amount.Minor}
	a, extra := b.command(ctx, c, func(a *account) final {
		switch {
		case a.state == apo.StateCancelled:
			return final{status: "F", code: "AUTH_CANCELLED"}
		case r.Amount.Minor > a.minor-sum(a.captures):
			return final{status: "F", code: "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"}
		}
		m := move{id: b.mint("cap"), request: r.CaptureRequestID, minor: r.Amount.Minor, state: apo.StateSuccess}
		a.captures = append(a.captures, m)
		return final{status: "S", code: "SUCCESS", extra: map[string]any{"captureId": m.id, "captureRequestId": m.request, "paymentId": a.id,
			"captureAmount": wire(m.minor), "captureTime": stamp(b.now())}}
	})
	return apo.CaptureAnswer{Answer: a, CaptureID: text(extra["captureId"]), CaptureRequestID: text(extra["captureRequestId"]),
		PaymentID: text(extra["paymentId"]), Amount: r.Amount, Time: when(extra["captureTime"])}
}

// Refund accepts a refund; it has happened at once unless the bank is slow.
func (b *bank) Refund(ctx context.Context, r apo.RefundRequest) apo.RefundAnswer {
	c := wireCall{Op: apo.OpRefund, Payment: r.PaymentID, Request: r.RefundRequestID, Minor: r.Amount.Minor}
	a, extra := b.command(ctx, c, func(a *account) final {
		captured := sum(a.captures)
		if !a.card {
			captured = a.minor
		}
		if a.state != apo.StateSuccess || r.Amount.Minor > captured-sum(a.refunds) {
			return final{status: "F", code: "REFUND_AMOUNT_EXCEED"}
		}
		m := move{id: b.mint("ref"), request: r.RefundRequestID, minor: r.Amount.Minor, state: apo.StateSuccess}
		if b.slow {
			m.state = apo.StateProcessing
		}
		a.refunds = append(a.refunds, m)
		return final{status: "S", code: "SUCCESS", extra: map[string]any{"refundId": m.id, "refundRequestId": m.request, "paymentId": a.id,
			"refundAmount": wire(m.minor), "refundTime": stamp(b.now())}}
	})
	return apo.RefundAnswer{Answer: a, RefundID: text(extra["refundId"]), RefundRequestID: text(extra["refundRequestId"]),
		PaymentID: text(extra["paymentId"]), Amount: r.Amount, Time: when(extra["refundTime"])}
}

// InquirePayment tells the ledger.
func (b *bank) InquirePayment(_ context.Context, r apo.InquirePaymentRequest) apo.PaymentPicture {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, wireCall{Op: apo.OpInquirePayment, Payment: r.PaymentID + r.PaymentRequestID})
	if b.deaf {
		return apo.PaymentPicture{Answer: apo.Answer{Err: errLost}}
	}
	a := b.find(r.PaymentID + r.PaymentRequestID)
	if a == nil {
		return apo.PaymentPicture{Answer: inquiryAnswer(apo.OpInquirePayment, map[string]any{"result": result("F", "ORDER_NOT_EXIST")})}
	}
	var lines []map[string]any
	add := func(kind string, ms []move) {
		for _, m := range ms {
			lines = append(lines, map[string]any{"transactionType": kind, "transactionStatus": string(m.state), "transactionId": m.id,
				"transactionRequestId": m.request, "transactionAmount": wire(m.minor), "transactionTime": stamp(a.at)})
		}
	}
	add("CAPTURE", a.captures)
	add("REFUND", a.refunds)
	content := map[string]any{"result": result("S", "SUCCESS"), "paymentStatus": string(a.state), "paymentId": a.id,
		"paymentRequestId": a.request, "paymentAmount": wire(a.minor), "paymentTime": stamp(a.at), "transactions": lines}
	if a.code != "" {
		content["paymentResultCode"] = a.code
	}
	return apo.PaymentPicture{Answer: inquiryAnswer(apo.OpInquirePayment, content), State: a.state}
}

// InquireRefund tells one refund.
func (b *bank) InquireRefund(_ context.Context, r apo.InquireRefundRequest) apo.RefundPicture {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, wireCall{Op: apo.OpInquireRefund, Request: r.RefundRequestID})
	if b.deaf {
		return apo.RefundPicture{Answer: apo.Answer{Err: errLost}}
	}
	for _, a := range b.accounts {
		for _, m := range a.refunds {
			if m.request == r.RefundRequestID {
				return apo.RefundPicture{State: m.state, Answer: inquiryAnswer(apo.OpInquireRefund, map[string]any{
					"result": result("S", "SUCCESS"), "refundStatus": string(m.state), "refundId": m.id, "refundRequestId": m.request,
					"refundAmount": wire(m.minor), "refundTime": stamp(a.at)})}
			}
		}
	}
	return apo.RefundPicture{Answer: inquiryAnswer(apo.OpInquireRefund, map[string]any{"result": result("F", "REFUND_NOT_EXIST")})}
}

func inquiryAnswer(op apo.Op, content map[string]any) apo.Answer {
	facts, evidence := theOffice().answer(op, content)
	r := content["result"].(map[string]any)
	status, code := text(r["resultStatus"]), text(r["resultCode"])
	return apo.Answer{Class: apo.Classify(op, status, code), Status: status, Code: code, HTTPStatus: 200, Evidence: evidence, Facts: facts}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func when(v any) time.Time {
	t, err := time.Parse(time.RFC3339, text(v))
	if err != nil {
		return time.Time{}
	}
	return t
}
