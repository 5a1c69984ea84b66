// Package rooms_test has the tests of small rooms that a test needs nothing of but what they export. Everyday go test
// links one binary for them and not one for each, which took longer than all of these tests.
package rooms_test

import (
	"encoding"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
)

// enumeration is one of the public enumerations, made tangible for a test that walks them all.
type enumeration struct {
	name string
	test func(*testing.T)
}

// walk is an enumeration up to its last value.
func walk[E interface {
	words.Enumeration
	encoding.TextMarshaler
}](last E) enumeration {
	return enumeration{fmt.Sprintf("%T", last), func(t *testing.T) {
		read := func(text string, to *E) error { return any(to).(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) }
		seen := map[string]bool{}
		for i := range int(last) + 1 {
			v := E(i)
			if v.String() == "" {
				require.Zero(t, i, "only a zero value that is none may have no word")
				continue
			}
			text, err := v.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, v.String(), string(text))
			assert.False(t, seen[string(text)], "%s is one value's alone", text)
			seen[string(text)] = true
			got := last
			require.NoError(t, read(string(text), &got))
			assert.Equal(t, v, got)
		}
		_, err := (last + 1).MarshalText()
		require.Error(t, err, "%d is the last value", last)
		got := last
		err = read("no such word", &got)
		require.Error(t, err)
		assert.Equal(t, last, got, "what is refused changes nothing")
		for word := range seen {
			assert.Contains(t, err.Error(), word, "the error lists the words")
		}
		assert.Contains(t, err.Error(), `"no such word"`)
	}}
}

func all() []enumeration {
	return []enumeration{
		walk(events.ViaOperator),
		walk(events.CaptureManual),
		walk(events.CauseGateway),
		walk(events.SubjectRefund),
		walk(events.InquiryNotExist),
		walk(events.ResolvedFailed),
		walk(events.NotUnderstood),
		walk(events.AttentionDispute),
		walk(events.TransferDispute),
		walk(events.StageClosed),
		walk(events.DisputeInvalidated),
		walk(order.Failed),
		walk(order.Parked),
		walk(order.GatewayFailed),
		walk(order.VerbCompensate),
		walk(order.ReasonContradicts),
		walk(order.OutcomeFailed),
		walk(order.RefundUnread),
		walk(order.CallInquireRefund),
		walk(order.VerdictWrong),
		walk(apo.NotSent),
		walk(apo.NotUnderstood),
		walk(notify.Failed),
		walk(window.NextDay),
		walk(tilltape.Unavailable),
		walk(audit.LevelMoney),
		walk(audit.StateWrong),
		walk(audit.Unreadable),
		walk(audit.SettledOtherwise),
	}
}

func TestEveryEnumerationHasWords(t *testing.T) {
	for _, e := range all() {
		t.Run(e.name, e.test)
	}
}

func TestAValueBeyondTheListIsUnknown(t *testing.T) {
	all := []string{"none", "one"}
	assert.Equal(t, "one", words.Of(all, events.Transfer(1)))
	assert.Equal(t, "unknown", words.Of(all, events.Transfer(2)))
	assert.Equal(t, "unknown", words.Of(all, events.Transfer(255)))
}

// TestNoEnumerationIsForgotten: every exported type over uint8 of these packages is in the walk.
func TestNoEnumerationIsForgotten(t *testing.T) {
	walked := map[string]bool{}
	for _, e := range all() {
		walked[e.name] = true
	}
	for _, dir := range []string{".", "money", "events", "order", "order/window", "apo", "notify", "evidence", "audit",
		"seal"} {
		files, err := filepath.Glob(filepath.Join("../../..", dir, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() {
					return true
				}
				if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "uint8" {
					assert.True(t, walked[file.Name.Name+"."+spec.Name.Name], "%s.%s", dir, spec.Name)
				}
				return true
			})
		}
	}
}

func TestUnfitNamesTheCharacterAndItsPlace(t *testing.T) {
	for id, want := range map[string]string{
		"INV/2026/00001": "", "../..": "", "é\u00a0\ufffd": "", "": "", "a\u2028b": "",
		"a\nb":    "has the control character U+000A at byte 2, which breaks lines of logs and headers; leave it out",
		"é\u0085": "has the control character U+0085 at byte 3, which breaks lines of logs and headers; leave it out",
		"\x00":    "has the control character U+0000 at byte 1, which breaks lines of logs and headers; leave it out",
		"ab\xff":  "is not UTF-8 from byte 3 on, and JSON carries nothing else; give text",
	} {
		assert.Equal(t, want, words.Unfit(id), "%q", id)
	}
}

func TestCounted(t *testing.T) {
	assert.Equal(t, "0 orders, 1 order, 18446744073709551615 orders",
		words.Counted(0, "order")+", "+words.Counted(1, "order")+", "+words.Counted(1<<64-1, "order"))
}

func TestPlainMovesNothing(t *testing.T) {
	assert.Equal(t, "Zoë@shop, 100 % “so”", words.Plain("Zoë@shop, 100 % “so”"))
	assert.Equal(t, `a\x1b[2Jb\nc\u202ed`, words.Plain("a\x1b[2Jb\nc\u202ed"))
}

// Who reads a log's errors and reports reads "1 record": what can be one is counted by Counted, wherever it is told.
func TestWhatCanBeOneIsCounted(t *testing.T) {
	counts := regexp.MustCompile(`%d (record|order|position|stream|finding|movement|message|tile|time|frame)s\b`)
	files := 0
	for _, room := range []string{"audit", "export", "seal", "evidence", "store/bolt/salvage", "cmd/tilltape",
		"cmd/tilltape/internal/tables"} {
		all, err := filepath.Glob("../../../" + room + "/*.go")
		require.NoError(t, err)
		for _, name := range all {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			assert.Empty(t, counts.FindAllString(string(text), -1), name)
			files++
		}
	}
	assert.Greater(t, files, 100)
}

func TestList(t *testing.T) {
	assert.Empty(t, words.List(nil, "or"))
	assert.Equal(t, "a", words.List([]string{"a"}, "or"))
	assert.Equal(t, "a or b", words.List([]string{"a", "b"}, "or"))
	assert.Equal(t, "a, b and c", words.List([]string{"a", "b", "c"}, "and"))
}
