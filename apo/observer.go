package apo

import (
	"context"
	"time"
)

// Observer is told of the calls that a client makes, for metrics and traces: those of an Orders, and those that nothing
// else tells of, such as the pay call. Either field may be nil. They are called by the goroutine that makes the call,
// many at once. A request that is refused before it is signed is no call.
type Observer struct {
	// Calling comes before a call and returns the context that it is made with: one made of the given one, for instance
	// with a span in it, or nil to leave it as it is. The end of the given one must end it.
	Calling func(context.Context, CallBegun) context.Context
	// Called comes after it, with that context.
	Called func(context.Context, CallMade)
}

// CallBegun is a call that is about to be made.
type CallBegun struct {
	Op Op // of [Client.Call] whatever its caller named: it is out of no list
	// Those of the request; empty where it does not have it.
	PaymentID, PaymentRequestID string
}

// CallMade is a call that is over.
type CallMade struct {
	CallBegun
	Took  time.Duration // signing, exchange and verification, by [Config].Now
	Class Class         // what the answer proves
	Code  string        // APO's; empty where it said nothing
}

// observed makes a call, and tells of it.
func (c *Client) observed(ctx context.Context, r request) (Answer, content) {
	o := c.config.Observer
	if o == nil {
		return c.exchanged(ctx, r)
	}
	begun := CallBegun{Op: r.op, PaymentID: r.asked.paymentID, PaymentRequestID: r.asked.paymentRequestID}
	if o.Calling != nil {
		if made := o.Calling(ctx, begun); made != nil {
			ctx = made
		}
	}
	began := c.config.Now()
	answer, read := c.exchanged(ctx, r)
	if o.Called != nil {
		o.Called(ctx, CallMade{CallBegun: begun, Took: c.config.Now().Sub(began), Class: answer.Class, Code: answer.Code})
	}
	return answer, read
}
