package tilltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
)

// Bank is an APO in memory: a ledger with APO's rules and idempotency, whose answers are signed. What it says of its
// ledger is true; what reaches the caller is up to the script.
type Bank struct {
	mu       sync.Mutex
	Now      func() time.Time
	Accounts []*Account
	finals   map[string]final // by operation and request id: replayed for ever
	serial   int

	Script  []Fault // for the next commands, in order
	Deaf    bool    // inquiries get no answer
	Slow    bool    // refunds stay in process until finish
	Forgets bool    // idempotency keys are not kept
	calls   []WireCall
	Enter   func(context.Context, WireCall) // before a call does anything; may block
}

// Account is one payment at the bank.
type Account struct {
	ID, Request string
	Minor       int64
	Card        bool
	State       apo.State
	Code        string // of a failure
	at          time.Time
	Captures    []Move
	Refunds     []Move
	Voids       []Move // what a last capture left, let go
	Raises      []Move // each to so much in all
	Others      []Move // of a kind that nobody knows, each of which took its money from the merchant
	Cancels     int    // how often a cancel took effect
}

type Move struct {
	ID, Request string
	Minor       int64
	State       apo.State
}

// WireCall is one call that reached the bank.
type WireCall struct {
	Op               apo.Op
	Payment, Request string // Payment is whichever identifier of the payment was given
	Minor            int64
	Last             bool // of a capture
}

type final struct {
	content      string
	status, code string
	extra        map[string]any
}

// Fault is what happens to one command's call.
type Fault struct {
	lose         bool // the answer does not arrive
	Undone       bool // nothing is done
	Status, Code string
	Extra        map[string]any // what the answer says beside that, where nothing is done
}

var (
	LostBefore = Fault{lose: true, Undone: true}
	LostAfter  = Fault{lose: true}
	SaysU      = Fault{Undone: true, Status: "U", Code: "UNKNOWN_EXCEPTION"}
	DoneSaysU  = Fault{Status: "U", Code: "UNKNOWN_EXCEPTION"}
	Plain      = Fault{}
)

func SaysF(code string) Fault { return Fault{Undone: true, Status: "F", Code: code} }

var _ tilltape.Gateway = (*Bank)(nil)

func NewBank(now func() time.Time) *Bank { return &Bank{Now: now, finals: map[string]final{}} }

// BuyerPays is a payment's success at the bank.
func (b *Bank) BuyerPays(request string, minor int64, card bool) *Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.Find(request); a != nil {
		return a
	}
	a := &Account{ID: "pay-" + request, Request: request, Minor: minor, Card: card, State: apo.StateSuccess, at: b.Now()}
	b.Accounts = append(b.Accounts, a)
	return a
}

func (b *Bank) Find(id string) *Account {
	for _, a := range b.Accounts {
		if a.ID == id || a.Request == id {
			return a
		}
	}
	return nil
}

// Wired counts the commands that reached the bank; inquiries move nothing and are not counted.
func (b *Bank) Wired() int {
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

// Touched counts everything that reached the bank.
func (b *Bank) Touched() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

func (b *Bank) Seen() []WireCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]WireCall(nil), b.calls...)
}

func (b *Bank) Next(faults ...Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Script = append(b.Script, faults...)
}

// Finish ends every refund in process, well or badly.
func (b *Bank) Finish(well bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.Accounts {
		for i := range a.Refunds {
			if a.Refunds[i].State == apo.StateProcessing {
				a.Refunds[i].State = apo.StateSuccess
				if !well {
					a.Refunds[i].State = apo.StateFail
				}
			}
		}
	}
}

func Sum(ms []Move) (total int64) {
	for _, m := range ms {
		if m.State != apo.StateFail {
			total += m.Minor
		}
	}
	return total
}

var ErrLost = errors.New("the connection was cut")

