package stories

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// storyActs are the steps of given and when. ID is an order's, N is minor units, CMD a command's id, TIME is 90s, 15m,
// 1h or 7d.
func storyActs() []storyStep {
	return slices.Concat(worldSteps(), apoSteps(), commandSteps(), crowdSteps(), timeSteps(), mailSteps(), troubleSteps(),
		disputeSteps())
}

// behave chooses how APO behaves, which must be known before anything else happens.
func behave(form string, change func(*apotest.Behaviour, args) error) storyStep {
	return storyStep{form, func(s *story, a args) error {
		if s.server != nil {
			return errors.New("how APO behaves must be said first")
		}
		return change(&s.behaviour, a)
	}}
}

// does is a step in a world that has begun.
func does(form string, do func(s *story, a args) error) storyStep {
	return storyStep{form, func(s *story, a args) error {
		s.begin()
		return do(s, a)
	}}
}

func worldSteps() []storyStep {
	return []storyStep{
		behave("an APO that refuses to cancel twice",
			func(b *apotest.Behaviour, _ args) error { b.RefuseSecondCancel = true; return nil }),
		behave("an APO that works on refunds for a while",
			func(b *apotest.Behaviour, _ args) error { b.AsyncRefund = true; return nil }),
		behave("an APO that forgets request ids after {time}", func(b *apotest.Behaviour, a args) (err error) {
			b.ForgetKeysAfter, err = a.time("time")
			return err
		}),
		does("an order {id} of {n} with {mode} capture", func(s *story, a args) error { return s.sell(a, true) }),
		does("the order {id} of {n} with {mode} capture is placed after all",
			func(s *story, a args) error { return s.place(a) }),
		does("an order {id} of {n} with {mode} capture and a known payment", func(s *story, a args) error {
			a["payment"] = "pay-" + a["id"]
			return s.sell(a, true)
		}),
		does("APO knows a payment {id} of {n} with {mode} capture", func(s *story, a args) error { return s.sell(a, false) }),
		does("an authorized order {id} of {n}", func(s *story, a args) error {
			a["mode"] = "manual"
			return errors.Join(s.sell(a, true), s.server.Submit(preq(a)), s.arrive(inOrder))
		}),
		does("a paid order {id} of {n}", func(s *story, a args) error {
			a["mode"] = "no"
			return errors.Join(s.sell(a, true), s.server.Submit(preq(a)), s.arrive(inOrder))
		}),
		does("a captured order {id} of {n}", func(s *story, a args) error {
			a["mode"] = "automatic"
			return errors.Join(s.sell(a, true), s.server.Submit(preq(a)), s.server.FinishCapture(preq(a), true),
				s.arrive(inOrder))
		}),
	}
}

// plainPlay is a play of the buyer, the bank or the dashboard.
func plainPlay(form string, play func(*apotest.Server, string) error) storyStep {
	return does(form, func(s *story, a args) error { return play(s.server, preq(a)) })
}

func apoSteps() []storyStep {
	elsewhere := func(form string, play func(*apotest.Server, string, int64) (string, error)) storyStep {
		return does(form, func(s *story, a args) error {
			n, err := a.minor("n")
			if err != nil {
				return err
			}
			_, err = play(s.server, preq(a), n)
			return err
		})
	}
	return []storyStep{
		plainPlay("the buyer pays for {id}", (*apotest.Server).Submit),
		plainPlay("the buyer pays late for {id}", (*apotest.Server).PayLate),
		plainPlay("the bank declines {id}", (*apotest.Server).Decline),
		plainPlay("APO finishes the capture of {id}",
			func(s *apotest.Server, id string) error { return s.FinishCapture(id, true) }),
		plainPlay("APO finishes the refund of {id}",
			func(s *apotest.Server, id string) error { return s.FinishRefund(id, true) }),
		plainPlay("APO fails the refund of {id}",
			func(s *apotest.Server, id string) error { return s.FinishRefund(id, false) }),
		plainPlay("APO takes the capture of {id} back", (*apotest.Server).FailCapture),
		plainPlay("APO takes the refund of {id} back", (*apotest.Server).FailRefund),
		plainPlay("APO takes the payment of {id} back", (*apotest.Server).FailPayment),
		elsewhere("APO says that the payment of {id} was of {n}",
			func(s *apotest.Server, id string, n int64) (string, error) { return id, s.CorrectPayment(id, n) }),
		plainPlay("APO refuses inquiries about {id}",
			func(s *apotest.Server, id string) error { return s.DenyInquiries(id, true) }),
		elsewhere("{n} of {id} is captured at the dashboard", (*apotest.Server).DashboardCapture),
		elsewhere("{n} of {id} is refunded at the dashboard", (*apotest.Server).DashboardRefund),
		elsewhere("the authorization of {id} is raised to {n}", (*apotest.Server).RaiseAuthorization),
		elsewhere("the bank declines to raise the authorization of {id} to {n}",
			func(s *apotest.Server, id string, n int64) (string, error) {
				request, err := s.StartRaise(id, n)
				return request, errors.Join(err, s.FinishRaise(id, false))
			}),
		does("APO shows the refunds of {id} and not yet its captures",
			func(s *story, a args) error { return s.showRefunds(a) }),
		does("APO's fault: {script...}", func(s *story, a args) error {
			faults, err := apotest.ParseScript([]byte(a["script"]))
			if err != nil {
				return err
			}
			return s.server.Script(faults...)
		}),
		does("APO's faults are over", func(s *story, _ args) error { s.server.ClearScript(); return nil }),
	}
}

