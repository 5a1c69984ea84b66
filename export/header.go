package export

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Version is the version of the format that [Write] writes.
const Version = 1

const (
	// magic is what every export begins with, whatever its version.
	magic = `{"export":"tilltape","version":"`
	// HeaderMax is the length of the longest header that is read, in bytes: room for as many orders as a filter can name,
	// a checkpoint and a long ancestry.
	HeaderMax = 8 << 20
	// stampForm is how times are spelled, as in package jsonform.
	stampForm = "2006-01-02T15:04:05.000000000Z"
)

// What an export proves, in the words of its header.
const (
	provesAll = "these are all records that the log had: together they come to its root"
	provesIn  = "each of these records is in the log; not that the log has no others that fit the filter"
)

// Header is the first line of an export: what it is of, and how much of it.
type Header struct {
	// Checkpoint is what the log held when it was exported: its origin, the number of its records, and the root over
	// them.
	Checkpoint seal.Checkpoint
	// Signed is the same as a signed checkpoint ([seal.Open] reads it), where the log had a signer; otherwise nil. Nothing
	// here looks at its signature, since only the auditor has the key to hold it against.
	Signed []byte
	// Ancestry is what the log held under each of its earlier origins, oldest first.
	Ancestry []seal.Checkpoint
	Count    uint64 // of the records in the export
	Filter   Filter
}

// Proves says in a sentence what the records of this export can prove, as the header itself does.
func (h Header) Proves() string {
	if h.Filter.Everything() {
		return provesAll
	}
	return provesIn
}

// The header's document; see docs/reference/export.md. Its members are in the order of the fields.
type headerForm struct {
	Export     string           `json:"export"`
	Version    string           `json:"version"`
	Origin     string           `json:"origin"`
	Size       string           `json:"size"`
	Root       string           `json:"root"`
	Count      string           `json:"count"`
	Filter     *filterForm      `json:"filter,omitempty"`
	Proves     string           `json:"proves"`
	Ancestry   []checkpointForm `json:"ancestry,omitempty"`
	Checkpoint string           `json:"checkpoint,omitempty"`
}

type filterForm struct {
	Orders []string `json:"orders,omitempty"`
	From   string   `json:"from,omitempty"`
	Until  string   `json:"until,omitempty"`
}

type checkpointForm struct {
	Origin string `json:"origin"`
	Size   string `json:"size"`
	Root   string `json:"root"`
}

func formOf(c seal.Checkpoint) checkpointForm {
	return checkpointForm{Origin: c.Origin, Size: digits(c.Size), Root: c.Root.String()}
}

// appendHeader appends the header's line.
func appendHeader(dst []byte, h *Header) ([]byte, error) {
	is := formOf(h.Checkpoint)
	form := headerForm{Export: "tilltape", Version: digits(Version), Origin: is.Origin, Size: is.Size, Root: is.Root,
		Count: digits(h.Count), Proves: h.Proves(), Checkpoint: string(h.Signed)}
	for _, c := range h.Ancestry {
		form.Ancestry = append(form.Ancestry, formOf(c))
	}
	if f := h.Filter; !f.Everything() {
		form.Filter = &filterForm{Orders: f.Orders, From: stamp(f.From), Until: stamp(f.Until)}
	}
	line := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(form); err != nil { // texts alone: it cannot fail
		return dst, err
	}
	return line.Bytes(), nil
}

// Is tells whether a file that begins with these bytes is an export, of this version or another; 64 bytes are enough.
func Is(begins []byte) bool { return bytes.HasPrefix(begins, []byte(magic)) }

