package notify_test

import (
	"bytes"
	"fmt"
	"net/http"
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

// strangers send headers that look genuine, and so much of a body, and then nothing. They are there when it returns;
// leave has them hang up, and waits until each has its answer and so nobody's place any more.
func strangers(x *tilltest.Ear, n apotest.Notification, count, said int) (leave func()) {
	received := x.Handler.Stats().Received
	var all []tilltest.Caller
	for range count {
		all = append(all, x.Begin(n, func(h http.Header) {
			h.Set("Signature", apo.Signature{KeyVersion: "1", Value: "AAAA"}.Header())
			h.Set("Content-Length", fmt.Sprint(apo.BodyMax))
		}, bytes.Repeat([]byte(" "), said)))
	}
	require.Eventually(x.T, func() bool { return x.Handler.Stats().Received >= received+uint64(count) }, patience,
		time.Millisecond)
	return func() {
		for _, c := range all {
			assert.Contains(x.T, c.HangUp(), "400")
		}
	}
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
			leave := strangers(x, n, places, said)
			status, _ := x.Send(n, nil)
			assert.Equal(t, http.StatusOK, status)
			leave()
		})
	}
}

// All the same they are bounded, in number and, where they say much, in bytes.
func TestBodiesOnTheirWayAreBounded(t *testing.T) {
	long := bytes.Repeat([]byte(" "), 2*notify.ShortMax)
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{Concurrency: 1, ReadTimeout: patience}})
	busy := func(change func(*http.Request)) func() bool { // once those who are there have said what they say
		return func() bool {
			status, _ := x.Send(n, change)
			return status == http.StatusServiceUnavailable
		}
	}
	lengthen := func(r *http.Request) { tilltest.Body(r, long) }
	leave := strangers(x, n, 1, len(long))
	require.Eventually(t, busy(lengthen), patience, time.Millisecond, "a second long one")
	leave()
	leave = strangers(x, n, notify.Readers, 0)
	require.Eventually(t, busy(nil), patience, time.Millisecond, "whoever comes when they are so many")
	leave()
	assert.EqualValues(t, 2, x.Handler.Stats().Busy)
	status, _ := x.Send(n, lengthen)
	assert.Equal(t, http.StatusUnauthorized, status, "the places are free again")
	require.True(t, x.Deliver())
}
