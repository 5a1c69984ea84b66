package simulation

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
)

// simBank is APO with a ledger, at the other end of a bad line. Every fault is drawn from the payment's own chance.
type simBank struct {
	seed uint64

	mu       sync.Mutex
	payments map[string]*simPayment // by paymentId and by paymentRequestId
	refunds  map[string]*simPayment // by refundRequestId
	calm     bool                   // nothing goes wrong any more
	office   *tilltest.Office       // signs; its memory goes with the simulation
	wrongs   []string               // what must never happen
	befell   map[string]int         // faults that happened

	notify func(p *simPayment, delay time.Duration, content map[string]any)
	judge  func(p *simPayment, c tilltest.WireCall) string // what is wrong with a command's call when it is sent
}

func newSimBank(seed uint64) *simBank {
	signer := &tilltest.Office{Key: tilltest.TheOffice().Key, Verifier: tilltest.TheOffice().Verifier,
		Signed: map[string]string{}, Facts: map[string][]apo.Verified{}}
	return &simBank{seed: seed, office: signer, payments: map[string]*simPayment{}, refunds: map[string]*simPayment{},
		befell: map[string]int{}}
}

// register makes a payment known to the simulation, and to APO if it exists.
func (b *simBank) register(id string, minor int64, mode events.CaptureMode) *simPayment {
	b.mu.Lock()
	defer b.mu.Unlock()
	var n uint64
	for _, c := range []byte(id) {
		n = n*131 + uint64(c)
	}
	p := &simPayment{order: id, id: "pay-" + id, request: "preq-" + id, minor: minor, first: minor, mode: mode,
		closedAt: time.Now(),
		calling:  map[string]int{},
		chance:   rand.New(rand.NewPCG(b.seed, n)), state: apo.StateProcessing, finals: map[string]simFinal{},
		asked: map[string]tilltest.WireCall{}}
	p.forgets, p.strict = p.per(500), p.per(500)
	b.payments[p.id], b.payments[p.request] = p, p
	return p
}

// at lets something happen to a payment, by the ledger's rules.
func (b *simBank) at(p *simPayment, happen func(now time.Time)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.age(time.Now())
	happen(time.Now())
}

func (b *simBank) wrong(format string, args ...any) {
	b.wrongs = append(b.wrongs, fmt.Sprintf(format, args...))
}

// The line's faults. Each is told by its name in the report.
const (
	lineGood       = "answered"
	lineCutBefore  = "cut before"
	lineCutAfter   = "cut after"
	lineU          = "U, not done"
	lineUDone      = "U, done"
	lineOddF       = "odd F, not done"
	lineOddFDone   = "odd F, done"
	lineDieBefore  = "process died before the call"
	lineDieAfter   = "process died after the call"
	lineMute       = "mute for days"
	lineSlow       = "slow"
	lineBalance    = "F, not done"
	lineBeside     = "refunds beside each other"
	lineTakenBack  = "taken back: "
	lineKeysForgot = "keys forgotten"
	lineRaised     = "raised"

	lineRaiseFailed = "raise failed"
	linePaidAgain   = "paid after it had failed"
	lineUnknownKind = "a line of an unknown kind"
	lineNameless    = "a refund without a name"
	lineSettled     = "settled by a person"
)

// line draws what becomes of a call.
func (b *simBank) line(p *simPayment, inquiry bool) string {
	drawn := p.chance.IntN(1000)
	switch {
	case b.calm:
		return lineGood
	case time.Now().Before(p.mute):
		return lineMute
	}
	for _, f := range []struct {
		name  string
		mille int
	}{{lineCutBefore, 50}, {lineCutAfter, 50}, {lineU, 30}, {lineUDone, 30}, {lineDieBefore, 6}, {lineDieAfter, 10},
		{lineOddF, 15},
		{lineOddFDone, 10}, {lineSlow, 40}} {
		if drawn -= f.mille; drawn < 0 {
			if inquiry && (f.name == lineOddF || f.name == lineOddFDone || f.name == lineSlow) {
				return lineU
			}
			return f.name
		}
	}
	if p.per(6) {
		p.mute = time.Now().Add(9 * 24 * time.Hour)
	}
	return lineGood
}

