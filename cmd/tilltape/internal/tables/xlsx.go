package tables

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

const (
	// RowsMax is how many rows a sheet has at most, the header among them.
	RowsMax = excelize.TotalRows
	// exactDigits is how many digits a spreadsheet's number keeps.
	exactDigits = 15
	columnWidth = 22
	textFormat  = 49 // "@": the cell is text, whatever it looks like
)

// WriteXLSX writes the table as a workbook of one sheet. Ids and all other texts are text cells, which keep every digit
// and run nothing; amounts are numbers, but for those with more digits than a spreadsheet's number keeps.
func (t *Table) WriteXLSX(w io.Writer) (err error) {
	if len(t.Rows) >= RowsMax {
		return fmt.Errorf("%d rows are more than the %d that a sheet holds; ask for a shorter time, or for CSV", len(t.Rows),
			RowsMax-1)
	}
	book := excelize.NewFile()
	defer func() {
		if bad := book.Close(); err == nil {
			err = bad
		}
	}()
	if err := book.SetSheetName("Sheet1", t.Name); err != nil {
		return err
	}
	sheet, err := book.NewStreamWriter(t.Name)
	if err != nil {
		return err
	}
	x := &workbook{book: book, amounts: map[int]int{}}
	if err := x.fill(sheet, t); err != nil {
		return err
	}
	if err := sheet.Flush(); err != nil {
		return err
	}
	return book.Write(w)
}

// workbook is a file that is being made.
type workbook struct {
	book    *excelize.File
	text    int
	amounts map[int]int // styles by decimals
}

func (x *workbook) fill(sheet *excelize.StreamWriter, t *Table) (err error) {
	if x.text, err = x.book.NewStyle(&excelize.Style{NumFmt: textFormat}); err != nil {
		return err
	}
	bold, err := x.book.NewStyle(&excelize.Style{NumFmt: textFormat, Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	if err := sheet.SetColWidth(1, len(t.Columns), columnWidth); err != nil {
		return err
	}
	header := &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}
	if err := sheet.SetPanes(header); err != nil {
		return err
	}
	cells := make([]any, len(t.Columns))
	for i, name := range t.Columns {
		cells[i] = excelize.Cell{StyleID: bold, Value: name}
	}
	if err := sheet.SetRow("A1", cells); err != nil {
		return err
	}
	for n, row := range t.Rows {
		for i, c := range row {
			if cells[i], err = x.cell(c); err != nil {
				return err
			}
		}
		if err := sheet.SetRow("A"+strconv.Itoa(n+2), cells); err != nil {
			return err
		}
	}
	return nil
}

func (x *workbook) cell(c Cell) (any, error) {
	switch {
	case c.text == "":
		return nil, nil
	case !c.number || len(c.text) > exactDigits:
		return excelize.Cell{StyleID: x.text, Value: c.shown()}, nil
	}
	style, made := x.amounts[c.decimals]
	if !made {
		format := "0"
		if c.decimals > 0 {
			format += "." + strings.Repeat("0", c.decimals)
		}
		var err error
		if style, err = x.book.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
			return nil, err
		}
		x.amounts[c.decimals] = style
	}
	value, err := strconv.ParseFloat(c.text, 64)
	return excelize.Cell{StyleID: style, Value: value}, err
}
