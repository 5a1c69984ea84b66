package order

import "time"

// How often APO may be asked about one order, whatever a policy says and APO answers. A call that is owed comes later
// where it would be one too many; nothing is left out. The measure is a bucket that drains by one call every callEvery
// and takes callsAtOnce of them: a command and all that follows from it at once pass through it, a chain that never
// ends does not. Every claim is in it, also the one that is a command's own first attempt, which never has to wait:
// a caller that gives a hundred commands a minute has asked for a hundred calls.
const (
	callsAtOnce = 10
	callEvery   = time.Minute / (CallsPerMinuteMax - callsAtOnce)

	callLevel = uint16(callEvery / time.Millisecond) // of one call
	levelMax  = callsAtOnce * callLevel
)

// took counts a call that was claimed at that time.
func (o *Order) took(at time.Time) {
	o.level = min(o.levelAt(at), levelMax-callLevel) + callLevel
	o.askedAt = at.UnixNano()
}

// levelAt is how full the bucket is. It does not drain while the clock is behind the newest call's: nobody knows how
// long ago that was.
func (o *Order) levelAt(now time.Time) uint16 {
	since := now.UnixNano() - o.askedAt
	if since < 0 {
		return o.level
	}
	return o.level - uint16(min(since/int64(time.Millisecond), int64(o.level)))
}

// room is from when on one more call fits.
func (o *Order) room() int64 {
	return o.askedAt + int64(max(o.level, levelMax-callLevel)-(levelMax-callLevel))*int64(time.Millisecond)
}

// pausing reports whether a call now would be one too many. Where the clock has gone back one call is let through, or
// an order could be silent for as long as that; the next one waits by the clock as it is.
func (o *Order) pausing(now time.Time) bool {
	n := now.UnixNano()
	return o.askedAt <= n && n < o.room()
}