// connected is a call on its way: it holds the ledger's lock but while it is on the line. Nobody else may ask for what
// it asks for meanwhile. Something else may be asked for: a notification can end an operation before its answer comes.
func (b *simBank) connected(ctx context.Context, s *simProcess, p *simPayment, what string, inquiry bool,
	arrive func(fault string) bool) (answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.calling[what]++; p.calling[what] > 1 {
		b.wrong("%s: %s is asked for while it is being asked for", p.order, what)
	}
	defer func() { p.calling[what]-- }()
	fault := b.line(p, inquiry)
	b.befell[fault]++
	if fault == lineDieBefore || s.dead.Load() {
		s.die()
		return false
	}
	b.travel(ctx, p)
	p.age(time.Now())
	delivered := fault != lineCutBefore && ctx.Err() == nil && arrive(fault)
	b.travel(ctx, p)
	switch fault {
	case lineCutBefore, lineCutAfter, lineMute:
		b.mu.Unlock()
		<-ctx.Done()
		b.mu.Lock()
		return false
	case lineDieAfter:
		s.die()
		return false
	}
	return delivered && ctx.Err() == nil
}

// travel is the time that one way takes.
func (b *simBank) travel(ctx context.Context, p *simPayment) {
	way := within(p.chance, 3*time.Second)
	b.mu.Unlock()
	defer b.mu.Lock()
	select {
	case <-time.After(way):
	case <-ctx.Done():
	}
}

// command takes one command's call.
func (b *simBank) command(ctx context.Context, s *simProcess, c tilltest.WireCall,
	do func(p *simPayment, slow bool) (simFinal, *simMove)) (apo.Answer, map[string]any) {
	b.mu.Lock()
	p := b.payments[c.Payment]
	if p == nil {
		b.wrong("%s of %q, which nobody ever heard of", c.Op, c.Payment)
		b.mu.Unlock()
		return apo.Answer{}, nil
	}
	if problem := b.judge(p, c); problem != "" && !s.dead.Load() {
		b.wrong("%s: %s of %d as %q: %s", p.order, c.Op, c.Minor, c.Request, problem)
	}
	b.mu.Unlock()
	var done simFinal
	answered := b.connected(ctx, s, p, strings.TrimSpace(string(c.Op)+" "+c.Request), false, func(fault string) bool {
		switch fault {
		case lineU:
			done = simFinal{status: "U", code: "UNKNOWN_EXCEPTION"}
			return true
		case lineOddF:
			done = simRefusal("SOMETHING_NEW")
			return true
		case lineMute:
			if p.per(500) {
				return false
			}
		}
		done = b.once(p, c, fault, do)
		switch fault {
		case lineUDone:
			done = simFinal{status: "U", code: "UNKNOWN_EXCEPTION"}
		case lineOddFDone:
			done = simRefusal("SOMETHING_ELSE")
		}
		return true
	})
	if !answered {
		return apo.Answer{Err: fmt.Errorf("%s: %w", c.Op, tilltest.ErrLost)}, nil
	}
	content := map[string]any{"result": tilltest.Result(done.status, done.code)}
	maps.Copy(content, done.extra)
	class := apo.Classify(c.Op, done.status, done.code)
	a := apo.Answer{Class: class, Status: done.status, Code: done.code, HTTPStatus: http.StatusOK,
		Evidence: unsignedEvidence(c.Op, content)}
	if class == apo.Unknown || class == apo.UnknownFailure {
		a.Err = fmt.Errorf("%s: %s with code %q", c.Op, done.status, done.code)
	}
	return a, done.extra
}

