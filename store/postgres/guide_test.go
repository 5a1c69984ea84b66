package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
)

// guideProgram is a program around the guide's blocks of Go, in their order. What it is told to do comes of its first
// argument.
const guideProgram = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/sealed"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, doing string) error {
	if doing == "migrations" {
		%s
		return err
	}
	%s
	switch doing {
	case "copy":
		return copied(ctx, log)
	case "listen":
		return listens(ctx, pool, log, os.Args[2])
	case "backup":
		%[5]s
		return err
	}
	return nil
}

func copied(ctx context.Context, log *postgres.Log) error {
	%[3]s
	return err
}

func listens(ctx context.Context, pool *pgxpool.Pool, log *postgres.Log, pooler string) error {
	pooled, err := pgxpool.New(ctx, pooler)
	if err != nil {
		return err
	}
	defer pooled.Close()
	other, err := postgres.Open(ctx, pooled, &postgres.Config{
		%[4]s
	})
	if err != nil {
		return err
	}
	defer other.Close()
	go log.Append(ctx, events.OrderStream("o-3"), 0, events.Record{ID: "r-3", Event: events.PaymentPending{}})
	for r, err := range other.Watch(ctx, store.Start()) {
		if err != nil || r.ID == "r-3" {
			return err
		}
	}
	return nil
}
`

// built is the program of the guide's blocks, with the reader's world being this one.
func built(t *testing.T, blocks []string, world map[string]string) string {
	t.Helper()
	require.Len(t, blocks, 5, "Go that the guide shows")
	all := make([]any, len(blocks))
	for i, b := range blocks {
		all[i] = b
	}
	text := fmt.Sprintf(guideProgram, all...)
	for theirs, ours := range world {
		require.Contains(t, text, strconv.Quote(theirs))
		text = strings.ReplaceAll(text, strconv.Quote(theirs), strconv.Quote(ours))
	}
	dir := t.TempDir()
	source, overlay, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"),
		filepath.Join(dir, "guide")
	require.NoError(t, os.WriteFile(source, []byte(text), 0o600))
	here, err := os.Getwd()
	require.NoError(t, err)
	there := filepath.Join(here, "guide", "main.go")
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{there: source}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replaced, 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", program, "./guide")
	said, err := build.CombinedOutput()
	require.NoError(t, err, "the guide's Go does not compile:\n%s", said)
	return program
}

// told runs the program and returns what it prints.
func told(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	var failed strings.Builder
	c.Stderr = &failed
	said, err := c.Output()
	require.NoError(t, err, "%s: %s", args, failed.String())
	return string(said)
}

// The guide's SQL is run here, in its order, by whoever may do everything, and its Go, which is that of the Examples,
// as a program.
func TestTheGuideTellsWhatHappens(t *testing.T) {
	page, err := os.ReadFile("../../docs/guides/postgres.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	s, ctx, dir := pgserver.NewWhole(t, nil), context.Background(), t.TempDir()
	g := &guide{server: s, examples: string(examples), backup: filepath.Join(dir, "backup.log")}
	file := filepath.Join(dir, "orders.log")
	old, err := bolt.Open(file, nil)
	require.NoError(t, err)
	_, err = old.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	require.NoError(t, old.Close())

	all := regexp.MustCompile("(?s)```(sql|go|sh)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	var blocks []string
	for _, block := range all {
		if block[1] == "go" {
			blocks = append(blocks, block[2])
		}
	}
	g.program = built(t, blocks, map[string]string{
		"postgres://shop_service@db.example/shop": s.URLAs("shop_service", "from your vault"),
		"/var/lib/shop/orders.log":                file, "/backup/orders-2026-11-29.log": g.backup})
	ran := 0
	for _, block := range all {
		kind, text := block[1], block[2]
		switch {
		case kind == "go":
			g.follow(t, text)
		case strings.Contains(text, "synchronous_standby_names"):
			if strings.Contains(text, "alter system set") {
				s.NewStandby(t) // begin with the standby
			}
			for line := range strings.Lines(text) {
				s.MustExec(t, line) // psql sends a text as one transaction, which this may not be in
			}
			_, err := g.log.Append(ctx, events.OrderStream("o-2"), 0, record("r-2"))
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
	assert.Equal(t, 9, ran, "SQL that the guide shows")
	require.NoError(t, g.log.Verify(ctx, nil))
	require.NoError(t, g.log.Close())
}

// guide is the page while it is followed.
type guide struct {
	server   *pgserver.Server
	examples string
	program  string
	backup   string // where it puts one
	log      kept   // once there is one
}

// follow runs one of its blocks of Go.
func (g *guide) follow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		assert.Contains(t, g.examples, strings.TrimSpace(line), "code of no Example")
	}
	switch {
	case strings.Contains(text, "WriteMigrations"):
		g.server.MustExec(t, told(t, g.program, "migrations"))
	case strings.Contains(text, "postgres.Open"):
		told(t, g.program, "open")
	case strings.Contains(text, "sealed.Copy"):
		told(t, g.program, "copy")
		g.log = openLog(t, newPool(t, g.server.URLAs("shop_service", "from your vault")), postgres.Config{})
	case strings.Contains(text, "Listen:"):
		bouncer := pgserver.NewBouncer(t, g.server, 2)
		told(t, g.program, "listen", bouncer.URL()+"&default_query_exec_mode=cache_describe")
	case strings.Contains(text, "Backup"):
		told(t, g.program, "backup")
		isBackup(t, g.backup, g.log)
	default:
		assert.Fail(t, "nobody runs this", text)
	}
}

// isBackup checks that a file holds what the log does.
func isBackup(t *testing.T, path string, log kept) {
	t.Helper()
	copied, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	have, err := copied.Tree(context.Background())
	require.NoError(t, err)
	want, err := log.Tree(context.Background())
	require.NoError(t, err)
	assert.Equal(t, want, have)
	require.NoError(t, copied.Close())
}
