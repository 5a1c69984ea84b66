package events

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/filled"
)

func TestCheckID(t *testing.T) {
	const (
		breaks = ", which breaks lines of logs and headers; leave it out"
		noJSON = ", and JSON carries nothing else; give text"
	)
	for what, id := range map[string]string{
		"one byte": "x", "the longest": strings.Repeat("x", IDMax),
		"the longest of others' letters": strings.Repeat("🧾", IDMax/4),
		"a UUID":                         "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6e", "a space": "a b", "dots": "..",
		"a colon":           "a:b",
		"a backslash":       `a\b`,
		"an invoice":        "INV/2026/00001",
		"slashes alone":     "///",
		"a way out":         "../../etc/passwd",
		"letters and slash": "é/",
		"all that is plain": `!"#$%&'()*+,-./0:;<=>?@A[\]^_{|}~`, "a no-break space": "a\u00a0b",
		"the replacement character": "\ufffd",
	} {
		assert.NoError(t, CheckID("order id", id), what)
	}
	for id, want := range map[string]string{
		"":                             "order id is empty; give 1 to 64 bytes",
		strings.Repeat("x", IDMax+1):   "order id has 65 bytes; give at most 64",
		strings.Repeat("é", IDMax/2+1): "order id has 66 bytes; give at most 64",
		"a\x00b":                       `order id "a\x00b" has the control character U+0000 at byte 2` + breaks,
		"a\n":                          `order id "a\n" has the control character U+000A at byte 2` + breaks,
		"a\r\nb":                       `order id "a\r\nb" has the control character U+000D at byte 2` + breaks,
		"\x7f":                         `order id "\x7f" has the control character U+007F at byte 1` + breaks,
		"a\u0085":                      `order id "a\u0085" has the control character U+0085 at byte 2` + breaks,
		"a\xffb":                       `order id "a\xffb" is not UTF-8 from byte 2 on` + noJSON,
		"\xf0\x9f\xa7":                 `order id "\xf0\x9f\xa7" is not UTF-8 from byte 1 on` + noJSON,
	} {
		err := CheckID("order id", id)
		require.ErrorIs(t, err, ErrInvalidID)
		require.ErrorIs(t, err, ErrInvalid)
		assert.EqualError(t, err, want)
	}
	assert.Less(t, len(CheckID("order id", strings.Repeat("x", 1<<20)).Error()), 100, "an error stays short")
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = CheckID("order id", "order-1") }))
}

// Whatever no log can hold is refused by Validate and by AppendFrame alike, and named.
// Eight bytes at a time or one by one: every byte value, at every place, alone and beside what could hide it.
func TestPlainIsWhatItSays(t *testing.T) {
	for _, filler := range []byte{' ', '.', '0', '~'} {
		for size := range 18 {
			require.True(t, plain(strings.Repeat(string(filler), size)))
			for at := range size {
				for c := range 256 {
					id := bytes.Repeat([]byte{filler}, size)
					id[at] = byte(c)
					want := c >= ' ' && c <= '~'
					if plain(string(id)) != want {
						t.Fatalf("%q: byte %#x at %d of %d", id, c, at, size)
					}
				}
			}
		}
	}
}

// A frame's header is checked once more only where some text is not plain; what that finds must be the same.
func TestDecodeChecksWhatIsNotPlain(t *testing.T) {
	spoil := map[string]func(*Record){
		"an order id with a tab":    func(r *Record) { r.Stream.ID = "a\tb" },
		"no order id":               func(r *Record) { r.Stream.ID = "" },
		"a category with a newline": func(r *Record) { r.Stream.Category = "or\nder" },
		"no record id":              func(r *Record) { r.ID = "" },
		"a command id with a NUL":   func(r *Record) { r.CommandID = "c\x00" },
		"an actor with a NUL":       func(r *Record) { r.Actor = "shop\x00till" },
		"a status with a tab":       func(r *Record) { r.Head.Status = "paid\tish" },
		"a phase with a tab":        func(r *Record) { r.Head.Phase = "i\tdle" },
		"an empty key":              func(r *Record) { r.Keys[1] = "" },
	}
	for name, change := range spoil {
		t.Run(name, func(t *testing.T) {
			r := full(t, KindPaymentPaid)
			change(&r)
			frame, _, err := current.appendFrame(nil, &r) // as a writer that checks nothing
			require.NoError(t, err)
			_, err = DecodeFrame(frame)
			require.ErrorIs(t, err, ErrDamaged)
			assert.ErrorContains(t, err, "has what could not be written: "+r.Validate().Error())
		})
	}
}