func commandSteps() []storyStep {
	return []storyStep{
		does("cancel {id} as {cmd}", func(s *story, a args) error { return s.cancel(s.ctx, a) }),
		does("cancel {id} as {cmd}, and the caller hangs up during the call", func(s *story, a args) error {
			ctx, hangUp := context.WithCancel(s.ctx)
			s.process.hangUp = hangUp
			defer func() { s.process.hangUp = nil; hangUp() }()
			return s.cancel(ctx, a)
		}),
		does("capture {n} of {id} as {cmd}", func(s *story, a args) error {
			n, err := a.minor("n")
			s.result, s.err = s.process.orders.Capture(s.ctx, a["id"], order.Capture{CommandID: a["cmd"],
				Amount: tilltest.USD(n)})
			return err
		}),
		does("refund {n} of {id} as {cmd}", func(s *story, a args) error {
			n, err := a.minor("n")
			s.result, s.err = s.process.orders.Refund(s.ctx, a["id"], order.Refund{CommandID: a["cmd"], Amount: tilltest.USD(n)})
			return err
		}),
		does("compensate {id} as {cmd}", func(s *story, a args) error {
			s.result, s.err = s.process.orders.Compensate(s.ctx, a["id"], order.Compensate{CommandID: a["cmd"]})
			return nil
		}),
		does("{actor} resolves {id} as failed as {cmd}", func(s *story, a args) error {
			s.result, s.err = s.process.orders.Resolve(s.ctx, a["id"], order.Resolve{CommandID: a["cmd"],
				Resolution: events.ResolvedFailed, Statement: "APO support says that it was never done", Actor: a["actor"]})
			return nil
		}),
		does("{actor} resolves {id} as failed as {cmd}, overriding APO's silence", func(s *story, a args) error {
			s.result, s.err = s.process.orders.Resolve(s.ctx, a["id"], order.Resolve{CommandID: a["cmd"], Override: true,
				Resolution: events.ResolvedFailed, Statement: "APO support says that it was never done", Actor: a["actor"]})
			return nil
		}),
		does("{id} is reconciled", func(s *story, a args) error {
			_, s.err = s.process.orders.Reconcile(s.ctx, a["id"])
			s.result = tilltape.Result{Outcome: tilltape.OutcomeOf(s.err)}
			return nil
		}),
	}
}

func timeSteps() []storyStep {
	return []storyStep{
		does("{time} pass", func(s *story, a args) error {
			d, err := a.time("time")
			s.clock.Advance(d)
			return err
		}),
		does("the clock goes back {time}", func(s *story, a args) error {
			d, err := a.time("time")
			s.clock.Advance(-d)
			return err
		}),
		does("settling runs", func(s *story, _ args) error { return s.settle() }),
		does("settling runs for {time}", func(s *story, a args) error {
			d, err := a.time("time")
			if err != nil {
				return err
			}
			return s.settleFor(d)
		}),
	}
}

func mailSteps() []storyStep {
	return []storyStep{
		does("the notifications arrive", func(s *story, _ args) error { return s.arrive(inOrder) }),
		does("the notifications arrive twice", func(s *story, _ args) error {
			return s.arrive(func(ns []apotest.Notification) []apotest.Notification { return append(ns, ns...) })
		}),
		does("the notifications arrive in reverse", func(s *story, _ args) error {
			return s.arrive(func(ns []apotest.Notification) []apotest.Notification { slices.Reverse(ns); return ns })
		}),
		does("the notifications are lost", func(s *story, _ args) error {
			s.collect()
			if len(s.mail) == 0 {
				return errors.New("there is none to lose")
			}
			s.mail = nil
			return nil
		}),
		does("all that ever arrived is replayed", func(s *story, _ args) error { return s.deliver(s.heard, asSent) }),
		does("the notifications arrive with another amount", func(s *story, _ args) error {
			s.collect()
			return s.deliver(s.mail, func(r *http.Request) {
				var b bytes.Buffer
				_, err := b.ReadFrom(r.Body)
				if err == nil {
					tilltest.Body(r, bytes.ReplaceAll(b.Bytes(), []byte(`"1000"`), []byte(`"9000"`)))
				}
			})
		}),
		does("the notifications arrive unsigned", func(s *story, _ args) error {
			s.collect()
			return s.deliver(s.mail, func(r *http.Request) { r.Header.Del("Signature") })
		}),
	}
}

