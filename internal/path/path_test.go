package path

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// anyPath is a path with all that one can have: a way back, a way that stays, two steps of one kind, a refusal, and
// words that would be markup.
func anyPath() *Path {
	m := machinePath{name: "status", states: []string{"created", "paid", "cancelled"}, been: map[string]bool{}}
	m.take(step{to: "created"}, `1 placed by <b>"eve"</b>`)
	m.take(step{from: "created", to: "paid"}, "2 paid")
	m.take(step{from: "paid", to: "created"}, "3 back")
	m.take(step{from: "created", to: "paid"}, "4 paid again")
	m.take(step{from: "paid", to: "cancelled", refused: true}, "cancel refused")
	m.take(step{from: "paid", to: "paid", refused: true}, "resolve refused")
	return &Path{id: "o<1>\x1b", machines: []machinePath{m}}
}

func TestAPathKeepsStepsOfOneKindTogether(t *testing.T) {
	m := anyPath().machines[0]
	require.Len(t, m.steps, 5)
	assert.Equal(t, []string{"2 paid", "4 paid again"}, m.steps[1].labels)
	assert.True(t, m.been["paid"])
	assert.False(t, m.been["cancelled"], "a refused attempt leads nowhere")
}

func TestTheSVGOfAPathIsWholeAndInItsFrame(t *testing.T) {
	drawn := anyPath().SVG()
	var texts []string
	dashed, paths := 0, 0
	d := xml.NewDecoder(strings.NewReader(drawn))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch at := token.(type) {
		case xml.CharData:
			if text := strings.TrimSpace(string(at)); text != "" {
				texts = append(texts, text)
			}
		case xml.StartElement:
			assert.NotEqual(t, "script", at.Name.Local)
			for _, a := range at.Attr {
				assert.False(t, (a.Name.Local == "y" || a.Name.Local == "x") && strings.HasPrefix(a.Value, "-"),
					"%s stands outside the drawing", at.Name.Local)
				if a.Name.Local == "stroke-dasharray" {
					dashed++
				}
			}
			if at.Name.Local == "path" {
				paths++
			}
		}
	}
	assert.Equal(t, 2, dashed)
	assert.Equal(t, 6, paths, "an arrow each, and its tip")
	for _, want := range []string{`1 placed by <b>"eve"</b>`, "2 paid", "3 back", "4 paid again", "cancel refused",
		`order o<1>\x1b`} {
		assert.True(t, slices.Contains(texts, want), "%s of %q", want, texts)
	}
}

func TestAPathInOtherLanguages(t *testing.T) {
	p := anyPath()
	assert.Contains(t, p.Mermaid(), `status_start -->|"1 placed by #lt;b#gt;#quot;eve#quot;#lt;/b#gt;"| status_created`)
	assert.Contains(t, p.Mermaid(), `status_created -->|"2 paid<br/>4 paid again"| status_paid`)
	assert.Contains(t, p.DOT(), `status_start -> status_created [label=" 1 placed by <b>\"eve\"</b> "];`)
	assert.Contains(t, p.DOT(), `status_paid -> status_paid [label=" resolve refused ", style=dashed];`)
	assert.NotContains(t, p.DOT()+p.Mermaid(), "\x1b")
}
