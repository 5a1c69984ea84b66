package notify_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// lengthen has APO say more in a notification than anybody reads, so that it has so many bytes, and signs it.
func lengthen(t *testing.T, n apotest.Notification, size int) apotest.Notification {
	t.Helper()
	const more = `,"extendInfo":"`
	filler := bytes.Repeat([]byte("x"), size-len(n.Body)-len(more)-1)
	body := append(bytes.TrimSuffix(n.Body, []byte("}")), more...)
	n.Body = append(append(body, filler...), `"}`...)
	require.Len(t, n.Body, size)
	signature, err := apo.Message{Method: n.Method, Path: n.Path, ClientID: n.Header.Get("Client-Id"),
		Time: n.Header.Get("Request-Time"), Body: n.Body}.Sign(tilltest.ServerKeys()[1])
	require.NoError(t, err)
	n.Header = n.Header.Clone()
	n.Header.Set("Signature", apo.Signature{KeyVersion: "1", Value: signature}.Header())
	return n
}

// A notification of any length up to the bound is heard, and APO's signature is there over all of it.
func TestALongNotificationIsHeardWhole(t *testing.T) {
	for _, size := range []int{49 << 10, 70_000, apo.BodyMax} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			tilltest.Stores(t, func(t *testing.T, log store.Log) {
				x, n := told(t, log, tilltest.EarConfig{})
				n = lengthen(t, n, size)
				status, body := x.Send(n, nil)
				require.Equal(t, http.StatusOK, status)
				assert.Equal(t, apo.Acknowledgement, body)
				assert.Equal(t, order.Authorized, x.Order("o-1").Status)
				b, err := evidence.Of(x.Ctx, x.Orders.Reader, "o-1")
				require.NoError(t, err)
				require.Len(t, b.Messages, 1)
				e := b.Messages[0].Evidence()
				assert.True(t, bytes.Equal(n.Body, e.Body))
				assert.NoError(t, e.Verify(&tilltest.ServerKeys()[1].PublicKey))
				_, err = audit.Replay(x.Ctx, log, nil)
				assert.NoError(t, err)
			})
		})
	}
}

// One byte more, and it is turned away before anything of it is believed; the next one is heard.
func TestANotificationBeyondTheBoundIsTurnedAway(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	status, _ := x.Send(lengthen(t, n, apo.BodyMax+1), nil)
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	x.Untouched()
	require.True(t, x.Deliver())
}

// Long notifications are few at once, from the first byte until each is on record: what they hold of the memory is
// bounded whatever holds up the log. Short ones go on beside them.
func TestLongNotificationsAreFewAtOnce(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	log := &tilltest.Flaky{Log: memory.New(), OnAppendError: func() error {
		if held.Load() {
			begun <- struct{}{}
			<-release
		}
		return nil
	}}
	x, n := told(t, log, tilltest.EarConfig{})
	x.Sell("o-2")
	held.Store(true)
	long := lengthen(t, n, 2*notify.ShortMax)
	answers := make(chan int, notify.LongMax)
	for range notify.LongMax {
		go func() {
			status, _ := x.Send(long, nil)
			answers <- status
		}()
	}
	for range notify.LongMax {
		<-begun
	}
	status, _ := x.Send(long, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status, "one more")
	held.Store(false)
	require.NoError(t, x.Server.Submit("preq-o-2"))
	status, _ = x.Send(x.Newest(), nil)
	assert.Equal(t, http.StatusOK, status, "a short one")
	close(release)
	for range notify.LongMax {
		assert.Equal(t, http.StatusOK, <-answers)
	}
	require.Eventually(t, func() bool {
		status, _ := x.Send(long, nil)
		return status == http.StatusOK
	}, 5*time.Second, 10*time.Millisecond, "the places are free again")
}
