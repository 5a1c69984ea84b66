package main

import (
	"fmt"
	"time"
)

func (r *report) streamTable() table {
	s := r.Streams
	t := table{title: "Streams: appends of one writer and of many", words: 2,
		head: []string{"", "writers", "events/s", "× one message an append", "× tilltape's file", "p50", "p99", "max"},
		note: fmt.Sprintf("nats-server %s, each a process on this machine, with sync_interval always, on loopback and on "+
			"the same disk as the file; time-ordered ids; each log begins empty. %s", s.Server, streamLess())}
	for _, c := range s.Appends {
		t.rows = append(t.rows, []string{c.Contender, fmt.Sprint(c.Writers), count(c.Rate),
			times(c.Rate, s.cell(c.Writers, namePublishEach).Rate), times(c.Rate, s.cell(c.Writers, nameOurs).Rate),
			short(c.P50), short(c.P99), short(c.Max)})
	}
	return t
}

// streamLess says what the others do less than our log on three servers.
func streamLess() string {
	text := "Less than tilltape on three servers:"
	for _, l := range streamLanes() {
		if l.less != "" {
			text += fmt.Sprintf(" %s: %s.", l.name, l.less)
		}
	}
	return text
}

// cell is what a contender came to; an empty one where it did not take part.
func (s *streamResult) cell(writers int, name string) cell {
	if s == nil {
		return cell{}
	}
	for _, c := range s.Appends {
		if c.Contender == name && c.Writers == writers {
			return c
		}
	}
	return cell{}
}

// Limits of what is done by a stream.
const (
	streamEachLeast = 10.0
	streamFileLeast = 0.4
	streamAloneMost = 1.3
)

// streamMusts are the limits for streams.
func (r *report) streamMusts() []figure {
	beside := func(what string, least float64, other string) figure {
		return besides(what, least, r.Streams.cell(pgWriters, nameStreamThree).Rate, r.Streams.cell(pgWriters, other).Rate)
	}
	alone := figure{Must: true, What: "streams: a lone append beside a lone message's and the file's, p50",
		Limit: fmt.Sprintf("≤ %.1f ×", streamAloneMost)}
	one := r.Streams.cell(1, nameStreamThree).P50
	message, file := r.Streams.cell(1, namePublishEach).P50, r.Streams.cell(1, nameOurs).P50
	if min(one, message, file) > 0 {
		got := ratio(float64(one), float64(message+file))
		alone.Measured, alone.Met = fmt.Sprintf("%.2f ×", got), got <= streamAloneMost
		alone.Note = fmt.Sprintf("%s to %s and %s", short(one), short(message), short(file))
	}
	return []figure{
		beside("streams: appends beside one message an append, 64 writers", streamEachLeast, namePublishEach),
		beside("streams: appends beside the file's, 64 writers", streamFileLeast, nameOurs),
		alone,
	}
}

// streamTurn is how long a turn takes beside its cell's time.
const streamTurn = time.Second / 2
