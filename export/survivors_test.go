package export_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store"
)

// survivors is what is left of an export: positions that were read, "!5" for one that was not, "~5" for what stands
// where that of 5 belongs, and "end" where it is cut off.
func survivors(t *testing.T, lines []string) string {
	t.Helper()
	text := string(joined(lines...))
	l, err := export.New("x.jsonl", strings.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	var told []string
	for f, err := range l.Surviving(t.Context()) {
		damage, _ := errors.AsType[*store.DamagedError](err)
		switch {
		case err == nil:
			told = append(told, fmt.Sprint(f.Record.Position))
		case errors.Is(err, export.ErrCutOff):
			told = append(told, "end")
		case f.Bytes != nil:
			told = append(told, fmt.Sprint("~", damage.Position))
		default:
			told = append(told, fmt.Sprint("!", damage.Position))
		}
	}
	return strings.Join(told, " ")
}

func TestSurviving_GoesOnBehindWhatIsWrong(t *testing.T) {
	log := inMemory(t)
	sold(t, log, 2)
	_, text := exported(t, log, nil)
	whole := lines(text) // a header, and positions 1 to 8
	bad := `{"position":"4"}`
	for name, tt := range map[string]struct {
		lines []string
		want  string
	}{
		"nothing":                {whole, "1 2 3 4 5 6 7 8"},
		"one removed":            {slices.Concat(whole[:4], whole[5:]), "1 2 3 5 6 7 8 end"},
		"the last removed":       {whole[:8], "1 2 3 4 5 6 7 end"},
		"one bad":                {slices.Concat(whole[:4], []string{bad}, whole[5:]), "1 2 3 !4 5 6 7 8"},
		"two bad":                {slices.Concat(whole[:4], []string{bad, bad}, whole[6:]), "1 2 3 !4 !5 6 7 8"},
		"a bad one between":      {slices.Concat(whole[:4], []string{bad}, whole[4:]), "1 2 3 ~4 4 5 6 7 ~8"},
		"one doubled":            {slices.Concat(whole[:5], whole[4:]), "1 2 3 4 ~5 5 6 7 ~8"},
		"two swapped":            {slices.Concat(whole[:4], []string{whole[5], whole[4]}, whole[6:]), "1 2 3 ~4 4 6 7 8"},
		"one moved to the front": {slices.Concat(whole[:2], whole[6:7], whole[2:6], whole[7:]), "1 ~2 2 3 4 5 7 8"},
		"the last is bad":        {slices.Concat(whole[:8], []string{bad}), "1 2 3 4 5 6 7 !8"},
		"the first two removed":  {slices.Concat(whole[:1], whole[3:]), "3 4 5 6 7 8 end"},
	} {
		assert.Equal(t, tt.want, survivors(t, tt.lines), name)
	}
}

func TestSurviving_AFilteredExportHasNoHoles(t *testing.T) {
	log := inMemory(t)
	sold(t, log, 2)
	_, text := exported(t, log, &export.Config{Filter: export.Filter{Orders: []string{"o-1"}}})
	for _, err := range opened(t, text).Surviving(context.Background()) {
		require.ErrorIs(t, err, export.ErrFiltered)
	}
}
