package events_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

const logFormat = "../docs/reference/log-format.md"

// example is the record that the page takes apart.
func example() events.Record {
	second := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return events.Record{
		ID: "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", Stream: events.OrderStream("order-1"), Version: 3, Position: 300,
		Previous: 299,
		Recorded: second.Add(250 * time.Millisecond), Occurred: second, Actor: "apo",
		Head: events.Head{Status: "authorized", StatusSince: second, Phase: "idle", Due: second.Add(10 * time.Minute)},
		Keys: []events.Key{events.NewKey(events.KeyPaymentID, "p-7")},
		Event: events.PaymentAuthorized{
			PaymentID: "p-7", Amount: events.Money{Minor: 12345, Currency: "USD"}, At: second, Expires: second.AddDate(0, 0, 7),
			GatewayCapture: true, Due: second.Add(10 * time.Minute), Proof: events.Proof{Via: events.ViaInquiry, Inquiry: 1},
		},
	}
}

// page returns the text and the cells of the table that follows the heading.
func page(t *testing.T, heading string) (text string, rows [][]string) {
	t.Helper()
	raw, err := os.ReadFile(logFormat)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(raw), "\n## "+heading+"\n")
	require.True(t, found, "the page has a section %q", heading)
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|\n"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) > 0 {
		rows = rows[1:] // the table's own heading
	}
	return string(raw), rows
}

// TestLogFormatExample reads the example by the page's own table, as somebody would who has nothing else, and compares
// what comes out with the page; then the library has to agree on the bytes, both ways.
func TestLogFormatExample(t *testing.T) {
	text, fields := page(t, "The frame")
	_, block, found := strings.Cut(text, "```frame\n")
	require.True(t, found)
	block, _, _ = strings.Cut(block, "```")

	frame, err := events.AppendFrame(nil, example())
	require.NoError(t, err)
	byThePage := &reader{t: t, b: frame, proto: messages(t)}
	byThePage.frame(fields)
	assert.Equal(t, byThePage.lines.String(), block, "the page's example is the frame, field by field")

	var stored []byte
	for line := range strings.Lines(block) {
		columns := strings.Fields(line)
		offset, err := strconv.Atoi(columns[0])
		require.NoError(t, err)
		require.Equal(t, len(stored), offset, "%s", line)
		piece, err := hex.DecodeString(columns[1])
		require.NoError(t, err)
		stored = append(stored, piece...)
	}
	record, err := events.DecodeFrame(stored)
	require.NoError(t, err)
	assert.Equal(t, example(), record)
	assert.Equal(t, frame, stored)
}

// TestLogFormatTellsLongFrames: a frame whose length two bytes do not tell is read by the page as well.
func TestLogFormatTellsLongFrames(t *testing.T) {
	_, fields := page(t, "The frame")
	r := example()
	e := r.Event.(events.PaymentAuthorized)
	e.Proof = events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{Body: bytes.Repeat([]byte("x"), 1<<16)}}
	r.Event = e
	frame, err := events.AppendFrame(nil, r)
	require.NoError(t, err)
	require.Equal(t, []byte{0xff, 0xff, 0, 1}, frame[:4])
	byThePage := &reader{t: t, b: frame, proto: messages(t)}
	byThePage.frame(fields)
	assert.Contains(t, byThePage.lines.String(), strings.Repeat("x", 1<<16))
}

