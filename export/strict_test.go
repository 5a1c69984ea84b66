package export_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/store"
)

// wrong reads an export that is not as it was written, and returns the error.
func wrong(t *testing.T, text []byte) error {
	t.Helper()
	l, err := export.New("x.jsonl", bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return err
	}
	return l.Verify(t.Context(), nil)
}

// changed is a copy of the lines in which one is changed.
func changed(of []string, line int, change func(string) string) []byte {
	copied := append([]string(nil), of...)
	copied[line-1] = change(copied[line-1])
	return joined(copied...)
}

// Whatever is changed in a line is damage, with the number of the line; of the whole too, where each line is good.
func TestWhatIsNotWrittenSoIsDamage(t *testing.T) {
	original := inMemory(t)
	everyKind(t, original)
	_, text := exported(t, original, nil)
	of := lines(text)
	replace := func(line int, was, is string) []byte {
		require.Contains(t, of[line-1], was)
		return changed(of, line, func(s string) string { return strings.Replace(s, was, is, 1) })
	}
	position4 := func(s string) string { // another record of position 4, that is good by itself
		r, _, err := jsonform.DecodeStored([]byte(s))
		require.NoError(t, err)
		r.Actor = "mallory"
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		doc, err := jsonform.AppendStored(nil, r, frame)
		require.NoError(t, err)
		return string(doc)
	}
	for what, c := range map[string]struct {
		text []byte
		line uint64 // 0: no line is wrong by itself
		want string
	}{
		"the part that people read": {replace(5, `"actor":"`, `"actor":"not `), 5, "holds another record"},
		"the bytes that count":      {replace(5, `"frame":"`, `"frame":"AAAA`), 5, "frame"},
		"a space":                   {replace(5, `,"stream"`, `, "stream"`), 5, "not spelled as it was written"},
		"no frame": {changed(of, 5, func(s string) string {
			head, _, _ := strings.Cut(s, `,"frame"`)
			return head + "}"
		}), 5, "frame is missing"},
		"a line removed":         {joined(append(append([]string{}, of[:4]...), of[5:]...)...), 5, "position 4 belongs here"},
		"a line doubled":         {joined(append(append([]string{}, of[:5]...), of[4:]...)...), 6, "position 5 belongs here"},
		"two lines swapped":      {joined(append([]string{of[0], of[2], of[1]}, of[3:]...)...), 2, "position 1 belongs here"},
		"a line added":           {append(bytes.Clone(text), of[4]+"\n"...), uint64(len(of)) + 1, "after the 36 records"},
		"a byte added":           {append(bytes.Clone(text), ' '), uint64(len(of)) + 1, "after the 36 records"},
		"an empty line":          {replace(5, of[4], ""), 5, "not what an export writes"},
		"a record made anew":     {changed(of, 5, position4), 0, "its records come to the root"},
		"another root":           {changed(of, 1, anotherRoot), 0, "its records come to the root"},
		"a header made longer":   {replace(1, `"count"`, ` "count"`), 1, "is not spelled as one is written"},
		"a header that says all": {replace(1, `these are all`, `these may be all`), 1, "is not spelled as one is written"},
		"another count":          {replace(1, `"count":"36"`, `"count":"35"`), 1, "counts 35 records of a log of 36"},
		"a count that is none":   {replace(1, `"count":"36"`, `"count":"036"`), 1, "has no count"},
		"a header that is none":  {replace(1, `"root"`, `root`), 1, "is not JSON"},
		"no origin":              {replace(1, `"origin"`, `"or"`), 1, "has no origin"},
	} {
		err := wrong(t, c.text)
		require.ErrorIs(t, err, store.ErrDamaged, what)
		require.NotErrorIs(t, err, export.ErrCutOff, what)
		assert.ErrorContains(t, err, c.want, what)
		if at, ok := errors.AsType[*export.LineError](err); c.line > 0 && assert.True(t, ok, "%s: %v", what, err) {
			assert.Equal(t, c.line, at.Line, what)
			assert.Contains(t, err.Error(), fmt.Sprintf("export x.jsonl, line %d", c.line))
		}
	}
	require.NoError(t, wrong(t, text), "and what is as it was written is clean")
}