// parseHeader reads a header's line, without the line break. name is of the export.
func parseHeader(name string, line []byte) (*Header, error) {
	if !Is(line) {
		return nil, fmt.Errorf("%s is %w: it does not begin as one; name a file that export wrote", name, ErrNotExport)
	}
	version, _, _ := strings.Cut(string(line[len(magic):min(len(line), len(magic)+20)]), `"`)
	if n, ok := number(version); ok && n > Version {
		return nil, fmt.Errorf("export %s has version %d, and this version of the library reads version %d: %w; upgrade",
			name, n, Version, store.ErrNewerFormat)
	}
	wrong := func(reason string) error { return &LineError{Name: name, Line: 1, Reason: "its header " + reason} }
	var form headerForm
	if err := json.Unmarshal(line, &form); err != nil {
		return nil, wrong("is not JSON")
	}
	h, reason := form.header()
	if reason != "" {
		return nil, wrong(reason)
	}
	again, err := appendHeader(nil, h)
	if err != nil || !bytes.Equal(again, append(bytes.Clone(line), '\n')) {
		return nil, wrong("is not spelled as one is written")
	}
	return h, nil
}

// header is what the form says; the reason is empty where all of it is good.
func (form *headerForm) header() (h *Header, reason string) {
	h = &Header{}
	var ok bool
	if h.Checkpoint, ok = (checkpointForm{form.Origin, form.Size, form.Root}).checkpoint(); !ok {
		return nil, "has no origin, size and root"
	}
	if h.Count, ok = number(form.Count); !ok {
		return nil, "has no count"
	}
	for _, f := range form.Ancestry {
		c, ok := f.checkpoint()
		if !ok {
			return nil, "has an ancestor without origin, size and root"
		}
		h.Ancestry = append(h.Ancestry, c)
	}
	if form.Filter != nil {
		h.Filter = Filter{Orders: form.Filter.Orders}
		var errFrom, errUntil error
		h.Filter.From, errFrom = parseStamp(form.Filter.From)
		h.Filter.Until, errUntil = parseStamp(form.Filter.Until)
		normal, err := h.Filter.normal()
		if errFrom != nil || errUntil != nil || err != nil {
			return nil, "has a filter that is none"
		}
		h.Filter = normal
	}
	if h.Filter.Everything() && h.Count != h.Checkpoint.Size || h.Count > h.Checkpoint.Size {
		return nil, fmt.Sprintf("counts %s of a log of %d", words.Counted(h.Count, "record"), h.Checkpoint.Size)
	}
	if form.Checkpoint != "" {
		if h.Signed = []byte(form.Checkpoint); !signs(h.Signed, h.Checkpoint) {
			return nil, "has a checkpoint of something else"
		}
	}
	return h, ""
}

func (f checkpointForm) checkpoint() (c seal.Checkpoint, ok bool) {
	c.Origin = f.Origin
	var hasSize, hasRoot bool
	c.Size, hasSize = number(f.Size)
	c.Root, hasRoot = hashOf(f.Root)
	return c, hasSize && hasRoot && c.Origin != "" && c.Size <= seal.MaxSize
}

// signs tells whether a signed checkpoint is about just this.
func signs(signed []byte, c seal.Checkpoint) bool {
	return len(signed) <= seal.MaxCheckpoint && bytes.HasPrefix(signed, []byte(c.String()))
}

// told is what a signed checkpoint says, whoever signed it: our own log has.
func told(signed []byte) (c seal.Checkpoint, ok bool) {
	lines := strings.SplitN(string(signed), "\n", 4)
	if len(lines) < 4 {
		return c, false
	}
	c, ok = checkpointForm{lines[0], lines[1], lines[2]}.checkpoint()
	return c, ok && signs(signed, c)
}

func hashOf(text string) (h seal.Hash, ok bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != seal.HashSize {
		return h, false
	}
	return seal.Hash(b), seal.Hash(b).String() == text
}

func digits(n uint64) string { return strconv.FormatUint(n, 10) }

// number reads what digits wrote.
func number(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && digits(n) == text
}

// stamp is a time's text; the zero time has none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(stampForm)
}

// parseStamp reads what stamp wrote.
func parseStamp(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.ParseInLocation(stampForm, text, time.UTC)
}
