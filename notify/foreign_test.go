package notify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// ofType is a notification of a type that no order has, about a payment.
func ofType(kind, paymentID string) string {
	return fmt.Sprintf(`{"notifyType":%q,"paymentId":%q,%s}`, kind, paymentID, resultS)
}

// What is no order's business is counted by type, and acknowledged where somebody has said that nobody wants it.
func TestTypesThatNoOrderHasAreCountedAndAcknowledgedWhereWanted(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(),
		tilltest.EarConfig{Notify: notify.Config{AcknowledgeTypes: []string{"CARD_STATUS"}}})
	x.Sell("o-1")
	for text, want := range map[string]int{
		ofType("CARD_STATUS", "nobody"):                             http.StatusOK,
		ofType("VAULTING", "nobody"):                                http.StatusUnprocessableEntity,
		`{"subscriptionNotificationType":"CREATE",` + resultS + `}`: http.StatusUnprocessableEntity,
		`{` + resultS + `}`:                                         http.StatusUnprocessableEntity,
	} {
		status, body := x.Send(signed(x, text), nil)
		assert.Equal(t, want, status, text)
		assert.Equal(t, want == http.StatusOK, body == apo.Acknowledgement, text)
	}
	x.Untouched()
	s := x.Handler.Stats()
	assert.Equal(t, notify.Stats{Received: 4, Foreign: 3, Ignored: 1,
		Types: map[string]uint64{"CARD_STATUS": 1, "VAULTING": 1, "CREATE": 1, "": 1}}, s)
	s.Types["VAULTING"] = 7
	assert.EqualValues(t, 1, x.Handler.Stats().Types["VAULTING"], "the counts are the caller's")
	assert.Equal(t, 1, strings.Count(x.Said.String(), "level=WARN"), "the rest is only counted for a while")
}

func TestTypesAreBounded(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{})
	for i := range notify.TypesMax + 5 {
		x.Send(signed(x, ofType(fmt.Sprint("T", i), "nobody")), nil)
	}
	x.Send(signed(x, ofType("T0", "nobody")), nil)
	s := x.Handler.Stats()
	assert.Len(t, s.Types, notify.TypesMax+1)
	assert.EqualValues(t, 5, s.Types[notify.OtherTypes])
	assert.EqualValues(t, 2, s.Types["T0"], "one that is counted goes on being so")
	for name, types := range map[string][]string{"too many": make([]string, notify.TypesMax+1), "nameless": {"A", ""}} {
		v, err := apo.NewVerifier("c-1", x.Server.Keys(), nil)
		require.NoError(t, err)
		_, err = notify.NewHandler(x.Orders, v, &notify.Config{AcknowledgeTypes: types})
		require.ErrorIs(t, err, tilltape.ErrConfig, name)
	}
}

// What names an order here is kept with it, whatever its type: nobody else would keep it, and APO need not tell again.
func TestWhatNobodyUnderstandsOfAnOrderIsKeptWithIt(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{Notify: notify.Config{AcknowledgeTypes: []string{"CARD_STATUS"}}})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.True(t, x.Deliver())
		for i, text := range []string{
			ofType("CARD_STATUS", "pay-o-1"),
			`{"notifyType":"PAYMENT_RESULT","paymentId":"pay-o-1","paymentAmount":{"currency":"USD","value":"1e99"},` +
				resultS + `}`,
			`{"notifyType":"PAYMENT_RESULT","paymentRequestId":"preq-o-1","result":{"resultStatus":"U","resultCode":"X"}}`,
			`{"disputeNotificationType":"DISPUTE_JUDGED","disputeId":"D1","paymentId":"pay-o-1","disputeJudgedResult":"SPLIT"}`,
			`{"notifyType":"CAPTURE_RESULT","captureId":"C9","paymentId":"pay-o-1","captureAmount":"120.00",` + resultS + `}`,
			`{"notifyType":"REFUND_RESULT","refundId":"F9","paymentId":"pay-o-1","result":{"resultStatus":"U"}}`,
		} {
			for range 2 {
				status, body := x.Send(signed(x, text), nil)
				assert.Equal(t, http.StatusOK, status, text)
				assert.Equal(t, apo.Acknowledgement, body, text)
			}
			o := x.Order("o-1")
			require.Len(t, o.Anomalies, i+1, text)
			assert.Equal(t, events.NotUnderstood, o.Anomalies[i].Reason, text)
			assert.Equal(t, order.Authorized, o.Status, text)
		}
		assert.EqualValues(t, 2, x.Handler.Stats().Types["CARD_STATUS"], "counted all the same")
		assert.EqualValues(t, 6, x.Handler.Stats().Duplicate)
		require.Len(t, x.Order("o-1").Doubts(), 2, "what may have moved money stands in the way of more")
		_, err := x.Orders.Cancel(x.Ctx, "o-1", order.Cancel{})
		require.ErrorIs(t, err, order.ErrRejected)
		_, err = audit.Replay(x.Ctx, log, nil)
		require.NoError(t, err, "the judge of a log takes it as it is")
	})
}
