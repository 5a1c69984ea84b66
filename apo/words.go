package apo

// Text is looked at eight bytes at a time: most of a message is in strings, and
// a replay reads every message of a log again.

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// word is the first eight bytes of s, the first of them lowest: one load.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 |
		uint64(s[6])<<48 | uint64(s[7])<<56
}

// lowest sets the highest bit of bytes of w that are below the limit, which is
// ASCII. The lowest bit that is set is right; the first byte that is below
// borrows from the ones above it.
func lowest(w, limit uint64) uint64 { return (w - limit*ones) &^ w & highs }

// below reports whether a byte of w is below the limit, which is ASCII.
func below(w, limit uint64) bool { return lowest(w, limit) != 0 }
