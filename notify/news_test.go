package notify_test

import (
	"context"
	"iter"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// What else happens to the order meanwhile says nothing about the notification: that is told by its own append alone.
func TestADuplicateIsOneWhateverElseIsRecordedMeanwhile(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x, n := told(t, log, tilltest.EarConfig{})
	require.True(t, x.Deliver())
	before, err := x.Orders.Get(x.Ctx, "o-1")
	require.NoError(t, err)
	require.Equal(t, order.Authorized, before.Status)
	log.OnRead = func() error {
		log.OnRead = nil
		_, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.ThePart)})
		return err
	}
	status, _ := x.Send(n, nil)
	require.Equal(t, http.StatusOK, status)
	require.Greater(t, x.Order("o-1").Version, before.Version, "it changed while the notification was under way")
	assert.Equal(t, notify.Stats{Received: 2, Acknowledged: 2, Duplicate: 1}, x.Handler.Stats())
}

// An append whose answer is lost is tried again and succeeds once: the notification was news all the same.
func TestANotificationWhoseAppendIsTriedAgainIsNews(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New(),
		OnAppend: tilltest.On(events.KindPaymentAuthorized, tilltest.AppendAnswers, 1)}
	x, _ := told(t, log, tilltest.EarConfig{})
	require.True(t, x.Deliver())
	assert.Equal(t, notify.Stats{Received: 1, Acknowledged: 1}, x.Handler.Stats())
}

// counting is a log that counts what it is asked for.
type counting struct {
	store.Log
	lookups, heads, reads int
}

func (c *counting) Lookup(ctx context.Context, k events.Key) (events.Stream, error) {
	c.lookups++
	return c.Log.Lookup(ctx, k)
}

func (c *counting) Head(ctx context.Context, s events.Stream) (store.Head, error) {
	c.heads++
	return c.Log.Head(ctx, s)
}

func (c *counting) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	c.reads++
	return c.Log.Read(ctx, s, after)
}

func TestARedeliveryCostsOneLookupAndOneRead(t *testing.T) {
	log := &counting{Log: memory.New()}
	x, n := told(t, log, tilltest.EarConfig{})
	require.True(t, x.Deliver())
	log.lookups, log.heads, log.reads = 0, 0, 0
	status, _ := x.Send(n, nil)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, []int{1, 0, 1}, []int{log.lookups, log.heads, log.reads}, "lookups, heads, reads")
}
