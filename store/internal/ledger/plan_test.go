package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// shelf is a log of maps, into which plans are put.
type shelf struct {
	heads map[events.Stream]Summary
	keys  map[events.Key]events.Stream
	last  uint64
	tree  *seal.Tree
	fails map[events.Stream]error
}

func newShelf() *shelf {
	return &shelf{heads: map[events.Stream]Summary{}, keys: map[events.Key]events.Stream{}, tree: &seal.Tree{},
		fails: map[events.Stream]error{}}
}

func (s *shelf) Newest(r *request) (Place, error) { return s.heads[r.Stream].Place, s.fails[r.Stream] }

func (s *shelf) Owner(_ *request, key events.Key) (events.Stream, bool, error) {
	owner, owned := s.keys[key]
	return owner, owned, s.fails[owner]
}

// put makes the plan part of the log, and checks that it says what it changes.
func (s *shelf) put(t require.TestingT, p *Plan[int]) {
	p.StartHash()()
	require.Equal(t, s.last+1, p.First())
	require.Equal(t, s.last+uint64(p.Len()), p.Last())
	frames, ends := p.Frames()
	require.Len(t, frames, p.Size())
	require.Len(t, ends, p.Len())
	require.Equal(t, p.Len() == 0, p.Empty())
	streams := map[events.Stream]*Summary{}
	keys := map[events.Key]Claim{}
	var order []events.Stream
	begin := 0
	for i, end := range ends {
		r, err := events.DecodeFrame(frames[begin:end])
		require.NoError(t, err)
		require.Equal(t, p.First()+uint64(i), r.Position)
		require.Equal(t, streamPlace(streams[r.Stream], s.heads[r.Stream].Place), Place{r.Version - 1, r.Previous})
		if streams[r.Stream] == nil {
			order = append(order, r.Stream)
		}
		streams[r.Stream] = &Summary{Place{r.Version, r.Position}, r.Head}
		for _, key := range r.Keys {
			if _, known := keys[key]; !known {
				keys[key] = Claim{r.Stream, r.Position}
			}
		}
		begin = end
	}
	require.True(t, slices.Equal(order, p.Streams()))
	require.Equal(t, keys, p.Claims())
	for of, want := range streams {
		require.Equal(t, want, p.Summary(of))
		s.heads[of] = *want
	}
	for key, claim := range keys {
		s.keys[key] = claim.Owner
	}
	s.last, s.tree = p.Last(), p.Tree()
}

// streamPlace is that of the summary, or before where there is none.
func streamPlace(s *Summary, before Place) Place {
	if s != nil {
		return s.Place
	}
	return before
}

// draw makes an append that may be refused: for a version that is about right, with a few keys for all streams.
func draw(rt *rapid.T, heads map[events.Stream]uint64, made *int) (events.Stream, uint64, []events.Record) {
	of := events.OrderStream(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "stream"))
	after := heads[of] + uint64(rapid.SampledFrom([]int{0, 0, 0, 0, 1}).Draw(rt, "ahead"))
	if after > 0 && rapid.IntRange(0, 4).Draw(rt, "behind") == 0 {
		after--
	}
	given := make([]events.Record, rapid.IntRange(1, 3).Draw(rt, "records"))
	for i := range given {
		*made++
		given[i] = record(fmt.Sprintf("r-%d", *made))
		given[i].Head = events.Head{Status: fmt.Sprintf("s-%d", *made%3),
			StatusSince: noon.Add(time.Duration(*made)).In(time.FixedZone("shop", 3600))}
		if rapid.Bool().Draw(rt, "with a key") {
			key := rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(rt, "key")
			given[i].Keys = []events.Key{events.NewKey(events.KeyPaymentID, key)}
		}
	}
	return of, after, given
}

