package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
)

// holding is an answer that was found true, of the version that it is true of.
type holding struct {
	told
	version int
}

// judge finds the first version of the order that an answer can be true of, which is none before what an answer showed
// that had been given before this one was asked for. Where there is none it says what is wrong.
func (c *crowd) judge(a *told, p past, held []holding) (version int, lie string) {
	least := 0
	for _, h := range held {
		if h.answered < a.asked {
			least = max(least, h.version)
		}
	}
	switch a.status {
	case http.StatusOK:
		return done(a, p, held)
	case http.StatusCreated:
		return c.placed(a, p, least)
	case http.StatusAccepted:
		return open(a, p, least)
	case http.StatusConflict:
		return refused(a, p, least)
	case http.StatusServiceUnavailable: // which says nothing of the order
		said, err := problemIn(a)
		if err != nil || a.header.Get("Retry-After") == "" ||
			said.Type != problem.TypeBase+"unavailable" && said.Type != problem.TypeBase+"in-doubt" {
			return 0, fmt.Sprint("no such problem: ", err)
		}
		return 0, ""
	}
	return 0, "not an answer to this"
}

// done: the command has succeeded, and the order is as it left it, whenever that is asked for again.
func done(a *told, p past, held []holding) (version int, lie string) {
	for _, h := range held {
		if h.key == a.key && h.status == a.status && h.body != a.body {
			return 0, "it was another answer before: " + h.body
		}
	}
	return first(a, p, 0, func(o *order.Order, _ orderView) bool {
		return o.Command(a.key).Outcome == order.OutcomeSucceeded
	})
}

// placed: APO knows of the payment, and the order is as it stands; as long as nobody has paid it says where to.
func (c *crowd) placed(a *told, p past, least int) (version int, lie string) {
	if at := a.header.Get("Location"); at != "/orders/"+a.order {
		return 0, "Location is " + at
	}
	return first(a, p, least, func(o *order.Order, v orderView) bool {
		there := strings.HasPrefix(v.PayURL, c.gateway)
		return o.Command(a.key).Outcome == order.OutcomeSucceeded && o.PaymentID != "" &&
			(there || v.PayURL == "" && o.Status != order.Created)
	})
}

// open: the command is on record and was not decided. Of an order that is placed it is the pay call that is open.
func open(a *told, p past, least int) (version int, lie string) {
	if at := a.header.Get("Location"); at != "/orders/"+a.order {
		return 0, "Location is " + at
	}
	if a.header.Get("Retry-After") == "" {
		return 0, "it does not say when to come again"
	}
	if !isProblem(a) {
		return first(a, p, least, func(o *order.Order, v orderView) bool {
			return o.Command(a.key).Outcome == order.OutcomePending && v.Words != v.Status
		})
	}
	said, err := problemIn(a)
	if err != nil || said.Type != problem.TypeBase+"unknown" || !strings.Contains(said.Remedy, "again") {
		return 0, fmt.Sprint("no such problem: ", err)
	}
	for i := max(least, 1); i <= len(p.states); i++ {
		o := &p.states[i-1]
		switch state := o.Command(a.key); {
		case a.path == "/orders" && state.Outcome == order.OutcomeSucceeded && o.Status == order.Created:
			return i, ""
		case a.path != "/orders" && state.Outcome == order.OutcomePending && said.CommandID == a.key:
			return i, ""
		}
	}
	return 0, "it was never open"
}

// refused: the order was in a state in which the law says the same no, and nothing of the command is on record.
func refused(a *told, p past, least int) (version int, lie string) {
	said, err := problemIn(a)
	if err != nil || said.Type != problem.TypeBase+"refused" {
		return 0, fmt.Sprint("no such problem: ", err)
	}
	if late := strings.HasPrefix(a.key, "late-"); late && (said.Reason != "captured" ||
		p.last().Command(a.key).Outcome != order.OutcomeUnknown) {
		return 0, "the cancel came too late, and something else was done"
	}
	command, err := commandOf(a)
	if err != nil {
		return 0, err.Error()
	}
	var would error
	for i := max(least, 1); i <= len(p.states); i++ {
		_, would = order.Decide(p.states[i-1], command, order.Env{Now: time.Now(), NewID: func() string { return "id" },
			Policy: order.Policy{Lease: time.Minute}})
		if no, is := errors.AsType[*order.RejectedError](would); is && no.Error() == said.Detail &&
			no.Reason.String() == said.Reason && no.Remedy == said.Remedy {
			return i, ""
		}
	}
	return 0, fmt.Sprint("the law would not have said so, but ", would)
}

// commandOf is the command that a request was.
func commandOf(a *told) (order.Command, error) {
	var sent struct {
		Amount amount
		Reason string
	}
	if err := json.Unmarshal([]byte(a.sent), &sent); err != nil {
		return nil, err
	}
	money := order.Money(sent.Amount)
	switch a.path[strings.LastIndex(a.path, "/")+1:] {
	case "cancel":
		return order.Cancel{CommandID: a.key, Reason: sent.Reason, Actor: actor}, nil
	case "capture":
		return order.Capture{CommandID: a.key, Amount: money, Actor: actor}, nil
	case "refund":
		return order.Refund{CommandID: a.key, Amount: money, Reason: sent.Reason, Actor: actor}, nil
	}
	return nil, errors.New("an order that is placed is not refused")
}

// first finds the first version from the least on of which holds is true and that looks as the answer says.
func first(a *told, p past, least int, holds func(*order.Order, orderView) bool) (version int, lie string) {
	var said orderView
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&said); err != nil {
		return 0, err.Error()
	}
	shown := said
	shown.PayURL = ""
	for i := max(least, 1); i <= len(p.states); i++ {
		o := &p.states[i-1]
		if holds(o, said) && assert.ObjectsAreEqual(viewOf(o), shown) {
			return i, ""
		}
	}
	return 0, fmt.Sprintf("from version %d on the order never was this", least)
}

func isProblem(a *told) bool { return a.header.Get("Content-Type") == problem.ContentType }

// problemIn is the problem that an answer is, of the answer's status and with a remedy.
func problemIn(a *told) (p problem.Problem, err error) {
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&p); err != nil {
		return p, err
	}
	if !isProblem(a) || p.Status != a.status || p.Remedy == "" {
		return p, fmt.Errorf("%+v is no problem of %d", p, a.status)
	}
	return p, nil
}
