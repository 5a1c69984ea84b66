package jetstream

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// Open opens the log whose order is the stream that config names, with this process's file at the path, which no other
// process may have. A new file begins with the stream's first message; a copy of another process's file ([Log.Backup])
// begins where that was. Open returns once it has applied all that the stream had then: after the first message of a
// long stream that takes as long as to write all of it.
//
// It refuses, with a *[StreamError] that names each, settings by which the stream could lose what it has confirmed
// ([ErrStream]; changed later, they keep every append from happening until they are set right), and a file and a stream
// that do not belong together: a stream that was made again, that ends before what the file has, or whose first
// message is gone, is store.ErrDamaged. Errors of the file are those of package store/bolt. The connection is the
// caller's, and stays open; give it nats.MaxReconnects(-1), and pings by which it finds out soon that a server hangs.
func Open(ctx context.Context, conn *nats.Conn, path string, config *Config) (*Log, error) {
	var c Config
	if config != nil {
		c = *config
	}
	c, err := c.filled()
	if err != nil {
		return nil, err
	}
	if conn == nil {
		return nil, fmt.Errorf("%w: stream %s: no connection; give what nats.Connect returns", store.ErrInvalid, c.Stream)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("%w: stream %s: %v", store.ErrInvalid, c.Stream, err)
	}
	l := &Log{name: "log " + path + " of stream " + c.Stream, conn: conn, js: js, config: c,
		queue: ledger.NewQueue[looked](), sent: make(chan struct{}), followed: make(chan struct{}),
		heeded: make(chan struct{}),
		ended:  make(chan struct{}), moved: make(chan struct{}), waiting: map[token]*outgoing{}, failed: make(chan struct{})}
	l.following, l.stop = context.WithCancel(context.Background())
	origin, err := l.origin(ctx)
	if err != nil {
		l.stop()
		return nil, err
	}
	if l.replica, err = bolt.Open(path, &bolt.Config{Follow: origin, Signer: c.Signer}); err != nil {
		l.stop()
		return nil, err
	}
	if err = l.belongs(ctx); err != nil {
		l.stop()
		return nil, errors.Join(err, l.replica.Close())
	}
	go l.follow()
	go l.send()
	go l.heeding()
	if err := l.catchUp(ctx, "open "+l.name); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// again calls f until it has an answer of the servers, for as long as the log waits for one.
func (l *Log) again(ctx context.Context, doing string, f func() (answered bool, err error)) error {
	for begun := time.Now(); ; {
		answered, err := f()
		switch {
		case answered:
			return err
		case ctx.Err() != nil:
			return store.CheckContext(ctx, doing)
		case time.Since(begun) > askPatience:
			return l.unavailable(doing, err)
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
		}
	}
}

// origin is the log's, of which the stream's first message tells: one that is made where there is none.
func (l *Log) origin(ctx context.Context) (origin string, err error) {
	err = l.again(ctx, "find the stream", func() (bool, error) {
		info, err := l.info(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if !l.config.Create {
				return true, &StreamError{Kind: ErrNoStream, Log: l.name, Reason: "the servers have no stream " + l.config.Stream,
					Remedy: "check the name and the account, or set Config.Create"}
			}
			return l.create(ctx)
		}
		if err != nil {
			return false, err
		}
		if err := checkStream(l.name, l.config, info.Config, l.conn.MaxPayload()); err != nil {
			return true, err
		}
		if info.State.LastSeq == 0 {
			return false, l.begin(ctx)
		}
		origin, err = l.first()
		return err == nil || errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNewerFormat), err
	})
	if err != nil {
		return "", err
	}
	return origin, l.config.naming().CheckOf("stream "+l.config.Stream, origin)
}

// create makes the stream, unless another process has made it meanwhile, and tells whether it was refused for good.
func (l *Log) create(ctx context.Context) (forGood bool, err error) {
	ctx, stop := context.WithTimeout(ctx, askTimeout)
	defer stop()
	_, err = l.js.CreateStream(ctx, StreamConfig(l.config.Stream, l.config.Replicas))
	if api, is := errors.AsType[*jetstream.APIError](err); is && neverMade[api.ErrorCode] {
		return true, &StreamError{Kind: ErrNoStream, Log: l.name,
			Reason: fmt.Sprintf("the servers refuse to make it with %d replicas: %s (%d)", l.config.Replicas, api.Description,
				api.ErrorCode),
			Remedy: "set Config.Replicas, the account's limits or the servers so that they can"}
	}
	return false, err
}

// begin writes the stream's first message, unless another process is first: whose it was, reading it tells.
func (l *Log) begin(ctx context.Context) error {
	origin, err := l.config.naming().NewOrigin()
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, askTimeout)
	defer stop()
	_, err = l.js.Publish(ctx, subject(l.config.Stream), originMessage(origin), jetstream.WithExpectLastSequence(0),
		jetstream.WithExpectStream(l.config.Stream))
	return err
}

// first is the origin in the stream's first message.
func (l *Log) first() (string, error) {
	data, err := l.fetch(1)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return "", l.damaged("the stream's first message is gone, and with it what came first in the log")
	case err != nil:
		return "", err
	}
	m, err := parseMessage(data)
	switch {
	case errors.Is(err, store.ErrNewerFormat):
		return "", fmt.Errorf("%s: the stream's first message: %w", l.name, err)
	case err != nil || m.kind != kindOrigin:
		return "", l.damaged("the stream's first message is none of this library's")
	}
	return m.origin, nil
}

// belongs tells whether the file goes on in the stream: whether the message is there, the very one, that it has applied
// last.
func (l *Log) belongs(ctx context.Context) error {
	followed, _ := l.replica.Followed()
	l.applied = followed.Sequence
	if followed.Sequence == 0 {
		return nil
	}
	var lost error // by what one server says, which may be one that has been down
	err := l.again(ctx, "read the stream's newest messages", func() (bool, error) {
		data, err := l.fetch(followed.Sequence)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			lost = l.damaged("it has applied message %d of the stream, which has no such message: the stream lost what was "+
				"confirmed, or was made again", followed.Sequence)
			return false, err
		case err == nil && sha256.Sum256(data) != followed.Digest:
			return true, l.madeAgain(followed.Sequence)
		}
		return err == nil, err
	})
	if lost != nil && errors.Is(err, store.ErrUnavailable) {
		return lost
	}
	return err
}
