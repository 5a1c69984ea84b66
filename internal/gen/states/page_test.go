package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/law"
)

// reference is the folder that the pages live in, seen from here.
const reference = "../../../docs/reference"

func TestPagesAreCurrent(t *testing.T) {
	pages, err := render(reference)
	require.NoError(t, err)
	require.Len(t, pages, 2)
	for name, want := range pages {
		have, err := os.ReadFile(filepath.Join(reference, name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(have),
			"%s is not what the tables say; run go generate ./internal/law and commit it", name)
	}
}

func TestTheCommandNamedInTheLawIsThisOne(t *testing.T) {
	source, err := os.ReadFile("../../law/doc.go")
	require.NoError(t, err)
	assert.Contains(t, string(source), "\n//go:generate go run ../gen/states ../../docs/reference\n")
}

// section returns the page's text from the heading to the next one of the same or a higher level.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, text, ok := strings.Cut(page, "\n"+heading+"\n")
	require.True(t, ok, "the page has no heading %q", heading)
	level := strings.IndexByte(heading, ' ')
	if end := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+level)) + `} `).FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	return text
}

func TestEveryStateIsExplained(t *testing.T) {
	page, err := statesPage()
	require.NoError(t, err)
	var machines = map[string][]string{}
	for _, s := range law.Statuses() {
		machines["## Status"] = append(machines["## Status"], s.String())
	}
	for _, p := range law.Phases() {
		machines["## Operation"] = append(machines["## Operation"], p.String())
	}
	for _, g := range law.GatewayCaptures() {
		machines["## Gateway capture"] = append(machines["## Gateway capture"], g.String())
	}
	for heading, states := range machines {
		machine := section(t, string(page), heading)
		assert.Contains(t, machine, "```mermaid\nstateDiagram-v2\n", heading)
		for _, s := range states {
			text := section(t, machine, "### "+s)
			before, after, ok := strings.Cut(text, "After a crash: ")
			require.True(t, ok, "%s, %s: what happens after a crash?", heading, s)
			assert.Greater(t, len(strings.Fields(before)), 5, "%s, %s: who moves it?", heading, s)
			assert.NotEmpty(t, strings.TrimSpace(after), "%s, %s", heading, s)
			if heading == "## Status" {
				assert.Contains(t, text, "- reached by ", s)
			}
		}
	}
}

func TestEveryTableIsOnAPage(t *testing.T) {
	pages, err := render(reference)
	require.NoError(t, err)
	both := string(pages[statesName]) + string(pages[errorsName])
	for _, tab := range law.Tables() {
		assert.Equal(t, 1, strings.Count(both, tab.Markdown()), "the table %q", tab.Name)
	}
	for _, m := range law.Machines() {
		assert.Equal(t, 1, strings.Count(both, m.Mermaid()), "the drawing of %s", m)
	}
}

// TestEveryWordOfAFactIsExplained: what stands in a cell of the table of facts has its row below it. An anomaly that
// comes beside a move is told by the row of its own.
func TestEveryWordOfAFactIsExplained(t *testing.T) {
	page, err := statesPage()
	require.NoError(t, err)
	_, text, ok := strings.Cut(section(t, string(page), "### Status and fact"), "| word | meaning |\n|---|---|\n")
	require.True(t, ok)
	explained := map[string]bool{}
	for row := range strings.Lines(text) {
		word, _, ok := strings.Cut(strings.TrimPrefix(row, "| "), " | ")
		if !ok {
			break
		}
		explained[word] = true
	}
	explained["duplicate"], explained["–"] = explained["duplicate, –"], explained["duplicate, –"]
	all := law.Tables()
	at := slices.IndexFunc(all, func(tab law.Table) bool { return tab.Name == "facts" })
	for _, row := range all[at].Rows {
		for _, cell := range row[1:] {
			word := cell
			if strings.HasPrefix(cell, "→ ") || strings.HasPrefix(cell, "adds") {
				word, _, _ = strings.Cut(cell, ", anomaly")
			}
			if strings.HasPrefix(word, "→ ") {
				word = "→ status"
			}
			assert.True(t, explained[word], "%q of the fact %q", word, row[0])
		}
	}
}