// TestPlansAreTheOraclesLog: batch after batch, of which some are never written, gives each append the answer, each
// record the frame and the log the root that store/memory gives, which shares no code with this.
func TestPlansAreTheOraclesLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		oracle, err := memory.NewSealed(memory.Config{})
		require.NoError(rt, err)
		log, made := newShelf(), 0
		heads := map[events.Stream]uint64{}
		p := &Plan[int]{Log: "test log"}
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			p.Reset(log, log.last, log.tree)
			dropped := rapid.IntRange(0, 3).Draw(rt, "dropped") == 0
			for range rapid.IntRange(1, 20).Draw(rt, "appends") {
				of, after, given := draw(rt, heads, &made)
				r, err := Encode[int](of, after, given)
				require.NoError(rt, err)
				refusal := p.Append(r)
				if dropped {
					continue
				}
				want, err := oracle.Append(ctx, of, after, given...)
				require.Equal(rt, err, refusal)
				if err != nil {
					continue
				}
				heads[of] = after + uint64(len(given))
				got, err := r.Written("test log")
				require.NoError(rt, err)
				require.Equal(rt, want, got)
			}
			if !dropped {
				log.put(rt, p)
			}
			now, err := oracle.Tree(ctx)
			require.NoError(rt, err)
			require.Equal(rt, now.Size, log.last)
			require.Equal(rt, now.Root, log.tree.Root())
		}
		for of, s := range log.heads {
			head, err := oracle.Head(ctx, of)
			require.NoError(rt, err)
			require.Equal(rt, head, s.Of(of))
		}
	})
}

// asked is a plan over the shelf with one request taken in.
func asked(t *testing.T, log *shelf, of string, after uint64, given ...events.Record) (*Plan[int], error) {
	t.Helper()
	p := &Plan[int]{Log: "test log"}
	p.Reset(log, log.last, log.tree)
	r, err := Encode[int](events.OrderStream(of), after, given)
	require.NoError(t, err)
	return p, p.Append(r)
}

// TestNoSecondLife: a stream that is not there does not begin where its own lookup key says that it has been.
func TestNoSecondLife(t *testing.T) {
	log := newShelf()
	given := record("r-1")
	given.Keys = []events.Key{events.NewKey(events.KeyPaymentID, "p-1")}
	log.keys[given.Keys[0]] = events.OrderStream("o-1")
	p, err := asked(t, log, "o-1", 0, given)
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, `test log: the log is damaged: order "o-1" is not among its streams, and owns`)
	assert.True(t, p.Empty())

	log.heads[events.OrderStream("o-1")] = Summary{Place: Place{1, 1}}
	log.last = 1
	p, err = asked(t, log, "o-1", 1, given)
	require.NoError(t, err, "the owner of a key may say so again")
	assert.Equal(t, 1, p.Len())
}

// TestWhatCannotBeLookedUpIsRefused, and nothing else is.
func TestWhatCannotBeLookedUpIsRefused(t *testing.T) {
	log, rotten := newShelf(), errors.New("rotten")
	log.fails[events.OrderStream("o-1")] = rotten
	p, err := asked(t, log, "o-1", 0, record("r-1"))
	require.Equal(t, rotten, err)
	given := record("r-2")
	given.Keys = []events.Key{events.NewKey(events.KeyPaymentID, "p-1")}
	log.keys[given.Keys[0]] = events.OrderStream("o-1")
	r, err := Encode[int](events.OrderStream("o-2"), 0, []events.Record{record("r-0"), given})
	require.NoError(t, err)
	require.Equal(t, rotten, p.Append(r), "the owner of a key")
	assert.True(t, p.Empty())
	r, err = Encode[int](events.OrderStream("o-3"), 0, []events.Record{record("r-3")})
	require.NoError(t, err)
	require.NoError(t, p.Append(r))
	assert.Equal(t, Place{1, 1}, p.Summary(events.OrderStream("o-3")).Place)
	assert.Nil(t, p.Summary(events.OrderStream("o-1")))
}