// once does a command's work, unless APO remembers that it has done it.
func (b *simBank) once(p *simPayment, c tilltest.WireCall, fault string,
	do func(*simPayment, bool) (simFinal, *simMove)) simFinal {
	known, replay := p.finals[c.Request]
	if replay && p.forgets && time.Since(known.at) >= keysLast {
		b.befell[lineKeysForgot]++
		replay = false
	}
	if replay && c.Request != "" {
		return known.again()
	}
	if c.Op == apo.OpRefund && !b.calm && p.per(30) {
		b.befell[lineBalance]++
		done := simRefusal("MERCHANT_BALANCE_NOT_ENOUGH")
		done.at = time.Now()
		p.finals[c.Request] = done
		return done
	}
	done, moved := do(p, fault == lineSlow)
	done.at, done.moved = time.Now(), moved
	if c.Request != "" {
		p.finals[c.Request] = done
	}
	if moved == nil {
		return done
	}
	for _, m := range slices.Concat(p.captures, p.refunds) {
		if m != moved && m.request == c.Request && m.alive() {
			b.wrong("%s: %s is done twice as %q", p.order, c.Op, c.Request)
		}
	}
	b.finish(p, c.Op, moved, fault == lineSlow)
	return done
}

// finish ends what APO works on, in seconds or in weeks, and tells it.
func (b *simBank) finish(p *simPayment, op apo.Op, m *simMove, slow bool) {
	takes := within(p.chance, time.Minute)
	if slow {
		takes = within(p.chance, 20*24*time.Hour)
	}
	fails := m.state == apo.StateProcessing && !b.calm && p.per(80)
	go func() {
		time.Sleep(takes)
		b.mu.Lock()
		defer b.mu.Unlock()
		p.age(time.Now())
		b.end(p, op, m, fails)
	}()
}

// end is a movement's final word.
func (b *simBank) end(p *simPayment, op apo.Op, m *simMove, fails bool) {
	if m.state == apo.StateProcessing {
		m.state, m.at = apo.StateSuccess, time.Now()
		if fails {
			m.state = apo.StateFail
		}
	}
	b.tellEnd(p, op, m)
	if m.state == apo.StateSuccess && !b.calm && p.per(40) {
		b.takeBackLater(p, op, m)
	}
}

// takeBackLater has APO say some days later that what was done has failed after all, as long as nothing rests on it.
func (b *simBank) takeBackLater(p *simPayment, op apo.Op, m *simMove) {
	after := within(p.chance, 5*day)
	go func() {
		time.Sleep(after)
		b.mu.Lock()
		defer b.mu.Unlock()
		p.age(time.Now())
		if op == apo.OpCapture && (p.gone() > 0 || p.state != apo.StateSuccess || p.late) {
			return
		}
		m.state, m.takenBack = apo.StateFail, true
		b.befell[lineTakenBack+string(op)]++
		b.tellEnd(p, op, m)
	}()
}

// tellEnd notifies of how a movement ended.
func (b *simBank) tellEnd(p *simPayment, op apo.Op, m *simMove) {
	n := tilltest.Notice{Payment: p.id, Transfer: m.id, Request: m.request, Minor: m.minor, At: m.at}
	if m.state == apo.StateFail {
		n.Code = "PROCESS_FAIL"
	}
	if op == apo.OpCapture {
		b.notify(p, 0, n.Content("CAPTURE_RESULT", "captureId", "captureRequestId", "captureAmount", "captureTime"))
		return
	}
	n.Payment = "" // APO's refund notifications name none
	content := n.Content("REFUND_RESULT", "refundId", "refundRequestId", "refundAmount", "refundTime")
	content["refundStatus"] = string(m.state)
	b.notify(p, 0, content)
}

// unsignedEvidence is an answer as it would be kept. Nobody checks its signature here, and signing is what costs most.
func unsignedEvidence(op apo.Op, content map[string]any) *apo.Evidence {
	return &apo.Evidence{Method: http.MethodPost, Path: "/ams/api/v1/payments/" + string(op),
		ClientID: tilltest.TestClient, Time: tilltest.OfficeTime, KeyVersion: "1",
		Signature: "bm9ib2R5IHNpZ25lZA==", Body: []byte(tilltest.Encode(content))}
}