func TestRecordsThatNoLogHolds(t *testing.T) {
	bad := map[string]string{"NUL": "a\x00b", "newline": "a\nb", "not UTF-8": "a\xffb",
		"too long": strings.Repeat("x", IDMax+1)}
	ids := map[string]func(*Record, string){
		"record id":     func(r *Record, s string) { r.ID = s },
		"category":      func(r *Record, s string) { r.Stream.Category = s },
		"stream id":     func(r *Record, s string) { r.Stream.ID = s },
		"command id":    func(r *Record, s string) { r.CommandID = s },
		"actor":         func(r *Record, s string) { r.Actor = s },
		"head's status": func(r *Record, s string) { r.Head.Status = s },
		"head's phase":  func(r *Record, s string) { r.Head.Phase = s },
	}
	for field, set := range ids {
		for what, id := range bad {
			r := full(t, KindOrderCreated)
			set(&r, id)
			refused(t, r, field, ErrInvalidID, what)
		}
		r := full(t, KindOrderCreated)
		set(&r, "")
		if field == "record id" || field == "category" || field == "stream id" {
			refused(t, r, field, ErrInvalidID, "empty")
		} else {
			assert.NoError(t, r.Validate(), "%s may be missing", field)
		}
	}
	r := full(t, KindOrderCreated)
	r.Stream.Category = strings.Repeat("c", CategoryMax+1)
	refused(t, r, "category", ErrInvalidID, "longer than a category")

	for what, key := range map[string]Key{"empty": "", "too long": Key(strings.Repeat("k", KeyMax+1)),
		"not UTF-8": "k:\xff"} {
		r := full(t, KindOrderCreated)
		r.Keys[2] = key
		refused(t, r, "lookup key", ErrInvalidID, what)
	}
	r = full(t, KindOrderCreated)
	r.Keys = append(r.Keys, "one:more")
	refused(t, r, "lookup keys", ErrInvalid, "five")

	times := map[string]func(*Record, time.Time){
		"recorded time":         func(r *Record, at time.Time) { r.Recorded = at },
		"occurred time":         func(r *Record, at time.Time) { r.Occurred = at },
		"head's status time":    func(r *Record, at time.Time) { r.Head.StatusSince = at },
		"head's operation time": func(r *Record, at time.Time) { r.Head.OperationSince = at },
		"head's parked time":    func(r *Record, at time.Time) { r.Head.ParkedSince = at },
		"head's anomaly time":   func(r *Record, at time.Time) { r.Head.AnomalySince = at },
		"head's due time":       func(r *Record, at time.Time) { r.Head.Due = at },
	}
	for field, set := range times {
		for _, year := range []int{1, 1677, 2263, 9999} {
			r := full(t, KindOrderCreated)
			set(&r, time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))
			refused(t, r, field, ErrInvalid, "year")
		}
	}
}

func refused(t *testing.T, r Record, field string, sentinel error, what string) {
	t.Helper()
	err := r.Validate()
	require.ErrorIs(t, err, sentinel, "%s: %s", field, what)
	require.ErrorIs(t, err, ErrInvalid, "%s: %s", field, what)
	var invalid *InvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, field, invalid.Field, what)
	dst, again := AppendFrame([]byte("before"), r)
	assert.Equal(t, err, again, "%s: %s", field, what)
	assert.Equal(t, "before", string(dst), "%s: %s", field, what)
}

// only fills one text or body, so that a bound shows.
type only struct {
	filled.Plausible
	path  string
	value string
}

func (o only) Text(path string) string {
	if path == o.path {
		return o.value
	}
	return ""
}
func (o only) Body(path string) []byte { return []byte(o.Text(path)) }

// paths notes the path of every text and body.
type paths struct {
	filled.Plausible
	seen *[]string
}

func (p paths) Text(path string) string { *p.seen = append(*p.seen, path); return "" }
func (p paths) Body(path string) []byte { *p.seen = append(*p.seen, path); return nil }

