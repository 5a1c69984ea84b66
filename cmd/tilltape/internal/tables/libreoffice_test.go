package tables

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// ciVariable is true where nothing may be skipped.
const ciVariable = "CI"

// opened is a table as LibreOffice has it once it has opened a file: the cells of its rows.
type opened [][]openedCell

type openedCell struct{ formula, kind, value, text string }

// office opens files in LibreOffice, which shows what it made of each cell in a form that can be read.
func office(t *testing.T, name string, content []byte, options ...string) opened {
	t.Helper()
	program, err := exec.LookPath("soffice")
	switch {
	case err != nil && os.Getenv(ciVariable) == "true":
		t.Fatalf("LibreOffice is not there (apt-get install libreoffice-calc), and %s is true", ciVariable)
	case err != nil:
		t.Skip("LibreOffice is not there: apt-get install --no-install-recommends libreoffice-calc")
	case testing.Short() || !long.Enabled():
		t.Skip("left out: starting LibreOffice takes seconds; set " + long.Variable + "=1")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	args := append([]string{"-env:UserInstallation=file://" + filepath.Join(dir, "profile"), "--headless"}, options...)
	cmd := exec.CommandContext(t.Context(), program, append(args, "--convert-to", "fods", "--outdir", dir, file)...)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	made, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".fods")
	require.NoError(t, err, "%s", said)
	return readSheet(t, made)
}

// readSheet reads the cells of a flat OpenDocument file.
func readSheet(t *testing.T, document []byte) (sheet opened) {
	t.Helper()
	const schema = "urn:oasis:names:tc:opendocument:xmlns:"
	const table, inCell = schema + "table:1.0", schema + "text:1.0"
	decoder := xml.NewDecoder(bytes.NewReader(document))
	var cell *openedCell
	inParagraph := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return sheet
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			switch {
			case token.Name == xml.Name{Space: table, Local: "table-row"}:
				sheet = append(sheet, nil)
			case token.Name == xml.Name{Space: table, Local: "table-cell"}:
				row := &sheet[len(sheet)-1]
				*row = append(*row, openedCell{})
				cell = &(*row)[len(*row)-1]
				for _, a := range token.Attr {
					switch a.Name.Local {
					case "formula":
						cell.formula = a.Value
					case "value-type":
						cell.kind = a.Value
					case "value":
						cell.value = a.Value
					}
				}
			case cell != nil && token.Name == xml.Name{Space: inCell, Local: "tab"}:
				cell.text += "\t"
			case cell != nil && token.Name == xml.Name{Space: inCell, Local: "s"}:
				cell.text += " "
			case cell != nil && token.Name == xml.Name{Space: inCell, Local: "p"}:
				if inParagraph++; cell.text != "" {
					cell.text += "\n"
				}
			}
		case xml.EndElement:
			switch token.Name.Local {
			case "table-cell":
				cell = nil
			case "p":
				inParagraph = 0
			}
		case xml.CharData:
			if cell != nil && inParagraph > 0 {
				cell.text += string(token)
			}
		}
	}
}

// An accountant opens a workbook: no cell is a formula, and every text, ids among them, is there with every letter.
func TestLibreOfficeOpensXLSX(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, odd().WriteXLSX(&out))
	sheet := office(t, "odd.xlsx", out.Bytes())
	require.GreaterOrEqual(t, len(sheet), len(texts)+1)
	for i, text := range sortedTexts() {
		row := sheet[i+1]
		assert.Equal(t, []string{"", "string"}, []string{row[0].formula, row[0].kind}, "%q", text)
		assert.Equal(t, seen(texts[text]), seen(row[0].text), "%q", text)
		assert.Equal(t, openedCell{kind: "float", value: "-0.05", text: "-0.05"}, row[1])
	}
}

// seen is a text without what LibreOffice has in another way: the breaks and tabs at its ends.
func seen(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\t' || r == '\r' || r == '\n' }), " ")
}

// A CSV runs nothing, whatever is chosen; its ids keep their digits where the columns are imported as text, and only
// there.
func TestLibreOfficeOpensCSV(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, odd().WriteCSV(&out))
	at := map[string]int{}
	for i, text := range sortedTexts() {
		at[text] = i + 1
	}
	const id = "202611230000000000000000000025"
	guessed := office(t, "odd.csv", out.Bytes())
	require.GreaterOrEqual(t, len(guessed), len(texts)+1)
	for _, row := range guessed {
		for _, c := range row {
			assert.Empty(t, c.formula, c.text)
		}
	}
	assert.Equal(t, "float", guessed[at[id]][0].kind, "it guesses, and so the page says what to choose")
	assert.NotEqual(t, id, guessed[at[id]][0].text)

	asText := office(t, "odd.csv", out.Bytes(), "--infilter=CSV:44,34,76,1,1/2/2/1")
	for _, text := range sortedTexts() {
		c := asText[at[text]][0]
		assert.Equal(t, []string{"", "string"}, []string{c.formula, c.kind}, "%q", text)
		assert.Equal(t, seen(strings.ReplaceAll(texts[text], "\r", "")), seen(c.text), "%q", text)
	}
}
