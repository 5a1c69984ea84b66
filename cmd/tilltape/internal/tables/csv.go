package tables

import (
	"encoding/csv"
	"io"
)

// WriteCSV writes the table as RFC 4180 has it: a header, fields with commas, quotes or breaks in quotes, lines ended
// by CR LF, in UTF-8. Text that could be a formula has an apostrophe before it. A spreadsheet that guesses still takes
// an id of digits for a number: tell it that the columns are text, or use WriteXLSX.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(t.Columns); err != nil {
		return err
	}
	fields := make([]string, len(t.Columns))
	for _, row := range t.Rows {
		for i, c := range row {
			fields[i] = c.shown()
		}
		if err := out.Write(fields); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
