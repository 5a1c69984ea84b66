package natsout

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/outbox"
)

const (
	sendTimeout = 30 * time.Second // for a message whose context has no deadline of its own

	attributePrefix = "ce-"
	contentType     = "content-type" // only where a message is structured: the binding tells the two apart by it
	dataContentType = attributePrefix + "datacontenttype"

	// Of the server's errors: 10054, JSStreamMessageExceedsMaximumErr of nats-server.
	codeTooLarge = jetstream.ErrorCode(10054)
)

// Config says where messages go.
type Config struct {
	// Subject begins the subject of every message; a dot and the fact's kind follow. A stream must take Subject + ".>".
	Subject string
	Stream  string // that must be the one that answers; empty: whichever takes the subject
	Binary  bool   // attributes as headers and the record as payload, instead of one JSON document
}

// Sender sends each message to a stream and waits for its acknowledgement. It can be used by several consumers at once.
type Sender struct {
	js  jetstream.JetStream
	cfg Config
}

var _ outbox.Sender = (*Sender)(nil)

// NewSender returns a sender over a connection of the caller's. Nothing is asked of the server before something is
// sent. The error wraps [outbox.ErrConfig].
func NewSender(js jetstream.JetStream, cfg *Config) (*Sender, error) {
	switch {
	case js == nil:
		return nil, configError("no JetStream; give what jetstream.New(connection) returns")
	case cfg == nil || !isSubject(cfg.Subject):
		return nil, configError("the subject is no words joined by dots; give one such as \"shop.orders\", without spaces " +
			"and wildcards")
	}
	return &Sender{js: js, cfg: *cfg}, nil
}

func configError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", outbox.ErrConfig, fmt.Sprintf(format, args...))
}

// isSubject tells whether all messages under the subject have valid ones.
func isSubject(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.ContainsAny(word, "*> \t\r\n\x00") {
			return false
		}
	}
	return true
}

// Send delivers one message. The error is an *[outbox.SendError], or ctx's.
func (s *Sender) Send(ctx context.Context, m outbox.Message) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	bounded, stop := context.WithTimeout(ctx, sendTimeout)
	defer stop()
	options := []jetstream.PublishOpt{jetstream.WithMsgID(s.id(m))}
	if s.cfg.Stream != "" {
		options = append(options, jetstream.WithExpectStream(s.cfg.Stream))
	}
	_, err = s.js.PublishMsg(bounded, message, options...)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return s.meaning(message.Subject, err)
}

// id is the message's for the stream, which leaves out what it has had under it, whatever its subject was: another
// consumer of the same log may send the record to the same stream under its own.
func (s *Sender) id(m outbox.Message) string {
	return url.QueryEscape(s.cfg.Subject) + "#" + url.QueryEscape(m.Source) + "#" + url.QueryEscape(m.ID)
}

func (s *Sender) message(m outbox.Message) (*nats.Msg, error) {
	message := nats.NewMsg(s.cfg.Subject + "." + strings.TrimPrefix(m.Type, outbox.TypePrefix))
	if !s.cfg.Binary {
		var err error
		message.Data, err = m.Structured()
		message.Header.Set(contentType, outbox.StructuredType)
		return message, err
	}
	for name, value := range m.Binary(attributePrefix) {
		message.Header.Set(name, value)
	}
	message.Header.Set(dataContentType, outbox.DataType)
	message.Data = m.Data
	return message, nil
}

// meaning is what an error of publishing says of the message. The receiver is named by the subject: a server's address
// can hold a password.
func (s *Sender) meaning(subject string, err error) error {
	e := &outbox.SendError{Receiver: "NATS, " + subject, Problem: err.Error()}
	api := jetstream.JetStreamError(nil)
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		e.Refused, e.Problem = true, "the message is larger than the server takes; raise its max_payload"
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		e.Problem = "no stream takes this subject, or none is up; make one for " + s.cfg.Subject + ".>"
	case errors.Is(err, context.DeadlineExceeded):
		e.Problem = "no answer in time"
	case errors.As(err, &api) && api.APIError() != nil && api.APIError().ErrorCode == codeTooLarge:
		e.Refused, e.Problem = true, "the message is larger than the stream takes; raise its MaxMsgSize"
	}
	return e
}