// bounds are the lengths that the log takes of each text and body of the kind.
func bounds(t *testing.T, k Kind) map[string]int {
	t.Helper()
	var texts []string
	fact(t, k, paths{newPlausible(), &texts})
	found := map[string]int{}
	for _, path := range texts {
		for _, most := range []int{IDMax, TextMax, pathMax, signatureMax, BodyMax} {
			r := minimal(t, k)
			r.Event = fact(t, k, only{newPlausible(), path, strings.Repeat("x", most)})
			require.NoError(t, r.Validate(), "%s %s of %d bytes", k, path, most)
			r.Event = fact(t, k, only{newPlausible(), path, strings.Repeat("x", most+1)})
			if err := r.Validate(); err != nil {
				require.ErrorIs(t, err, ErrTooLarge)
				require.ErrorContains(t, err, "bytes; give at most ")
				found[path] = most
				break
			}
		}
		require.Contains(t, found, path, "%s: a bound that this test does not know", k)
	}
	return found
}

// largest fills everything to its bound.
type largest struct {
	filled.Plausible
	bounds map[string]int
}

func (l largest) Text(path string) string          { return strings.Repeat("x", l.bounds[path]) }
func (l largest) Body(path string) []byte          { return []byte(l.Text(path)) }
func (l largest) Number(string) uint64             { return 1<<64 - 1 }
func (l largest) Signed(string) int64              { return -1 }
func (l largest) Choice(_ string, m uint64) uint64 { return m }

// A record that keeps to each field's bound never meets the frame's: a fact that APO signed is not lost for being large
// in several places at once. The other way round, no bound is under what the outside may send.
func TestEverythingAtItsBoundFits(t *testing.T) {
	word, key := strings.Repeat("x", IDMax), Key(strings.Repeat("k", KeyMax))
	for _, k := range Kinds() {
		within := bounds(t, k)
		for path, most := range within {
			switch name := path[strings.LastIndex(path, ".")+1:]; name {
			case "Currency", "Fact", "Time", "KeyVersion":
			case "Trace": // our own
				assert.Equal(t, TraceMax, most, path)
			case "Method":
				assert.GreaterOrEqual(t, most, IDMax, path)
			default:
				assert.GreaterOrEqual(t, most, TextMax, path)
			}
		}
		r := Record{ID: word, Stream: Stream{strings.Repeat("c", CategoryMax), word}, Version: 1<<64 - 1, Position: 1<<64 - 1,
			Previous: 1<<64 - 1,
			Recorded: noon, Occurred: noon, CommandID: word, Actor: word,
			Head: Head{Status: word, StatusSince: noon, Phase: word, OperationSince: noon.Add(1), ParkedSince: noon.Add(2),
				AnomalySince: noon.Add(3), Due: noon},
			Keys: []Key{key, key, key, key}, Event: fact(t, k, largest{newPlausible(), within})}
		frame, err := AppendFrame(nil, r)
		require.NoError(t, err, k)
		require.LessOrEqual(t, len(frame), FrameMax)
		got, err := DecodeFrame(frame)
		require.NoError(t, err, k)
		assert.Equal(t, r, got)
	}
}

// What APO calls its things is not ours to judge: it is kept as it came, so that the signature still fits.
func TestForeignTextIsKeptAsItCame(t *testing.T) {
	for _, text := range []string{"\x00", "a\nb", "a/b", "\x7f\u0085\u2028", "=1+1", strings.Repeat("é", TextMax/2),
		"\ufeff", " "} {
		r := pending(text)
		r.Keys = nil
		r.Event = AnomalyObserved{PaymentID: text, TransferID: text, RequestID: text, Code: text, Detail: text}
		if len(text) < IDMax {
			r.Keys = []Key{NewKey(KeyPaymentID, text)}
		}
		frame, err := AppendFrame(nil, r)
		require.NoError(t, err, "%q", text)
		got, err := DecodeFrame(frame)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, r, got)
	}
	r := pending("p-1")
	r.Event = PaymentFailed{Code: "a\xffb"}
	_, err := AppendFrame(nil, r)
	assert.EqualError(t, err, "payment.failed.v1: code is not UTF-8; give text")
	r.Event = PaymentPaid{Proof: Proof{Evidence: &Evidence{Body: make([]byte, BodyMax+1)}}}
	_, err = AppendFrame(nil, r)
	assert.EqualError(t, err, "payment.paid.v1: body has 983041 bytes; give at most 983040")
	r.Event = CancelSucceeded{Cause: 6}
	_, err = AppendFrame(nil, r)
	assert.EqualError(t, err, "cancel.succeeded.v1: cause is 6, which has no name; give 0 to 5")
}

