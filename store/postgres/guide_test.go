package postgres_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store/postgres"
)

// The guide's SQL is run here, in its order, by whoever may do everything, and its Go is that of the Examples.
func TestTheGuideTellsWhatHappens(t *testing.T) {
	page, err := os.ReadFile("../../docs/guides/postgres.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	s, ctx := pgserver.New(t, nil), context.Background()
	var log kept
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```(sql|go|sh)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		kind, text := block[1], block[2]
		switch {
		case kind == "go":
			for line := range strings.Lines(text) {
				assert.Contains(t, string(examples), strings.TrimSpace(line), "code of no Example")
			}
			if strings.Contains(text, "WriteMigrations") {
				var sql bytes.Buffer
				require.NoError(t, postgres.WriteMigrations(&sql, postgres.DefaultSchema))
				s.MustExec(t, sql.String())
			}
			if strings.Contains(text, "postgres.Open") {
				pool := newPool(t, s.URLAs("shop_service", "from your vault"))
				log = openLog(t, pool, postgres.Config{Listen: postgres.Direct(pool), Origin: "shop.example/orders"})
				_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
				require.NoError(t, err)
			}
		case strings.Contains(text, "synchronous_standby_names"):
			if strings.Contains(text, "alter system set") {
				s.NewStandby(t) // begin with the standby
			}
			for line := range strings.Lines(text) {
				s.MustExec(t, line) // psql sends a text as one transaction, which this may not be in
			}
			_, err := log.Append(ctx, events.OrderStream("o-2"), 0, record("r-2"))
			require.NoError(t, err)
			ran++
		default:
			said := s.MustExec(t, text)
			ran++
			if strings.Contains(text, "from pg_settings") {
				assert.Equal(t, 3, strings.Count(said, "|on"), said)
			}
			if strings.Contains(text, "open_orders") {
				assert.Contains(t, said, "o-1|created|", said)
				assert.Contains(t, said, "1|payment.pending.v1|till-7|", said)
			}
			if strings.Contains(text, "pg_stat_activity") {
				assert.Contains(t, said, "records|", said)
			}
		}
	}
	assert.Equal(t, 8, ran, "SQL that the guide shows")
	require.NoError(t, log.Verify(ctx, nil))
	require.NoError(t, log.Close())
}
