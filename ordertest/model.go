package ordertest

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// verb is what a client asked of the log.
type verb uint8

const (
	verbAppend verb = iota
	verbRead        // the stream from a version on
	verbHead
	verbLookup
)

// asked is an operation as a client began it.
type asked struct {
	verb  verb
	after uint64   // of an append or a read
	ids   []string // what is appended, or the one id that is looked up
}

// result is how an append ended.
type result uint8

const (
	resultDone     result = iota
	resultConflict        // nothing was written, and the log says at which version the stream was
	resultNothing         // the context ended first, or the log was unavailable: nothing was written
	resultInDoubt         // it may have happened, or may yet
)

// told is what the client was answered.
type told struct {
	result  result
	version uint64   // the stream's, by a conflict or a head
	ids     []string // what was read, or the one id in the head
	found   bool     // whether a lookup found the stream
}

// stream is the model's state: the ids of the records, in order. It is never changed, only replaced.
type stream struct {
	ids  []string
	hash uint64
}

var seed = maphash.MakeSeed()

// with returns the stream with more records at its end.
func (s stream) with(ids []string) stream {
	next := stream{ids: slices.Concat(s.ids, ids), hash: s.hash}
	for _, id := range ids {
		next.hash = next.hash*31 + maphash.String(seed, id)
	}
	return next
}

// holds tells whether exactly these ids stand after the version.
func (s stream) holds(after uint64, ids []string) bool {
	end := after + uint64(len(ids))
	return end <= uint64(len(s.ids)) && slices.Equal(s.ids[after:end], ids)
}

// step tells whether a list in memory could have given this answer, and what it holds afterwards.
func (s stream) step(in asked, out told) (bool, stream) {
	length := uint64(len(s.ids))
	switch in.verb {
	case verbRead:
		return in.after+uint64(len(out.ids)) == max(length, in.after) && (len(out.ids) == 0 || s.holds(in.after, out.ids)), s
	case verbHead:
		return out.version == length && (length == 0 || s.ids[length-1] == out.ids[0]), s
	case verbLookup:
		return out.found == slices.Contains(s.ids, in.ids[0]), s
	}
	switch out.result {
	case resultNothing:
		return true, s
	case resultConflict:
		return out.version == length && in.after != length && !s.holds(in.after, in.ids), s
	case resultInDoubt:
		// One that never happened is an operation that takes effect after all others, where nobody looks any more.
		if in.after != length {
			return true, s
		}
	}
	if in.after == length {
		return true, s.with(in.ids)
	}
	return s.holds(in.after, in.ids), s // a repeated append, recognised by its ids
}

// model is the list for porcupine.
func model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return stream{} },
		Step: func(state, in, out any) (bool, any) { return state.(stream).step(in.(asked), out.(told)) },
		Equal: func(a, b any) bool {
			return a.(stream).hash == b.(stream).hash && slices.Equal(a.(stream).ids, b.(stream).ids)
		},
		Hash:              func(state any) uint64 { return state.(stream).hash },
		DescribeOperation: func(in, out any) string { return describe(in.(asked), out.(told)) },
		DescribeState:     func(state any) string { return strings.Join(state.(stream).ids, " ") },
	}
}

// describe is an operation and its answer in words.
func describe(in asked, out told) string {
	switch in.verb {
	case verbRead:
		return fmt.Sprintf("read after %d: %s", in.after, some(out.ids))
	case verbHead:
		return fmt.Sprintf("head: version %d %s", out.version, some(out.ids))
	case verbLookup:
		return fmt.Sprintf("lookup of %s: found %t", in.ids[0], out.found)
	}
	what := fmt.Sprintf("append of %s after %d: ", some(in.ids), in.after)
	switch out.result {
	case resultConflict:
		return what + fmt.Sprintf("conflict, the stream is at %d", out.version)
	case resultNothing:
		return what + "not begun"
	case resultInDoubt:
		return what + "in doubt"
	}
	return what + "done"
}

// shownMax keeps a long read's description readable.
const shownMax = 4

// some names the last few ids.
func some(ids []string) string {
	if hidden := len(ids) - shownMax; hidden > 0 {
		return fmt.Sprintf("[%d more, %s]", hidden, strings.Join(ids[hidden:], " "))
	}
	return "[" + strings.Join(ids, " ") + "]"
}