func TestMovesFollowFromTheTables(t *testing.T) {
	tests := []struct{ status, want string }{
		{"created", "- reached by the command create, *only transfer of no payment taken back* (from captured, refunded)\n" +
			"- left by *payment authorized* (to authorized), *payment paid* (to paid), *paid without a capture* " +
			"(to captured), *paid\n  in one step after all* (to paid), *payment failed* (to failed), *payment taken back* " +
			"(to failed), *capture succeeded*\n  (to captured), *capture settled by a person* (to captured), " +
			"*refund settled by a person* (to refunded), *payment\n  cancelled* (to cancelled)\n" +
			"- takes cancel, resolve, clear anomaly\n"},
		{"cancelled", "- reached by *payment cancelled* (from created, authorized, paid, failed), " +
			"*captured payment cancelled* (from captured,\n  refunded)\n" +
			"- left by nothing\n- takes cancel (in effect already), resolve, clear anomaly, compensate\n"},
		{"failed", "- reached by *payment failed* (from created), *payment taken back* (from created, authorized, paid, " +
			"captured, refunded)\n" +
			"- left by *payment authorized* (to authorized), *payment paid* (to paid), *paid without a capture* " +
			"(to captured), *paid\n  in one step after all* (to paid), *capture succeeded* (to captured), " +
			"*capture settled by a person* (to captured),\n  *refund settled by a person* (to refunded), " +
			"*payment cancelled* (to cancelled)\n" +
			"- takes cancel (done without APO), resolve, clear anomaly\n"},
	}
	for _, tt := range tests {
		t.Run(tt.status, func(t *testing.T) {
			got, err := moves(tt.status)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestNamesThatTheTablesDoNotHave(t *testing.T) {
	_, err := moves("unplaced")
	assert.ErrorContains(t, err, `no status "unplaced"`)
	_, err = table("nope")
	assert.ErrorContains(t, err, `no table "nope"`)
	_, err = mermaid("nope")
	assert.ErrorContains(t, err, `no machine "nope"`)
}

func TestOnlyTheMarkedRegionIsReplaced(t *testing.T) {
	page := "# Errors\n" + reasonsBegin + "an old table\n" + reasonsEnd + "the rest\n"
	once, err := errorsPage([]byte(page))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(once), "# Errors\n"+reasonsBegin+"\n| reason |"), string(once))
	assert.True(t, strings.HasSuffix(string(once), "|\n\n"+reasonsEnd+"the rest\n"), string(once))
	assert.NotContains(t, string(once), "an old table")
	twice, err := errorsPage(once)
	require.NoError(t, err)
	assert.Equal(t, string(once), string(twice))
}

func TestAPageWithoutMarksIsLeftAlone(t *testing.T) {
	for name, page := range map[string]string{
		"neither": "# Errors\n", "no end": reasonsBegin + "x\n", "no beginning": reasonsEnd, "turned round": reasonsEnd +
			reasonsBegin,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, errorsName)
			require.NoError(t, os.WriteFile(path, []byte(page), pageMode))
			require.ErrorContains(t, update(dir), "put this line back")
			have, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, page, string(have))
			assert.NoFileExists(t, filepath.Join(dir, statesName))
		})
	}
	assert.ErrorIs(t, update(t.TempDir()), os.ErrNotExist)
}

func TestUpdateWritesBothPages(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, errorsName), []byte(reasonsBegin+reasonsEnd), pageMode))
	require.NoError(t, update(dir))
	want, err := render(dir)
	require.NoError(t, err)
	for name := range want {
		have, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, string(want[name]), string(have))
	}
	// A page that is current is not written again: a folder that nobody may write into is then no obstacle.
	require.NoError(t, os.Chmod(filepath.Join(dir, statesName), 0o444))
	assert.NoError(t, update(dir))
}