// TestLogFormatBounds: what the page calls the most is what fits, and one more is refused.
func TestLogFormatBounds(t *testing.T) {
	text, fields := page(t, "The frame")
	assert.Contains(t, text, fmt.Sprintf("at most %d %03d bytes", events.FrameMax/1000, events.FrameMax%1000))
	assert.Contains(t, text, fmt.Sprintf("| format version | byte | | %d |", events.FrameVersion))
	put := map[string]func(*events.Record, int){
		"category":       func(r *events.Record, n int) { r.Stream.Category = strings.Repeat("c", n) },
		"stream id":      func(r *events.Record, n int) { r.Stream.ID = strings.Repeat("s", n) },
		"record id":      func(r *events.Record, n int) { r.ID = strings.Repeat("r", n) },
		"command id":     func(r *events.Record, n int) { r.CommandID = strings.Repeat("c", n) },
		"actor":          func(r *events.Record, n int) { r.Actor = strings.Repeat("a", n) },
		"head's status":  func(r *events.Record, n int) { r.Head.Status = strings.Repeat("s", n) },
		"head's phase":   func(r *events.Record, n int) { r.Head.Phase = strings.Repeat("p", n) },
		"number of keys": func(r *events.Record, n int) { r.Keys = slices.Repeat([]events.Key{"k"}, n) },
		"key":            func(r *events.Record, n int) { r.Keys = []events.Key{events.Key(strings.Repeat("k", n))} },
	}
	for _, row := range fields {
		field, bound := row[0], row[2]
		set, bounded := put[field]
		if !bounded {
			assert.True(t, bound == "" || field == "kind", "%s has a bound that nothing here tries", field)
			continue
		}
		most, err := strconv.Atoi(bound)
		require.NoError(t, err, field)
		r := example()
		set(&r, most)
		_, err = events.AppendFrame(nil, r)
		assert.NoError(t, err, field)
		set(&r, most+1)
		_, err = events.AppendFrame(nil, r)
		assert.ErrorIs(t, err, events.ErrInvalid, field)
	}
}

// TestLogFormatKinds: the page names every kind, and each one's message is in the schema.
func TestLogFormatKinds(t *testing.T) {
	_, rows := page(t, "The payload")
	schema := messages(t)
	var kinds []events.Kind
	for _, row := range rows {
		kinds = append(kinds, events.Kind(strings.Trim(row[0], "`")))
		assert.True(t, schema[row[1]] != nil, "%s is not in the schema", row[1])
		assert.Equal(t, messageOf(strings.TrimSuffix(strings.Trim(row[0], "`"), ".v1")), row[1])
	}
	assert.Equal(t, events.Kinds(), kinds)
}

// messageOf turns "cancel.requested" into "CancelRequested".
func messageOf(name string) string {
	var message strings.Builder
	for _, word := range strings.Split(name, ".") {
		message.WriteRune(unicode.ToUpper(rune(word[0])))
		message.WriteString(word[1:])
	}
	return message.String()
}

// protoField is a field of the published schema.
type protoField struct{ typ, name string }

// messages reads the fields of every message out of the published schema, by number.
func messages(t *testing.T) map[string]map[uint64]protoField {
	t.Helper()
	raw, err := os.ReadFile("tilltape.proto")
	require.NoError(t, err)
	schema := map[string]map[uint64]protoField{}
	field := regexp.MustCompile(`^  (?:optional )?(\w+) (\w+) = (\d+);`)
	message := ""
	for line := range strings.Lines(string(raw)) {
		if name, found := strings.CutPrefix(line, "message "); found {
			message = strings.TrimSuffix(name, " {\n")
			schema[message] = map[uint64]protoField{}
		}
		if m := field.FindStringSubmatch(line); m != nil {
			number, err := strconv.ParseUint(m[3], 10, 64)
			require.NoError(t, err)
			schema[message][number] = protoField{m[1], m[2]}
		}
	}
	require.NotEmpty(t, schema)
	return schema
}

// reader takes a frame apart by the page alone: it shares no code with the package and none with protobuf's.
type reader struct {
	t     *testing.T
	b     []byte
	at    int
	proto map[string]map[uint64]protoField
	kind  string
	lines strings.Builder
}

func (r *reader) take(n int) []byte {
	require.LessOrEqual(r.t, r.at+n, len(r.b))
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) varint() (value uint64) {
	for shift := 0; ; shift += 7 {
		b := r.take(1)[0]
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value
		}
	}
}

// line writes a line of the example: what was read since begin.
func (r *reader) line(begin int, field, value string) {
	fmt.Fprintf(&r.lines, "%3d  %-40x  %-22s %s\n", begin, r.b[begin:r.at], field, value)
}

func instant(nanos int64) string { return time.Unix(0, nanos).UTC().Format(time.RFC3339Nano) }