// TestImport: a record that has its frame already is taken in as it is.
func TestImport(t *testing.T) {
	given := []events.Record{record("r-1"), record("r-2"), record("r-3")}
	given[0].Keys = []events.Key{events.NewKey(events.KeyPaymentID, "p-1")}
	given[2].Keys = given[0].Keys
	log := newShelf()
	p, err := asked(t, log, "o-1", 0, given...)
	require.NoError(t, err)
	frames, ends := p.Frames()

	copied := &Plan[int]{Log: "test copy"}
	copied.Reset(nil, 0, &seal.Tree{})
	begin := 0
	for _, end := range ends {
		r, err := events.DecodeFrame(frames[begin:end])
		require.NoError(t, err)
		copied.Import(r, frames[begin:end])
		begin = end
	}
	to := newShelf()
	to.put(t, copied)
	log.put(t, p)
	assert.Equal(t, log, to)
}

// TestManyFramesAreHashedAside, all of them, and not into the tree that the plan began with.
func TestManyFramesAreHashedAside(t *testing.T) {
	for n := range 2 * aside {
		log := newShelf()
		p := &Plan[int]{}
		p.Reset(log, 0, log.tree)
		var want seal.Tree
		for i := range n {
			r, err := Encode[int](events.OrderStream("o-1"), uint64(i), []events.Record{record(fmt.Sprintf("r-%d", i))})
			require.NoError(t, err)
			require.NoError(t, p.Append(r))
			frames, ends := p.Frames()
			begin := 0
			if i > 0 {
				begin = ends[i-1]
			}
			want.Append(seal.LeafHash(frames[begin:ends[i]]))
		}
		p.StartHash()()
		require.Equal(t, want.Root(), p.Tree().Root(), n)
		require.Zero(t, log.tree.Size())
	}
	p := &Plan[int]{}
	p.Reset(newShelf(), 0, nil)
	p.StartHash()()
	assert.Nil(t, p.Tree(), "a log without a seal")
}

// TestPlanKeepsItsMemory, but not for ever what one great batch needed.
func TestPlanKeepsItsMemory(t *testing.T) {
	p, r := &Plan[int]{}, &request{}
	log := newShelf()
	judge := func() {
		p.Reset(log, 0, nil)
		if err := p.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r, err = Encode[int](events.OrderStream("o-1"), 0, []events.Record{record("r-1")})
	require.NoError(t, err)
	judge()
	const kept = 1 // the summary
	assert.LessOrEqual(t, testing.AllocsPerRun(100, judge), float64(kept))

	p.frames = make([]byte, 0, BatchBytesMax+1)
	p.Reset(log, 0, nil)
	assert.LessOrEqual(t, cap(p.frames), BatchBytesMax)
}

// TestSummariesMayBeKept: their times are those of a reader, and their words keep no message alive.
func TestSummariesMayBeKept(t *testing.T) {
	message := strings.Repeat("x", 100) + "paid" + "idle"
	r := record("r-1")
	r.Version, r.Position = 3, 7
	r.Head = events.Head{Status: message[100:104], Phase: message[104:],
		StatusSince: noon.In(time.FixedZone("shop", 3600)), Due: time.Now()}
	s := Summarize(r)
	assert.Equal(t, Place{3, 7}, s.Place)
	assert.Equal(t, noon, s.Head.StatusSince)
	assert.Equal(t, time.Unix(0, r.Head.Due.UnixNano()).UTC(), s.Head.Due)
	assert.Equal(t, time.Time{}, s.Head.ParkedSince)
	for _, word := range []string{s.Head.Status, s.Head.Phase} {
		at, begin := uintptr(unsafe.Pointer(unsafe.StringData(word))), uintptr(unsafe.Pointer(unsafe.StringData(message)))
		assert.False(t, at >= begin && at < begin+uintptr(len(message)), word)
	}
	assert.Equal(t, "paididle", s.Head.Status+s.Head.Phase)
	assert.Equal(t, store.Head{}, (*Summary)(nil).Of(r.Stream))
}
