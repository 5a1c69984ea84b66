package order

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// APO counts the characters of a refund's reason, and so does everything here: a hundred Chinese ones are 300 bytes.
func TestRefund_AReasonIsCountedInCharacters(t *testing.T) {
	for _, char := range []string{"x", "é", "退", "𝄞"} {
		for n, fits := range map[int]bool{0: true, 100: true, RefundReasonMax: true, RefundReasonMax + 1: false} {
			x := in(t, Captured)
			_, err := x.do(Refund{CommandID: "k", Amount: usd(100), Reason: strings.Repeat(char, n)})
			if !fits {
				var invalid *InvalidError
				require.ErrorAs(t, err, &invalid, "%d of %s", n, char)
				assert.Equal(t, []any{"reason", "has 257 characters; give at most 256"}, []any{invalid.Field, invalid.Problem})
				continue
			}
			require.NoError(t, err, "%d of %s", n, char)
			intent := x.log[len(x.log)-1]
			require.NoError(t, intent.Validate(), "a record holds it")
			call, claimed := x.o.Claimed()
			require.True(t, claimed)
			assert.Equal(t, n, utf8.RuneCountInString(call.Reason), "and APO is sent all of it")
		}
	}
	assert.GreaterOrEqual(t, events.TextMax, RefundReasonMax*utf8.UTFMax, "a record holds every reason that APO takes")
}