// command runs one command through idempotency, the script and the ledger.
func (b *Bank) command(ctx context.Context, c WireCall, do func(*Account) final) (apo.Answer, map[string]any) {
	b.mu.Lock()
	b.calls = append(b.calls, c)
	enter := b.Enter
	b.mu.Unlock()
	if enter != nil {
		enter(ctx, c)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var f Fault
	if len(b.Script) > 0 {
		f, b.Script = b.Script[0], b.Script[1:]
	}
	done := final{status: f.Status, code: f.Code, extra: f.Extra}
	if !f.Undone {
		if done = b.once(c, do); f.Status != "" {
			done = final{status: f.Status, code: f.Code}
		}
	}
	if f.lose || ctx.Err() != nil {
		return apo.Answer{Err: fmt.Errorf("%s: %w", c.Op, ErrLost)}, nil
	}
	content := map[string]any{"result": Result(done.status, done.code)}
	for k, v := range done.extra {
		content[k] = v
	}
	_, evidence := TheOffice().Answer(c.Op, content)
	class := apo.Classify(c.Op, done.status, done.code)
	a := apo.Answer{Class: class, Status: done.status, Code: done.code, HTTPStatus: 200, Evidence: evidence}
	if class == apo.Unknown || class == apo.UnknownFailure {
		a.Err = fmt.Errorf("%s: %s with code %q", c.Op, done.status, done.code)
	}
	return a, done.extra
}

// once does a command's work, or replays the final answer of an earlier one with the same request id.
func (b *Bank) once(c WireCall, do func(*Account) final) final {
	key, content := string(c.Op)+c.Request, fmt.Sprint(c.Payment, c.Minor, c.Last)
	if known, ok := b.finals[key]; ok && c.Request != "" && !b.Forgets {
		if known.content != content {
			return final{status: "F", code: "REPEAT_REQ_INCONSISTENT"}
		}
		return known
	}
	a := b.Find(c.Payment)
	if a == nil {
		return final{status: "F", code: "ORDER_NOT_EXIST"}
	}
	done := do(a)
	done.content = content
	b.finals[key] = done
	return done
}

func (b *Bank) mint(prefix string) string {
	b.serial++
	return fmt.Sprintf("%s-%d", prefix, b.serial)
}

// Cancel cancels a payment. APO does not promise to replay a cancel's S: this one never does.
func (b *Bank) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	c := WireCall{Op: apo.OpCancel, Payment: r.PaymentID + r.PaymentRequestID}
	a, extra := b.command(ctx, c, func(a *Account) final {
		switch {
		case a.State == apo.StateCancelled:
			return final{status: "F", code: "ORDER_STATUS_INVALID"}
		case a.State == apo.StateFail:
			return final{status: "F", code: "ORDER_IS_CLOSED"}
		case len(a.Refunds) > 0, a.Card && Sum(a.Captures) > 0:
			return final{status: "F", code: "PROCESS_FAIL"}
		}
		a.State = apo.StateCancelled
		a.Cancels++
		return final{status: "S", code: "SUCCESS", extra: map[string]any{"paymentId": a.ID, "cancelTime": Stamp(b.Now())}}
	})
	return apo.CancelAnswer{Answer: a, PaymentID: Text(extra["paymentId"]), Time: When(extra["cancelTime"])}
}

// Capture captures what is authorized.
func (b *Bank) Capture(ctx context.Context, r apo.CaptureRequest) apo.CaptureAnswer {
	c := WireCall{Op: apo.OpCapture, Payment: r.PaymentID, Request: r.CaptureRequestID, Minor: r.Amount.Minor,
		Last: r.Last}
	a, extra := b.command(ctx, c, func(a *Account) final {
		switch {
		case a.State == apo.StateCancelled, len(a.Voids) > 0:
			return final{status: "F", code: "AUTH_CANCELLED"}
		case r.Amount.Minor == 0 && (!r.Last || Sum(a.Captures) == 0):
			return final{status: "F", code: "PARAM_ILLEGAL"}
		case r.Amount.Minor > a.Minor-Sum(a.Captures):
			return final{status: "F", code: "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"}
		}
		m := Move{ID: b.mint("cap"), Request: r.CaptureRequestID, Minor: r.Amount.Minor, State: apo.StateSuccess}
		a.Captures = append(a.Captures, m)
		if rest := a.Minor - Sum(a.Captures); r.Last && rest > 0 {
			a.Voids = append(a.Voids, Move{ID: b.mint("void"), Minor: rest, State: apo.StateSuccess})
		}
		return final{status: "S", code: "SUCCESS",
			extra: map[string]any{"captureId": m.ID, "captureRequestId": m.Request, "paymentId": a.ID,
				"captureAmount": Wire(m.Minor), "captureTime": Stamp(b.Now())}}
	})
	return apo.CaptureAnswer{Answer: a, CaptureID: Text(extra["captureId"]),
		CaptureRequestID: Text(extra["captureRequestId"]),
		PaymentID:        Text(extra["paymentId"]), Amount: r.Amount, Time: When(extra["captureTime"])}
}

