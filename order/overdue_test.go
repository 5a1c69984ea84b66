package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// ask lets an order be asked about by itself, with the same answer, for as long as it is due.
func (x *till) askForEver(p Picture, atMost int) (asked int, last time.Time) {
	for ; asked < atMost; asked++ {
		due := x.o.NextDue()
		if due.IsZero() {
			break
		}
		if due.After(x.now) {
			x.now = due
		}
		x.inquire(p)
		last = x.now
	}
	return asked, last
}

// What APO never tells the end of is asked about ever more rarely, a person is told, and it has an end.
func TestOverdue_WhatMayNeverComeHasAnEndAndAPerson(t *testing.T) {
	pending := tells(StateProcessing)
	for name, c := range map[string]struct {
		x      *till
		told   Picture
		reason events.AnomalyReason
	}{
		"APO's own capture":            {capturing(t), tells(StateSuccess), events.NoResult},
		"a refund without its capture": {held(t), tells(StateSuccess), events.BeyondAuthorized},
		"a payment in process":         {in(t, Created), pending, events.NoResult},
	} {
		t.Run(name, func(t *testing.T) {
			x := c.x
			x.policy = Policy{Jitter: NoJitter}
			begun := x.now
			asked, last := x.askForEver(c.told, 200)
			assert.Less(t, asked, 100, "it has an end")
			assert.Greater(t, last.Sub(begun), 60*24*time.Hour, "not a hasty one")
			assert.LessOrEqual(t, last.Sub(begun), OverdueMax+ParkedEvery)
			assert.True(t, x.o.NextDue().IsZero())
			told := 0
			for _, a := range x.o.Anomalies {
				if a.Reason == c.reason {
					told++
				}
			}
			assert.Equal(t, 1, told, "a person is told, once")
			assert.Equal(t, "needs attention", x.o.Words())
			replayIsLive(t, x)
		})
	}
}

// held is an order with a refund whose capture nobody has told of.
func held(t *testing.T) *till {
	x := in(t, Authorized)
	x.observe(refunded("F1", 100))
	return x
}
