package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// An authorization without an end, of which nothing more is ever told, is given to a person when it is looked at for
// the last time, and it is looked at whatever is left of the time for that.
func TestOverdue_AnAuthorizationWithoutAnEndEndsWithAPerson(t *testing.T) {
	for _, c := range []struct{ within, known, last time.Duration }{
		{0, 0, DefaultReconcileFor}, {time.Hour, 0, time.Hour}, {time.Hour, 2 * time.Hour, 26 * time.Hour},
		{10 * 24 * time.Hour, 0, 10 * 24 * time.Hour},
	} {
		for _, expires := range []time.Duration{0, 2 * time.Hour} {
			x := placed(t, CaptureManual)
			x.policy = Policy{Jitter: NoJitter, ReconcileFor: c.within}
			x.later(c.known)
			f := authorized()
			if expires > 0 {
				f.Expires = opened.Add(c.known + expires)
			}
			x.observe(f)
			asked, last := x.askForEver(tells(StateSuccess, f), 10)
			assert.Positive(t, asked)
			require.Len(t, x.o.Anomalies, 1, c)
			assert.Equal(t, events.NoResult, x.o.Anomalies[0].Reason)
			if expires == 0 {
				assert.InDelta(t, c.last.Hours(), last.Sub(opened).Hours(), 1, c)
			}
			replayIsLive(t, x)
		}
	}
	x := in(t, Authorized) // whose service looks at nothing by itself
	assert.True(t, x.o.NextDue().IsZero())
	x.inquire(tells(StateSuccess, authorized()))
	assert.Empty(t, x.o.Anomalies)
}

// A time of APO's that lies ahead keeps nothing waiting for longer than one of now.
func TestOverdue_APaymentDatedIntoTheFuture(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	f := authorized()
	f.At = opened.AddDate(100, 0, 0)
	x.observe(f)
	require.Equal(t, GatewayOutstanding, x.o.Gateway)
	assert.Equal(t, opened, x.o.waitingSince())
	gateway := x.log[len(x.log)-1].Version
	x.later(25 * time.Hour)
	x.inquire(tells(StateSuccess, authorized()))
	x.must(statement(gateway, events.ResolvedFailed))
	replayIsLive(t, x)
}
