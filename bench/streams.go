package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/jetstream"
)

// streamResult is what the log costs whose order is a stream of NATS JetStream, beside the stream alone and beside the
// file alone.
type streamResult struct {
	Server  string
	Appends []cell
}

// streamWriters are how many goroutines append at once: alone, and as on PostgreSQL.
var streamWriters = []int{1, pgWriters}

// streamBench is the section while it runs.
type streamBench struct {
	*bench
	dir        string
	one, three string // the servers' URLs
}

// streamLane is a contender of this section. Each keeps a log of its own, which grows from turn to turn.
type streamLane struct {
	name, less string
	open       func(s *streamBench) (keeper, error)
}

// The names of this section's contenders.
const (
	nameStreamOne   = "tilltape, stream on one server"
	nameStreamThree = "tilltape, stream on three"
	namePublishEach = "one message an append, on three"
)

func streamLanes() []streamLane {
	return []streamLane{
		{name: nameStreamThree, open: func(s *streamBench) (keeper, error) { return s.openOurs(s.three, "three", 3) }},
		{name: nameStreamOne, less: "its server's disk is all there is",
			open: func(s *streamBench) (keeper, error) { return s.openOurs(s.one, "one", 1) }},
		{name: namePublishEach, less: "the order alone: no file, no version check, no keys, nothing can be found again",
			open: (*streamBench).openPublishing},
		{name: nameOurs, less: "one machine",
			open: func(s *streamBench) (keeper, error) { return openOurs(filepath.Join(s.dir, "file.log")) }},
	}
}

// streams measures all that needs NATS' servers, each a process of this program.
func (b *bench) streams() (err error) {
	s := &streamBench{bench: b, dir: filepath.Join(b.dir, "streams")}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return err
	}
	one, err := startServers(s.dir, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.stop()) }()
	three, err := startServers(s.dir, 3)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, three.stop()) }()
	s.one, s.three = one.urls, three.urls
	res := &streamResult{}
	lanes := slices.DeleteFunc(streamLanes(), func(l streamLane) bool { return !s.takesPart(l.name) })
	rounds := make(map[string][]outcome)
	course := newCourse(timeOrdered)
	for round := range b.Rounds {
		for _, writers := range streamWriters {
			for i := range lanes {
				l := lanes[(i+round)%len(lanes)]
				b.progress("streams, round %d of %d: %d writers: %s", round+1, b.Rounds, writers, l.name)
				o, err := s.turnWith(course, writers, func() (keeper, error) { return l.open(s) })
				if err != nil {
					return fmt.Errorf("%s, %d writers: %w", l.name, writers, err)
				}
				key := fmt.Sprint(writers, l.name)
				rounds[key] = append(rounds[key], o)
			}
		}
	}
	for _, writers := range streamWriters {
		for _, l := range lanes {
			res.Appends = append(res.Appends, summary(block{0, timeOrdered}, writers, l.name,
				rounds[fmt.Sprint(writers, l.name)]))
		}
	}
	if res.Server, err = s.version(); err != nil {
		return err
	}
	b.out.Streams = res
	return nil
}

func (s *streamBench) version() (string, error) {
	conn, err := nats.Connect(s.three)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.ConnectedServerVersion(), nil
}

// streamOurs is the library's own log through its public interface.
type streamOurs struct {
	ours
	conn *nats.Conn
}

func (k streamOurs) Close() error {
	defer k.conn.Close()
	return k.ours.Close()
}

func (s *streamBench) openOurs(urls, name string, replicas int) (keeper, error) {
	conn, err := nats.Connect(urls)
	if err != nil {
		return nil, err
	}
	log, err := jetstream.Open(context.Background(), conn, filepath.Join(s.dir, name+".log"),
		&jetstream.Config{Stream: "OURS", Create: true, Replicas: replicas})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return streamOurs{ours{log}, conn}, nil
}

// publishing publishes each frame by itself, and waits until the stream has confirmed it.
type publishing struct {
	conn *nats.Conn
	js   natsjs.JetStream
}

const publishedUnder = "each"

func (s *streamBench) openPublishing() (keeper, error) {
	conn, err := nats.Connect(s.three)
	if err != nil {
		return nil, err
	}
	js, err := natsjs.New(conn)
	if err == nil {
		config := jetstream.StreamConfig("EACH", 3)
		config.Subjects = []string{publishedUnder}
		_, err = js.CreateOrUpdateStream(context.Background(), config)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return publishing{conn, js}, nil
}

func (k publishing) Append(r *events.Record, after uint64) error {
	it, err := newItem(r, after)
	if err != nil {
		return err
	}
	frame, err := it.frame.AppendFrame(nil, after+1, 1, 0)
	if err != nil {
		return err
	}
	_, err = k.js.Publish(context.Background(), publishedUnder, frame)
	return err
}

func (k publishing) Close() error {
	k.conn.Close()
	return nil
}
