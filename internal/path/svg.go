package path

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/tilltape/tilltape/internal/words"
)

// Measures of the drawing, in pixels.
const (
	boxWidth   = 96
	boxHeight  = 32
	boxGap     = 44
	marginSide = 40
	lineHeight = 14
	arcHeight  = 26 // of an arrow to the next state; one that goes further rises as much for each state it passes
	loopWidth  = 20
)

// SVG draws the path without any other program: a machine is a row of boxes, those that the order has been in black.
// Arrows forward go above the row and arrows back below it; refused attempts are dashed.
func (p *Path) SVG() string {
	var body strings.Builder
	width, y := 0, 40
	for _, m := range p.machines {
		above, below := m.rises()
		y += above
		fmt.Fprintf(&body, `<text x="8" y="%d" font-weight="bold">%s</text>`+"\n", y-above, m.name)
		m.draw(&body, y, paper)
		y += boxHeight + below + 3*lineHeight
		width = max(width, 2*marginSide+len(m.states)*(boxWidth+boxGap))
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="Helvetica, Arial, sans-serif" font-size="11">`+"\n"+
		`<title>order %s</title>`+"\n"+
		`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">`+
		`<path d="M0 0L8 4L0 8z"/></marker></defs>`+"\n"+
		`<rect width="100%%" height="100%%" fill="white"/>`+"\n"+
		`<text x="8" y="18" font-size="14" font-weight="bold">order %s</text>`+"\n%s</svg>\n",
		width, y, width, y, html.EscapeString(words.Plain(p.id)), html.EscapeString(words.Plain(p.id)), body.String())
}

// Inline draws the same for a page that it stands in, a drawing a machine. Colours and fonts are the page's, by
// classes: path-state, path-been, path-arrow, path-refused, path-label.
func (p *Path) Inline() string {
	var b strings.Builder
	for _, m := range p.machines {
		above, below := m.rises()
		width := 2*marginSide + len(m.states)*(boxWidth+boxGap)
		height := above + boxHeight + below + 2*lineHeight
		fmt.Fprintf(&b, `<svg class="path" role="img" aria-label="%s" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n",
			html.EscapeString(m.Words()), width, height, width, height)
		fmt.Fprintf(&b, `<defs><marker id="tip-%s" class="path-tip" viewBox="0 0 8 8" refX="8" refY="4" `+
			`markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>`+"\n", m.name)
		m.draw(&b, above, classes(m.name))
		b.WriteString("</svg>\n")
	}
	return b.String()
}

// Words tells a machine's way in words, for whoever does not see the drawing.
func (m *machinePath) Words() string {
	text := m.name + ":"
	for _, s := range m.steps {
		from := s.from
		if from == "" {
			from = "start"
		}
		kind := " to "
		if s.refused {
			kind = ", refused, to "
		}
		text += " " + from + kind + s.to + " (" + words.Plain(strings.Join(s.labels, "; ")) + ");"
	}
	return strings.TrimRight(text, ";:")
}

// pens are the attributes that the parts of a drawing are drawn with.
type pens struct {
	state, stateText, been, beenText, arrow, refused, label, refusedLabel, start string
	tip                                                                          string // the marker's id
}

// paper draws in black on white.
var paper = pens{state: `fill="none" stroke="#999"`, stateText: `fill="#999"`, been: `fill="none" stroke="black"`,
	beenText: `fill="black"`, arrow: `fill="none" stroke="black"`,
	refused: `fill="none" stroke="#b00" stroke-dasharray="5 4"`,
	label:   `fill="black"`, refusedLabel: `fill="#b00"`, start: `fill="black"`, tip: "tip"}

// classes leave it to a page's stylesheet.
func classes(machine string) pens {
	return pens{state: `class="path-state"`, stateText: `class="path-text"`, been: `class="path-state path-been"`,
		beenText: `class="path-text path-been"`, arrow: `class="path-arrow"`, refused: `class="path-arrow path-refused"`,
		label: `class="path-label"`, refusedLabel: `class="path-label path-refused"`, start: `class="path-start"`,
		tip: "tip-" + machine}
}

// left is where a state's box begins.
func (m *machinePath) left(state string) int {
	return marginSide + slices.Index(m.states, state)*(boxWidth+boxGap)
}

// rise is how high above or deep below the row an arrow goes, its labels included.
func (m *machinePath) rise(s step) int {
	far := slices.Index(m.states, s.to) - slices.Index(m.states, s.from)
	return max(far, -far, 1)*arcHeight + len(s.labels)*lineHeight
}

// rises are the highest of the arrows above the row, and of those below it.
func (m *machinePath) rises() (above, below int) {
	for _, s := range m.steps {
		if m.back(s) {
			below = max(below, m.rise(s))
		} else {
			above = max(above, m.rise(s))
		}
	}
	return above + lineHeight, below
}

// back tells whether an arrow goes to an earlier state.
func (m *machinePath) back(s step) bool {
	return slices.Index(m.states, s.to) < slices.Index(m.states, s.from)
}

func (m *machinePath) draw(b *strings.Builder, y int, with pens) {
	for _, s := range m.states {
		box, text := with.state, with.stateText
		if m.been[s] {
			box, text = with.been, with.beenText
		}
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" %s/>`+"\n", m.left(s), y, boxWidth, boxHeight, box)
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" %s>%s</text>`+"\n", m.left(s)+boxWidth/2, y+boxHeight/2+4,
			text, s)
	}
	for _, s := range m.steps {
		m.arrow(b, s, y, with)
	}
}

// arrow draws a step: an arc from box to box, a loop at one box, or the short way in where the order began.
func (m *machinePath) arrow(b *strings.Builder, s step, y int, with pens) {
	line, written := with.arrow, with.label
	if s.refused {
		line, written = with.refused, with.refusedLabel
	}
	to := m.left(s.to) + boxWidth/2
	from := m.left(s.from) + boxWidth/2
	switch {
	case s.from == "":
		from, to = m.left(s.to)-boxGap/2, m.left(s.to)
		fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="4" %s/><path d="M%d %dH%d" %s marker-end="url(#%s)"/>`+"\n",
			from, y+boxHeight/2, with.start, from, y+boxHeight/2, to, with.arrow, with.tip)
		label(b, point{m.left(s.to), y + boxHeight + lineHeight}, "start", written, s.labels[:1])
		return
	case s.from == s.to:
		from, to = from-loopWidth, to+loopWidth
	case m.back(s):
		from, to = from-8, to+8
	default:
		from, to = from+8, to-8
	}
	edge, apex, text := y, y-m.rise(s)+len(s.labels)*lineHeight, y-m.rise(s)+lineHeight
	if m.back(s) {
		edge = y + boxHeight
		apex = edge + m.rise(s) - len(s.labels)*lineHeight
		text = apex + lineHeight - 2
	}
	// A curve reaches three quarters of the way to its two handles.
	handle := edge + (apex-edge)*4/3
	fmt.Fprintf(b, `<path d="M%d %dC%d %d %d %d %d %d" %s marker-end="url(#%s)"/>`+"\n",
		from, edge, from, handle, to, handle, to, edge, line, with.tip)
	if !m.back(s) {
		text -= 4
	}
	label(b, point{(from + to) / 2, text}, "middle", written, s.labels)
}

type point struct{ x, y int }

// label writes lines one below the other.
func label(b *strings.Builder, at point, anchor, written string, lines []string) {
	for i, line := range lines {
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s" %s>%s</text>`+"\n", at.x, at.y+i*lineHeight, anchor, written,
			html.EscapeString(words.Plain(line)))
	}
}