// Refund accepts a refund; it has happened at once unless the bank is slow.
func (b *Bank) Refund(ctx context.Context, r apo.RefundRequest) apo.RefundAnswer {
	c := WireCall{Op: apo.OpRefund, Payment: r.PaymentID, Request: r.RefundRequestID, Minor: r.Amount.Minor}
	a, extra := b.command(ctx, c, func(a *Account) final {
		captured := Sum(a.Captures)
		if !a.Card {
			captured = a.Minor
		}
		if a.State != apo.StateSuccess || r.Amount.Minor > captured-Sum(a.Refunds) {
			return final{status: "F", code: "REFUND_AMOUNT_EXCEED"}
		}
		m := Move{ID: b.mint("ref"), Request: r.RefundRequestID, Minor: r.Amount.Minor, State: apo.StateSuccess}
		if b.Slow {
			m.State = apo.StateProcessing
		}
		a.Refunds = append(a.Refunds, m)
		return final{status: "S", code: "SUCCESS",
			extra: map[string]any{"refundId": m.ID, "refundRequestId": m.Request, "paymentId": a.ID,
				"refundAmount": Wire(m.Minor), "refundTime": Stamp(b.Now())}}
	})
	return apo.RefundAnswer{Answer: a, RefundID: Text(extra["refundId"]), RefundRequestID: Text(extra["refundRequestId"]),
		PaymentID: Text(extra["paymentId"]), Amount: r.Amount, Time: When(extra["refundTime"])}
}

// InquirePayment tells the ledger.
func (b *Bank) InquirePayment(_ context.Context, r apo.InquirePaymentRequest) apo.PaymentPicture {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, WireCall{Op: apo.OpInquirePayment, Payment: r.PaymentID + r.PaymentRequestID})
	if b.Deaf {
		return apo.PaymentPicture{Answer: apo.Answer{Err: ErrLost}}
	}
	a := b.Find(r.PaymentID + r.PaymentRequestID)
	if a == nil {
		return apo.PaymentPicture{Answer: InquiryAnswer(apo.OpInquirePayment,
			map[string]any{"result": Result("F", "ORDER_NOT_EXIST")})}
	}
	var lines []map[string]any
	add := func(kind string, ms []Move) {
		for _, m := range ms {
			lines = append(lines, map[string]any{"transactionType": kind, "transactionStatus": string(m.State),
				"transactionId":        m.ID,
				"transactionRequestId": m.Request, "transactionAmount": Wire(m.Minor), "transactionTime": Stamp(a.at)})
		}
	}
	add("INCREMENTAL", a.Raises)
	add("VOID", a.Voids)
	add("CAPTURE", a.Captures)
	add("REFUND", a.Refunds)
	add("CHARGEBACK", a.Others)
	content := map[string]any{"result": Result("S", "SUCCESS"), "paymentStatus": string(a.State), "paymentId": a.ID,
		"paymentRequestId": a.Request, "paymentAmount": Wire(a.Minor), "paymentTime": Stamp(a.at), "transactions": lines}
	if a.Code != "" {
		content["paymentResultCode"] = a.Code
	}
	return apo.PaymentPicture{Answer: InquiryAnswer(apo.OpInquirePayment, content), State: a.State}
}

// InquireRefund tells one refund.
func (b *Bank) InquireRefund(_ context.Context, r apo.InquireRefundRequest) apo.RefundPicture {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, WireCall{Op: apo.OpInquireRefund, Request: r.RefundRequestID})
	if b.Deaf {
		return apo.RefundPicture{Answer: apo.Answer{Err: ErrLost}}
	}
	for _, a := range b.Accounts {
		for _, m := range a.Refunds {
			if m.Request == r.RefundRequestID {
				return apo.RefundPicture{State: m.State, Answer: InquiryAnswer(apo.OpInquireRefund, map[string]any{
					"result": Result("S", "SUCCESS"), "refundStatus": string(m.State), "refundId": m.ID, "refundRequestId": m.Request,
					"refundAmount": Wire(m.Minor), "refundTime": Stamp(a.at)})}
			}
		}
	}
	return apo.RefundPicture{Answer: InquiryAnswer(apo.OpInquireRefund,
		map[string]any{"result": Result("F", "REFUND_NOT_EXIST")})}
}

func InquiryAnswer(op apo.Op, content map[string]any) apo.Answer {
	facts, evidence := TheOffice().Answer(op, content)
	r := content["result"].(map[string]any)
	status, code := Text(r["resultStatus"]), Text(r["resultCode"])
	return apo.Answer{Class: apo.Classify(op, status, code), Status: status, Code: code, HTTPStatus: 200,
		Evidence: evidence, Facts: facts}
}

func Text(v any) string {
	s, _ := v.(string)
	return s
}

func When(v any) time.Time {
	t, err := time.Parse(time.RFC3339, Text(v))
	if err != nil {
		return time.Time{}
	}
	return t
}
