package reconcile_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/reconcile"
)

// noted keeps what was written, with how many orders had been asked about by then.
type noted struct {
	office *office
	text   strings.Builder
	asked  []int
}

func (n *noted) Write(b []byte) (int, error) {
	n.asked = append(n.asked, len(n.office.asked))
	return n.text.Write(b)
}

// busyFirst has an order that differs, one that is the same, and before them one that somebody else is busy with.
func busyFirst() map[string]func() (tilltape.Reconciliation, error) {
	return map[string]func() (tilltape.Reconciliation, error){
		"A": turns(failing(tilltape.ErrContended), differing("A", missing)),
		"B": differing("B", missing, strange), "C": silent}
}

// A row is there before the next order is asked about, and nothing of it is said twice.
func TestRowsComeAsTheyAreFound(t *testing.T) {
	verdict := "4 orders: 1 as APO says, 2 differ, 1 unanswered.\n"
	row := func(o string) string {
		return o + "                 P-" + o + "                             refunded            "
	}
	for form, want := range map[reconcile.Form]string{
		reconcile.RowsText: "ORDER             PAYMENT                         STATUS              WHAT APO SAYS\n" +
			row("B") + "refund.succeeded R1 EUR 4.10 at 2026-11-01 01:00:00\n" +
			row("B") + "capture.succeeded =1+1 JPY 120 (beyond authorized: 120 of 100) at 2026-11-01 02:00:00\n" +
			"C" + strings.Repeat(" ", 69) + "unanswered: order x: outcome not known: no answer\n" +
			row("A") + "refund.succeeded R1 EUR 4.10 at 2026-11-01 01:00:00\n\n" + verdict,
		reconcile.RowsCSV:   "order,outcome,status,",
		reconcile.RowsJSONL: `{"order":"B","paymentId":"P-B","outcome":"differs"`,
	} {
		log, o := found(t)
		o.says = busyFirst()
		out := &noted{office: o}
		rows := reconcile.NewRows(out, form, nil)
		cfg := config()
		cfg.Each = rows.Line
		report, err := reconcile.All(t.Context(), log, o, cfg)
		require.NoError(t, err)
		require.NoError(t, rows.End(report))
		require.Greater(t, len(out.asked), 2)
		assert.Equal(t, []int{2, 3, 5}, out.asked[:3], "A and B, then C, then D and A again")
		assert.True(t, strings.HasPrefix(out.text.String(), want), out.text.String())
		lines := strings.Split(strings.TrimSpace(out.text.String()), "\n")
		switch form {
		case reconcile.RowsCSV:
			assert.Len(t, lines, 5)
		case reconcile.RowsJSONL:
			require.Len(t, lines, 4)
			var last reconcile.Report
			require.NoError(t, json.Unmarshal([]byte(lines[3]), &last))
			want := *report
			want.Lines = nil
			assert.Equal(t, want, last)
		}
	}
}

// Cut off anywhere and gone on with, the rows are those of the report: each once, those whose turn did not come, too.
func TestRowsGoOnWithAReport(t *testing.T) {
	for cut := 1; cut < 6; cut++ {
		log, o := found(t)
		o.says = busyFirst()
		stop := errors.New("cut off")
		for n, resume := 0, (*reconcile.Report)(nil); n < 2; n++ {
			var table strings.Builder
			rows := reconcile.NewRows(&table, reconcile.RowsCSV, resume)
			cfg := config()
			cfg.Resume = resume
			cfg.Each = func(l reconcile.Line) error {
				err := rows.Line(l)
				if n == 0 && len(o.asked) == cut {
					return stop
				}
				return err
			}
			report, err := reconcile.All(t.Context(), log, o, cfg)
			if n == 0 {
				require.ErrorIs(t, err, stop)
			} else {
				require.NoError(t, err)
			}
			require.NoError(t, rows.End(report))
			var whole strings.Builder
			require.NoError(t, report.WriteCSV(&whole))
			assert.ElementsMatch(t, strings.Split(whole.String(), "\n"), strings.Split(table.String(), "\n"), "cut %d", cut)
			resume = report
		}
	}
}

// An order that was asked about again, and is as APO says after all, has no row, whatever ended the run after that.
func TestRowsLeaveOutWhatCameOutTheSame(t *testing.T) {
	for _, form := range []reconcile.Form{reconcile.RowsText, reconcile.RowsJSONL, reconcile.RowsCSV} {
		var with, without strings.Builder
		resumed := &reconcile.Report{Lines: []reconcile.Line{{Order: "o-same", Outcome: reconcile.Same}}}
		require.NoError(t, reconcile.NewRows(&with, form, resumed).End(new(reconcile.Report)))
		require.NoError(t, reconcile.NewRows(&without, form, nil).End(new(reconcile.Report)))
		assert.Equal(t, without.String(), with.String(), "not even what stands above rows: form %d", form)
	}
}

// refusing is an out that takes so many writes.
type refusing int

func (r *refusing) Write(b []byte) (int, error) {
	if *r--; *r < 0 {
		return 0, errors.New("the disk is full")
	}
	return len(b), nil
}

// Whoever reads no more ends it, in every form: nobody is asked about for nothing.
func TestRowsThatCannotBeWrittenEndIt(t *testing.T) {
	for _, form := range []reconcile.Form{reconcile.RowsText, reconcile.RowsCSV, reconcile.RowsJSONL} {
		log, o := found(t)
		out := refusing(1)
		rows := reconcile.NewRows(&out, form, nil)
		cfg := config()
		cfg.Each = rows.Line
		report, err := reconcile.All(t.Context(), log, o, cfg)
		require.ErrorContains(t, err, "the disk is full")
		if form == reconcile.RowsJSONL {
			assert.Equal(t, []string{"A", "B", "C"}, o.asked)
		}
		assert.ErrorContains(t, rows.End(report), "the disk is full")
		assert.EqualValues(t, -1, out, "it is tried once")
	}
}

// Nothing found: people read the verdict, programs an empty table or the report.
func TestRowsOfNothing(t *testing.T) {
	for form, want := range map[reconcile.Form]string{reconcile.RowsText: "0 orders: 0 as APO says",
		reconcile.RowsCSV:   "order,outcome,status,fact,id,currency,amount,minor,at,wrong,problem,paymentId\r\n",
		reconcile.RowsJSONL: `{"from":"`} {
		var out strings.Builder
		require.NoError(t, reconcile.NewRows(&out, form, nil).End(&reconcile.Report{Whole: true}))
		assert.True(t, strings.HasPrefix(out.String(), want), out.String())
	}
	var out strings.Builder
	rows := reconcile.NewRows(&out, reconcile.RowsText, nil)
	require.NoError(t, rows.Line(reconcile.Line{Order: "A\x1b[2J", Outcome: reconcile.Differs,
		Differences: []reconcile.Difference{{Text: "\x1b[2J", Amount: order.Money{Minor: 1, Currency: "EUR"}}}}))
	assert.NotContains(t, out.String(), "\x1b")
}