func troubleSteps() []storyStep {
	disk := func(form string, fault tilltest.AppendFault) storyStep {
		return does(form, func(s *story, a args) error {
			kind := events.Kind(a["kind"] + ".v1")
			if !slices.Contains(events.Kinds(), kind) {
				return fmt.Errorf("there is no fact %q", kind)
			}
			s.faults.OnAppend = tilltest.On(kind, fault, -1) // each: a single one that fails is tried again, and nobody notices
			return nil
		})
	}
	return []storyStep{
		disk("the log refuses every {kind}", tilltest.AppendFails),
		disk("the log takes every {kind} and does not say so", tilltest.AppendAnswers),
		does("the log works again", func(s *story, _ args) error { s.faults.OnAppend = nil; return nil }),
		does("the process will die {where...}", func(s *story, a args) error {
			if !slices.Contains(deaths, a["where"]) {
				return fmt.Errorf("a process dies %s", strings.Join(deaths, " or "))
			}
			s.process.dying = a["where"]
			return nil
		}),
		does("the process starts again", func(s *story, _ args) error { return s.restart() }),
	}
}

func inOrder(ns []apotest.Notification) []apotest.Notification { return ns }

func preq(a args) string { return "preq-" + a["id"] }

func (a args) minor(name string) (int64, error) { return strconv.ParseInt(a[name], 10, 64) }

// time reads what time.ParseDuration does, and days.
func (a args) time(name string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(a[name], "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(a[name])
}

// storyModes are how a payment is taken, in the words of both sides.
var storyModes = map[string]struct {
	method string
	apo    apotest.CaptureMode
	ours   events.CaptureMode
}{
	"manual":    {apotest.MethodCard, apotest.Manual, order.CaptureManual},
	"automatic": {apotest.MethodCard, apotest.Automatic, order.CaptureAutomatic},
	"no":        {"ALIPAY_CN", "", order.CaptureNone},
}

// sell registers a payment at APO, and places the order here if it is ours.
func (s *story) sell(a args, ours bool) error {
	n, err := a.minor("n")
	if err != nil {
		return err
	}
	mode, ok := storyModes[a["mode"]]
	if !ok {
		return fmt.Errorf("capture is manual, automatic or no, not %q", a["mode"])
	}
	if _, err := s.server.Register(apotest.Payment{PaymentRequestID: preq(a), PaymentID: "pay-" + a["id"],
		Method: mode.method, Capture: mode.apo,
		Amount: apotest.Amount{Currency: tilltest.TestCurrency, Minor: n}}); err != nil || !ours {
		return err
	}
	return s.place(a)
}

// place places an order whose payment APO knows.
func (s *story) place(a args) error {
	mode := storyModes[a["mode"]]
	n, err := a.minor("n")
	if err != nil {
		return err
	}
	_, err = s.process.orders.Create(s.ctx,
		order.Create{OrderID: a["id"], PaymentRequestID: preq(a), PaymentID: a["payment"], Amount: tilltest.USD(n),
			Method: mode.method, CaptureMode: mode.ours, PayBy: s.clock.Now().Add(14 * time.Minute)})
	return err
}

func (s *story) cancel(ctx context.Context, a args) error {
	s.result, s.err = s.process.orders.Cancel(ctx, a["id"], order.Cancel{CommandID: a["cmd"]})
	return nil
}

// settle makes one pass. A dead process settles nothing, and a log that fails is the story's own doing.
func (s *story) settle() error {
	_, err := s.process.orders.SettleDue(s.ctx)
	if errors.Is(err, tilltest.ErrDisk) || errors.Is(err, tilltest.ErrDead) {
		return nil
	}
	return err
}

// settleFor passes time, and settles whenever something is due.
func (s *story) settleFor(d time.Duration) error {
	const pace = 10 * time.Minute
	for end := s.clock.Now().Add(d); s.clock.Now().Before(end); s.clock.Advance(pace) {
		if err := s.settle(); err != nil {
			return err
		}
	}
	return s.settle()
}