func anotherRoot(header string) string {
	before, after, _ := strings.Cut(header, `"root":"`)
	return before + `"root":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + after[44:]
}

// Cut anywhere, an export says so; only where nothing is missing it is whole.
func TestAnExportThatIsCutOff(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 1)
	_, text := exported(t, original, nil)
	step := max(1, len(text)/300)
	for n := 64; n < len(text); n += step {
		err := wrong(t, text[:n])
		require.ErrorIs(t, err, export.ErrCutOff, "after %d bytes of %d", n, len(text))
		require.ErrorIs(t, err, store.ErrDamaged)
	}
	require.ErrorIs(t, wrong(t, text[:len(text)-1]), export.ErrCutOff, "its last line has an end")
}

// Any byte that is another one is found, but for the log's name: that only a signature is over.
func TestAnyByteCounts(t *testing.T) {
	original := inMemory(t)
	everyKind(t, original)
	_, text := exported(t, original, nil)
	_, some := exported(t, original, &export.Config{Filter: export.Filter{Orders: []string{"o-1", "o-3"}}})
	random := rand.New(rand.NewPCG(1, 2))
	for _, text := range [][]byte{text, some} {
		origin := bytes.Index(text, []byte(`"origin":"`)) + len(`"origin":"`)
		for range 150 {
			at := random.IntN(len(text))
			if at >= origin && at < bytes.IndexByte(text[origin:], '"')+origin {
				continue
			}
			damaged := bytes.Clone(text)
			damaged[at] ^= 1 << random.IntN(8)
			err := wrong(t, damaged)
			require.Error(t, err, "byte %d, %q for %q", at, damaged[at], text[at])
			if at >= len(`{"export":"tilltape","version":"1"`) {
				require.ErrorIs(t, err, store.ErrDamaged)
			}
		}
	}
}

func TestWhatIsNoExport(t *testing.T) {
	for what, text := range map[string]string{"empty": "", "text": "hello\n", "a record": `{"position":"1"}` + "\n"} {
		require.ErrorIs(t, wrong(t, []byte(text)), export.ErrNotExport, what)
		assert.False(t, export.Is([]byte(text)), what)
	}
	_, text := exported(t, inMemory(t), nil)
	assert.True(t, export.Is(text[:64]))
	newer := bytes.Replace(text, []byte(`"version":"1"`), []byte(`"version":"2"`), 1)
	err := wrong(t, newer)
	require.ErrorIs(t, err, store.ErrNewerFormat)
	assert.ErrorContains(t, err, "version 2, and this version of the library reads version 1")
	assert.True(t, export.Is(newer[:64]))

	folder := t.TempDir()
	_, err = export.Open(filepath.Join(folder, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = export.Open(folder)
	require.ErrorIs(t, err, store.ErrStorage)
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, []byte("hello"), 0o600))
	_, err = export.Open(file)
	require.ErrorIs(t, err, export.ErrNotExport)
}

// A line that is too long is not read into memory whole.
func TestALineWithoutAnEnd(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 1)
	_, text := exported(t, original, nil)
	long := append([]byte(lines(text)[0]+"\n"), bytes.Repeat([]byte("a"), export.LineMax+1<<20)...)
	err := wrong(t, long)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "longer than the")
	header := append([]byte(lines(text)[0]), bytes.Repeat([]byte(" "), export.HeaderMax)...)
	err = wrong(t, header)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "its header is longer than one can be")
}

// turning is a file that becomes another one once it was read to its end.
type turning struct {
	first, then []byte
	turned      bool
}

func (f *turning) ReadAt(b []byte, at int64) (int, error) {
	text := f.first
	if f.turned {
		text = f.then
	}
	n := copy(b, text[min(int(at), len(text)):])
	if int(at)+n == len(text) {
		f.turned = true
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// A file that is exchanged between the two times that it is read proves nothing.
func TestAFileThatChangesMeanwhile(t *testing.T) {
	original, other := inMemory(t), inMemory(t)
	for l, actor := range map[log]string{original: "alice", other: "mally"} {
		_, err := l.Append(t.Context(), events.OrderStream("o-1"), 0, events.Record{ID: "r", Recorded: noon,
			Occurred: noon, Actor: actor, Event: events.PaymentPending{PaymentID: "p"}})
		require.NoError(t, err)
	}
	_, text := exported(t, original, nil)
	_, second := exported(t, other, nil)
	forged := joined(lines(text)[0], lines(second)[1])
	require.Len(t, forged, len(text))
	file := &turning{first: text, then: forged}
	l, err := export.New("x.jsonl", file, int64(len(text)))
	require.NoError(t, err)
	file.turned = false
	err = l.Verify(t.Context(), nil)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "its records come to the root")
}
