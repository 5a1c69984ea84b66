package apo

import (
	"strconv"
	"time"
)

// parseTime reads a time in ISO 8601 with an offset, as UTC.
func parseTime(text string) (time.Time, bool) {
	if at, ok := usualTime(text); ok {
		return at, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return parsed.UTC(), true
		}
	}
	return time.Time{}, false
}

// headerTime reads the time in a header, which comes in milliseconds or as ISO 8601, as UTC.
func headerTime(text string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), true
	}
	return parseTime(text)
}

const (
	secondsEnd = len("2006-01-02T15:04:05")
	nanoDigits = 9
	daysAlways = 28 // of every month: which has more is for package time to know
)

// usualTime reads the times that APO writes, in a third of what [time.Parse] takes, which would be a tenth of reading
// a message. What it does not take may be a time all the same.
func usualTime(text string) (time.Time, bool) {
	if len(text) <= secondsEnd || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
		text[16] != ':' {
		return time.Time{}, false
	}
	d := digits{text: text, ok: true}
	year, month, day := d.two(0)*100+d.two(2), d.two(5), d.two(8)
	hour, minute, second := d.two(11), d.two(14), d.two(17)
	at, nanos := secondsEnd, 0
	if text[at] == '.' {
		for at++; at < len(text) && text[at]-'0' <= 9 && at <= secondsEnd+nanoDigits; at++ {
			nanos = nanos*10 + int(text[at]-'0')
		}
		for n := at - secondsEnd - 1; n < nanoDigits; n++ {
			nanos *= 10
		}
		d.ok = d.ok && at > secondsEnd+1
	}
	var east int // seconds
	switch zone := text[at:]; {
	case zone == "Z":
	case len(zone) == len("+08:00") && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':':
		hours, minutes := d.two(at+1), d.two(at+4)
		east = (hours*60 + minutes) * 60
		if zone[0] == '-' {
			east = -east
		}
		d.ok = d.ok && hours < 24 && minutes < 60
	default:
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second-east, nanos, time.UTC)
	return t, d.ok && month >= 1 && month <= 12 && day >= 1 && day <= daysAlways && hour < 24 && minute < 60 && second < 60
}

// digits reads numbers of two digits, and remembers whether all were.
type digits struct {
	text string
	ok   bool
}

func (d *digits) two(at int) int {
	tens, units := d.text[at]-'0', d.text[at+1]-'0'
	d.ok = d.ok && tens <= 9 && units <= 9
	return int(tens)*10 + int(units)
}
