// Package formula keeps a spreadsheet from running a text as a formula.
package formula

import (
	"strings"
	"unicode/utf8"
)

// starts are what a cell begins with that some spreadsheet takes for a formula: OWASP's list, the line feed that
// spreadsheets skip, and the wide forms that some take for the narrow ones.
const starts = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

// Safe is what is shown of a text in a cell: with an apostrophe before what a spreadsheet could run.
func Safe(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(starts, first) {
		return "'" + text
	}
	return text
}
