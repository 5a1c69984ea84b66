package apotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// scriptMax bounds a script, in bytes.
const scriptMax = 1 << 20

// String writes the fault as a line of a script; [ParseScript] reads it back.
func (f Fault) String() string {
	calls := "*"
	if f.From > 0 {
		calls = strconv.Itoa(f.From)
		if f.To > f.From {
			calls += "-" + strconv.Itoa(f.To)
		}
	}
	words := []string{string(f.Op), calls, string(f.Do)}
	if f.Code != "" {
		words = append(words, f.Code)
	}
	if f.HTTPStatus != 0 {
		words = append(words, strconv.Itoa(f.HTTPStatus))
	}
	if f.Delay != 0 {
		words = append(words, f.Delay.String())
	}
	if f.Times != 0 {
		words = append(words, strconv.Itoa(f.Times))
	}
	if f.After {
		words = append(words, "after")
	}
	if f.For != "" {
		words = append(words, "for", f.For)
	}
	return strings.Join(words, " ")
}

// ParseScript reads a script, as text or as JSON; the package documentation
// describes both. The error wraps [ErrScript] and names the line.
func ParseScript(text []byte) ([]Fault, error) {
	if len(text) > scriptMax {
		return nil, fmt.Errorf("%w: it has %d bytes, above %d", ErrScript, len(text), scriptMax)
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '[' {
		return parseJSONScript(trimmed)
	}
	var faults []Fault
	for number, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// parseJSONScript reads a list of objects whose members are the parts of a line.
func parseJSONScript(text []byte) ([]Fault, error) {
	var entries []struct {
		Op    string `json:"op"`
		Calls string `json:"calls"`
		Do    string `json:"do"`
		For   string `json:"for"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&entries); err != nil {
		return nil, fmt.Errorf("%w: not a JSON list of faults: %w", ErrScript, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the JSON list", ErrScript)
	}
	var faults []Fault
	for number, entry := range entries {
		if entry.Calls == "" {
			entry.Calls = "*"
		}
		words := append([]string{entry.Op, entry.Calls}, strings.Fields(entry.Do)...)
		if entry.For != "" {
			words = append(words, "for", entry.For)
		}
		f, err := parseFault(words)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", number+1, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// parseFault reads OP CALLS DO [ARGUMENT] [before|after] [for ID].
func parseFault(words []string) (Fault, error) {
	bad := func(reason string) (Fault, error) {
		return Fault{}, fmt.Errorf("%w: %q: %s", ErrScript, strings.Join(words, " "), reason)
	}
	if len(words) < 3 {
		return bad("write OP CALLS DO, for instance: cancel 1 unknown")
	}
	f := Fault{Op: Op(words[0]), Do: Do(words[2])}
	var ok bool
	if f.From, f.To, ok = parseCalls(words[1]); !ok {
		return bad("calls are counted from 1 and run upwards; give 1, 2-4 or *")
	}
	rest := words[3:]
	if n := len(rest); n >= 2 && rest[n-2] == "for" {
		f.For, rest = rest[n-1], rest[:n-2]
	}
	if n := len(rest); n > 0 && (rest[n-1] == "after" || rest[n-1] == "before") {
		f.After, rest = rest[n-1] == "after", rest[:n-1]
	}
	if len(rest) > 1 {
		return bad("too many words: one argument, before or after, and for ID may follow")
	}
	if len(rest) == 1 && !f.argument(rest[0]) {
		return bad("argument " + strconv.Quote(rest[0]) + " does not belong to " + string(f.Do))
	}
	return f, f.check()
}

// argument reads the word after what a fault does.
func (f *Fault) argument(word string) bool {
	var err error
	switch f.Do {
	case Refuse, Undecided:
		f.Code = word
	case HTTPError:
		f.HTTPStatus, err = strconv.Atoi(word)
	case Delay:
		f.Delay, err = time.ParseDuration(word)
	case Duplicate:
		f.Times, err = strconv.Atoi(word)
	default:
		return false
	}
	return err == nil
}

// parseCalls reads "*", "3" or "2-4".
func parseCalls(word string) (from, to int, ok bool) {
	if word == "*" {
		return 0, 0, true
	}
	first, last, ranged := strings.Cut(word, "-")
	from, err := strconv.Atoi(first)
	if err != nil || from < 1 {
		return 0, 0, false
	}
	if !ranged {
		return from, 0, true
	}
	to, err = strconv.Atoi(last)
	if err != nil || to < from {
		return 0, 0, false
	}
	if to == from {
		to = 0 // one way to say it
	}
	return from, to, true
}
