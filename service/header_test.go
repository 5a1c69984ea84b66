package service_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/order"
)

// The IETF's draft of the header has its value in quotes, and most clients send it without: it is the same command.
func TestTheHeaderMayBeQuoted(t *testing.T) {
	w := newWorld(t)
	w.authorized(t, "o-1")
	require.Equal(t, http.StatusOK, given(w.capture, request(`"capture \"1\" \\"`, captureTen)).Code)
	calls := w.apo.Count()
	rec := given(w.capture, request(`"capture \"1\" \\"`, captureTen))
	assert.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	assert.Equal(t, calls, w.apo.Count(), "the same command")
	o, err := w.Orders.Get(t.Context(), "o-1")
	require.NoError(t, err)
	assert.Equal(t, order.OutcomeSucceeded, o.Command(`capture "1" \`).Outcome, "whose id has no quotes")

	for _, key := range []string{`"`, `""`, `"a`, `"a"b"`, `"a\b"`, `"a\"`, "\"\x7f\"", `"é"`} {
		rec := given(w.capture, request(key, captureTen))
		assert.Equal(t, http.StatusBadRequest, rec.Code, key)
		assert.Contains(t, problemOf(t, rec).Detail, "is no quoted string", key)
	}
	assert.Equal(t, calls, w.apo.Count())
}

func TestABodyThatDoesNotComeInTimeIs408(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, "/orders/o-1/capture", io.MultiReader(strings.NewReader("{"),
		iotest.ErrReader(os.ErrDeadlineExceeded)))
	r.Header.Set("Idempotency-Key", "capture-1")
	rec := given(w.capture, r)
	assert.Equal(t, http.StatusRequestTimeout, rec.Code)
	assert.Equal(t, "the body took too long to come", problemOf(t, rec).Detail)
}
