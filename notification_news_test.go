package tilltape_test

import (
	"context"
	"iter"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// What else happens to the order meanwhile says nothing about the notification: that is told by its own append alone.
func TestADuplicateIsOneWhateverElseIsRecordedMeanwhile(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x, n := told(t, log, earConfig{})
	require.True(t, x.deliver())
	before, err := x.orders.Get(x.ctx, "o-1")
	require.NoError(t, err)
	require.Equal(t, order.Authorized, before.Status)
	log.read = func() error {
		log.read = nil
		_, err := x.orders.Capture(x.ctx, "o-1", order.Capture{Amount: usd(thePart)})
		return err
	}
	status, _ := x.send(n, nil)
	require.Equal(t, http.StatusOK, status)
	require.Greater(t, x.order("o-1").Version, before.Version, "it changed while the notification was under way")
	assert.Equal(t, tilltape.NotificationStats{Received: 2, Acknowledged: 2, Duplicate: 1}, x.handler.Stats())
}

// An append whose answer is lost is tried again and succeeds once: the notification was news all the same.
func TestANotificationWhoseAppendIsTriedAgainIsNews(t *testing.T) {
	log := &flaky{Log: memory.New(), append: on(events.KindPaymentAuthorized, appendAnswers, 1)}
	x, _ := told(t, log, earConfig{})
	require.True(t, x.deliver())
	assert.Equal(t, tilltape.NotificationStats{Received: 1, Acknowledged: 1}, x.handler.Stats())
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
	x, n := told(t, log, earConfig{})
	require.True(t, x.deliver())
	log.lookups, log.heads, log.reads = 0, 0, 0
	status, _ := x.send(n, nil)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, []int{1, 0, 1}, []int{log.lookups, log.heads, log.reads}, "lookups, heads, reads")
}
