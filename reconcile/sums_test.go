package reconcile_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/reconcile"
	"github.com/tilltape/tilltape/store/memory"
)

// A report that keeps sums alone has the same sums, and has told the same lines: whole, and cut off after any order and
// gone on with. It never has a line that has not to be asked about again.
func TestSumsOnly(t *testing.T) {
	world := func() (*memory.Log, *office) {
		log := memory.New()
		for _, id := range []string{"A", "B", "C", "D", "E"} {
			at(t, log, id, dawn)
		}
		return log, &office{says: map[string]func() (tilltape.Reconciliation, error){
			"A": turns(failing(order.ErrNotDue), differing("A", missing)), "B": differing("B", missing, strange), "C": silent,
			"D": turns(failing(tilltape.ErrContended), same), "E": differing("E", strange)}}
	}
	reports := func(sums bool, cut int) (*reconcile.Report, []reconcile.Line) {
		log, o := world()
		cfg := config()
		cfg.SumsOnly = sums
		var told []reconcile.Line
		cfg.Keep = func(r *reconcile.Report) error { // as it stands after each order
			kept := 0
			for _, l := range r.Lines {
				if !l.Again {
					kept++
				}
			}
			if sums {
				require.LessOrEqual(t, kept, max(len(told)-5, 0), "those asked about again, until the end")
			}
			return nil
		}
		for {
			ctx, cancel := context.WithCancel(t.Context())
			cfg.Each = func(l reconcile.Line) error {
				if told = append(told, l); len(told) == cut {
					cancel()
				}
				return nil
			}
			report, err := reconcile.All(ctx, log, o, cfg)
			cancel()
			if sums {
				for _, l := range report.Lines {
					require.True(t, l.Again, "cut after %d: %s", cut, l.Order)
				}
			}
			if err == nil {
				return report, told
			}
			require.Equal(t, len(told), cut)
			cfg.Resume = report
		}
	}
	for cut := range 8 { // five orders, and two of them again; none is cut at 0
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			want, lines := reports(false, cut)
			got, told := reports(true, cut)
			assert.Equal(t, lines, told)
			assert.Empty(t, got.Lines)
			assert.Len(t, want.Lines, 4)
			want.Lines = nil
			got.Lines = nil
			assert.Equal(t, want, got)
			assert.Equal(t, uint64(5), got.Orders)
		})
	}
}

// What another run kept of lines goes, too: it is told already.
func TestSumsOnlyGoesOnWithAWholeReport(t *testing.T) {
	log, o := found(t)
	cfg := config()
	whole, err := reconcile.All(t.Context(), log, o, cfg)
	require.NoError(t, err)
	require.NotEmpty(t, whole.Lines)
	cfg.Resume, cfg.SumsOnly = whole, true
	report, err := reconcile.All(t.Context(), log, o, cfg)
	require.NoError(t, err)
	assert.Empty(t, report.Lines)
	assert.Equal(t, whole.Sums, report.Sums)
	assert.NotEmpty(t, whole.Lines, "the caller's is the caller's")
}
