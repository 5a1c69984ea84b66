package notify_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/store/memory"
)

// strangers send headers that look genuine, and so much of a body, and then nothing. They are there when it returns.
func strangers(x *tilltest.Ear, n apotest.Notification, count, said int) (all []tilltest.Caller) {
	received := x.Handler.Stats().Received
	for range count {
		all = append(all, x.Begin(n, func(h http.Header) {
			h.Set("Signature", apo.Signature{KeyVersion: "1", Value: "AAAA"}.Header())
			h.Set("Content-Length", fmt.Sprint(apo.BodyMax))
		}, bytes.Repeat([]byte(" "), said)))
	}
	require.Eventually(x.T, func() bool { return x.Handler.Stats().Received >= received+uint64(count) }, patience,
		time.Millisecond)
	return all
}

// hangUp has them hang up, and waits until each has its answer and so nobody's place any more. It counts those who had
// none.
func hangUp(t *testing.T, all []tilltest.Caller) (turnedAway uint64) {
	for _, c := range all {
		if answer := c.HangUp(); strings.Contains(answer, "503") {
			turnedAway++
		} else {
			assert.Contains(t, answer, "400")
		}
	}
	return turnedAway
}

// full has strangers take all places, until whoever comes is turned away. On a busy machine whoever comes may be faster
// than a stranger, who is turned away then: they all begin again.
func full(x *tilltest.Ear, n apotest.Notification, count, said int, come func(*http.Request)) (all []tilltest.Caller,
	turnedAway uint64) {
	for begun := time.Now(); time.Since(begun) < patience; {
		before := x.Handler.Stats().Busy
		all = strangers(x, n, count, said)
		for x.Handler.Stats().Busy == before {
			if status, _ := x.Send(n, come); status == http.StatusServiceUnavailable {
				return all, turnedAway + 1
			}
		}
		turnedAway += hangUp(x.T, all)
	}
	require.Fail(x.T, "nobody is turned away")
	return nil, 0
}

// patience is far above what anything here takes on a busy machine, and what a body may take: nobody is turned away
// before a test says so.
const patience = time.Minute

// Strangers who look genuine and send nothing, or too little, must not take the places of genuine notifications.
func TestStrangersWhoSendNoBodyTakeNobodysPlace(t *testing.T) {
	const places = 2
	for _, said := range []int{0, 10, 2 * notify.ShortMax} {
		t.Run(fmt.Sprint(said, " bytes"), func(t *testing.T) {
			t.Parallel()
			x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{Concurrency: places,
				ReadTimeout: patience}})
			all := strangers(x, n, places, said)
			status, _ := x.Send(n, nil)
			assert.Equal(t, http.StatusOK, status)
			assert.Zero(t, hangUp(t, all))
		})
	}
}

// All the same they are bounded, in number and, where they say much, in bytes.
func TestBodiesOnTheirWayAreBounded(t *testing.T) {
	long := bytes.Repeat([]byte(" "), 2*notify.ShortMax)
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{Concurrency: 1, ReadTimeout: patience}})
	lengthen := func(r *http.Request) { tilltest.Body(r, long) }
	all, first := full(x, n, 1, len(long), lengthen)
	assert.Zero(t, hangUp(t, all))
	all, second := full(x, n, notify.Readers, 0, nil)
	assert.Zero(t, hangUp(t, all))
	assert.EqualValues(t, first+second, x.Handler.Stats().Busy)
	status, _ := x.Send(n, lengthen)
	assert.Equal(t, http.StatusUnauthorized, status, "the places are free again")
	require.True(t, x.Deliver())
}
