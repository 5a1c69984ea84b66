package disk_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
)

// commits are two pages, a sync, a header page and its sync, twice.
var commits = &disk.Trace{Ops: []disk.Op{
	wrote(0, page('a', 8)), wrote(8*disk.SectorSize, page('b', 8)), synced(2), wrote(16*disk.SectorSize, page('c', 1)),
	synced(4),
	wrote(0, page('d', 8)), wrote(8*disk.SectorSize, page('e', 8)), synced(7), wrote(16*disk.SectorSize, page('f', 1)),
	synced(9),
}}

func TestPlanHasEveryPrefixAndAllClasses(t *testing.T) {
	shots := disk.Plan(commits, 1, 600)
	require.Len(t, shots, 600)
	assert.True(t, slices.IsSortedFunc(shots, func(a, b disk.Shot) int { return a.Cut - b.Cut }))
	count := map[disk.Class]int{}
	prefixes := map[int]bool{}
	header := 0 // shots while a header page is under way, without those that every cut has
	for _, s := range shots {
		count[s.Class]++
		if s.Class == disk.Prefix {
			prefixes[s.Cut] = true
		}
		if s.Class != disk.Prefix && s.Class != disk.Bare && (s.Cut == 4 || s.Cut == 9) {
			header++
		}
	}
	assert.Len(t, prefixes, len(commits.Ops))
	assert.Equal(t, 6, count[disk.Bare], "one wherever something is uncertain")
	for _, class := range disk.Classes[2:] {
		assert.Greater(t, count[class], 80, class)
	}
	assert.InDelta(t, 292, header, 60, "half of the stretches are header pages")
	assert.Equal(t, shots, disk.Plan(commits, 1, 600), "the same seed plans the same")
	assert.NotEqual(t, shots, disk.Plan(commits, 2, 600))
	assert.Len(t, disk.Plan(commits, 1, 0), 16, "every prefix and bare image, however few are asked for")
}

// What a class promises must show in its images: here of the first two pages, none of it certain.
func TestShotsAreOfTheirClass(t *testing.T) {
	p := after(commits.Ops[:2]...)
	both, first, second, none := "aaaaaaaabbbbbbbb", "aaaaaaaa", "........bbbbbbbb", ""
	for _, test := range []struct {
		class disk.Class
		want  []string // all that its images may be
	}{
		{disk.Prefix, []string{both}},
		{disk.Bare, []string{none}},
		{disk.Subset, []string{both, first, second, none}},
		{disk.OneLost, []string{first, second, none}},
		{disk.OneOnly, []string{first, second, none}},
		{disk.Reordered, []string{both, first, second, none}},
	} {
		found := map[string]bool{}
		for seed := range uint64(200) {
			shot := disk.Shot{Cut: 2, Class: test.class, Seed: seed}
			image, size := shot.TakeFile(p, nil)
			again, _ := shot.TakeFile(p, nil)
			require.Equal(t, image, again, "the same seed makes the same image")
			require.Contains(t, p.Sizes(), size)
			found[letters(image)] = true
		}
		for _, want := range test.want {
			assert.True(t, found[want], "%s never made %q", test.class, want)
		}
		assert.Len(t, found, len(test.want), "%s: %v", test.class, found)
	}
	torn := map[string]bool{}
	for seed := range uint64(200) {
		image, _ := disk.Shot{Cut: 2, Class: disk.Torn, Seed: seed}.TakeFile(p, nil)
		torn[letters(image)] = true
	}
	assert.Greater(t, len(torn), 100, "torn images are seldom equal")
}

func TestATraceGoesOnWhereThePowerWasLost(t *testing.T) {
	told := disk.Op{Kind: disk.Acked, Records: []disk.Record{{Position: 1, Frame: []byte("a")}}}
	first := &disk.Trace{Ops: append(slices.Clone(commits.Ops[:5]), disk.Op{Kind: disk.Named}, disk.Op{Kind: disk.Settled},
		told, commits.Ops[5]), Appends: []disk.Append{{IDs: []string{"a"}}}}
	second := first.After(disk.Shot{Cut: 9, Class: disk.Bare})
	require.Equal(t, second.Begin, len(second.Ops))
	assert.Equal(t, second.Begin, second.Ready, "the log was made long ago")
	assert.Equal(t, told, second.Ops[5])
	assert.Equal(t, first.Appends, second.Appends)
	p := after(second.Ops...)
	assert.Zero(t, p.Pending())
	assert.Equal(t, "aaaaaaaabbbbbbbbc", image(t, p, last(p), nil, nil))

	r := disk.Recorded(second.Ops)
	r.Told(disk.Acked, nil)
	assert.Len(t, r.Ops(), 7)
	assert.Len(t, second.Ops, 6)

	second.Ops = append(second.Ops, wrote(0, page('x', 1)))
	for _, shot := range disk.Plan(second, 1, 50) {
		assert.GreaterOrEqual(t, shot.Cut, second.Begin)
	}
}