func (r *reader) time() string {
	if nanos := int64(binary.BigEndian.Uint64(r.take(8))); nanos != math.MinInt64 {
		return instant(nanos)
	}
	return "no time"
}

func (r *reader) moment(stood map[string]string) string {
	switch form := r.take(1)[0]; form {
	case 0:
		return "no time"
	case 1:
		return stood["recorded time"]
	case 2:
		return stood["occurred time"]
	default:
		require.Equal(r.t, byte(8), form)
		return r.time()
	}
}

func (r *reader) name(most int) string {
	n := int(r.varint())
	if n <= most {
		return string(r.take(n))
	}
	text, b := string(r.take(n-most-1)), r.take(16)
	return fmt.Sprintf("%s%x-%x-%x-%x-%x", text, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// length is that of what follows in the frame.
func (r *reader) length() int {
	size := int(binary.BigEndian.Uint16(r.take(2)))
	if size == 0xffff {
		size = int(binary.BigEndian.Uint32(r.take(4)))
		require.Greater(r.t, size, 65_534)
	}
	require.Equal(r.t, len(r.b)-r.at, size)
	return size
}

// frame follows the page's table, row by row.
func (r *reader) frame(rows [][]string) {
	keys, times, stood := 0, 0, map[string]string{}
	for _, row := range rows {
		field, form := row[0], row[1]
		repeats := 1
		if field == "key" {
			repeats = keys
		}
		if bit, optional := strings.CutPrefix(form, "moment if "); optional {
			mask, err := strconv.Atoi(bit)
			require.NoError(r.t, err)
			if form = "moment"; times&mask == 0 {
				repeats = 0
			}
		}
		for range repeats {
			begin, value := r.at, ""
			switch form {
			case "byte":
				value = strconv.Itoa(int(r.take(1)[0]))
				if field == "head's times" {
					times = int(r.b[begin])
				}
			case "length":
				value = strconv.Itoa(r.length())
			case "varint":
				number := r.varint()
				value = strconv.FormatUint(number, 10)
				if field == "number of keys" {
					keys = int(number)
				}
			case "time":
				value = r.time()
				stood[field] = value
			case "moment":
				value = r.moment(stood)
				stood[field] = value
			case "text":
				text := string(r.take(int(r.varint())))
				value = strconv.Quote(text)
				if field == "kind" {
					r.kind = text
				}
			case "name":
				most, err := strconv.Atoi(row[2])
				require.NoError(r.t, err)
				value = strconv.Quote(r.name(most))
			case "key":
				most, err := strconv.Atoi(row[2])
				require.NoError(r.t, err)
				begins := [...]string{"", "paymentId:", "paymentRequestId:", "captureRequestId:", "refundRequestId:"}
				value = strconv.Quote(begins[r.take(1)[0]] + r.name(most))
			case "bytes":
				size := int(r.varint())
				r.line(begin, field, fmt.Sprintf("%d bytes", size))
				r.message(messageOf(r.kind), "", r.at+size)
				continue
			default:
				require.Fail(r.t, "the page names a form that it does not explain", form)
			}
			r.line(begin, field, value)
		}
	}
	require.Equal(r.t, len(r.b), r.at, "the table covers the frame")
}

// message follows the schema up to end.
func (r *reader) message(name, indent string, end int) {
	for r.at < end {
		begin := r.at
		tag := r.varint()
		field, known := r.proto[name][tag>>3]
		require.True(r.t, known, "field %d of %s", tag>>3, name)
		label := indent + "  " + field.name
		switch tag & 7 {
		case 0:
			r.line(begin, label, strconv.FormatUint(r.varint(), 10))
		case 1:
			r.line(begin, label, instant(int64(binary.LittleEndian.Uint64(r.take(8)))))
		case 2:
			size := int(r.varint())
			if _, nested := r.proto[field.typ]; nested {
				r.line(begin, label, fmt.Sprintf("%d bytes", size))
				r.message(field.typ, indent+"  ", r.at+size)
				continue
			}
			text := string(r.take(size))
			r.line(begin, label, strconv.Quote(text))
		default:
			require.Fail(r.t, "a wire type that no payload has", "%d", tag&7)
		}
	}
	require.Equal(r.t, end, r.at)
}