// A kind of a later version whose fields together do not fit is still refused, never cut.
func TestAFrameIsNeverCut(t *testing.T) {
	name, k := entry(pendingV3{}.Kind(), func(w *wire, e *pendingV3) {
		w.str(1, "source", &e.Source, FrameMax)
		w.str(3, "payment_id", &e.PaymentID, FrameMax)
	})
	r := pending("p-1")
	r.Event = pendingV3{Source: strings.Repeat("x", FrameMax-100), PaymentID: strings.Repeat("y", 50)}
	_, _, err := codec{}.with(name, k).appendFrame(nil, &r)
	require.ErrorIs(t, err, ErrTooLarge)
	assert.ErrorContains(t, err, "payment.pending.v3 needs a frame of ")

	r.Event = pendingV3{Source: "x"}
	small, _, err := codec{}.with(name, k).appendFrame(nil, &r)
	require.NoError(t, err)
	more := 1 - 2 - 2 - longerSize // one "x" is there already, and the lengths take more: of text, payload and frame
	r.Event = pendingV3{Source: strings.Repeat("x", FrameMax-len(small)+more)}
	fits, _, err := codec{}.with(name, k).appendFrame(nil, &r)
	require.NoError(t, err)
	require.Len(t, fits, FrameMax, "as full as can be")
	got, err := codec{}.with(name, k).decodeFrame(fits)
	require.NoError(t, err)
	assert.Equal(t, r, got)
}

func TestErrorsSpeakForThemselves(t *testing.T) {
	for _, tt := range []struct {
		err  error
		is   []error
		want string
	}{
		{&InvalidError{Field: "actor", Problem: "is empty; give one"}, []error{ErrInvalid}, "actor is empty; give one"},
		{&InvalidError{Field: "actor", Problem: "is long", Err: ErrTooLarge}, []error{ErrInvalid, ErrTooLarge},
			"actor is long"},
		{&FrameError{Offset: 7, Field: "kind", Problem: "is missing"}, []error{ErrDamaged},
			"damaged frame: at byte 7, kind is missing; restore the log from a backup and keep this one for comparison"},
		{&FrameError{Err: ErrTruncated}, []error{ErrDamaged, ErrTruncated}, "damaged frame"},
		{&UpgradeError{"frame", "format 2", "format 1"}, []error{ErrUpgrade}, "upgrade first"},
	} {
		for _, sentinel := range []error{ErrInvalid, ErrInvalidID, ErrTooLarge, ErrDamaged, ErrTruncated, ErrUpgrade} {
			want := false
			for _, s := range tt.is {
				want = want || s == sentinel
			}
			assert.Equal(t, want, errors.Is(tt.err, sentinel), "%v is %v", tt.err, sentinel)
		}
		assert.ErrorContains(t, tt.err, tt.want)
	}
}

// The page on the log's format names the same bounds.
func TestLogFormatNamesTheBounds(t *testing.T) {
	raw, err := os.ReadFile("../docs/reference/log-format.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(raw), "| field | bytes at most |\n|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	page := map[string]int{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		most, err := strconv.Atoi(strings.TrimSpace(cells[2]))
		require.NoError(t, err, row)
		for name := range strings.SplitSeq(cells[1], ",") {
			page[strings.Trim(name, " `")] = most
		}
	}
	used := map[string]bool{}
	for _, k := range Kinds() {
		for path, most := range bounds(t, k) {
			name := snake(path[strings.LastIndex(path, ".")+1:])
			if name == "method" && strings.Contains(path, "Evidence") {
				name = "method` of an `evidence"
			}
			if _, own := page[name]; !own {
				name = "all other text"
			}
			used[name] = true
			assert.Equal(t, page[name], most, "%s %s", k, path)
		}
	}
	assert.Len(t, used, len(page), "the page names a field that no fact has")
}
