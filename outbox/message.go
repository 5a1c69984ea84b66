package outbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
)

// TypePrefix begins every message's type; the fact's kind follows, as in
// "com.github.tilltape.capture.succeeded.v1".
const TypePrefix = "com.github.tilltape."

const (
	specVersion = "1.0" // of CloudEvents

	// StructuredType and DataType are the media types of a message in structured mode, and of its data in binary mode.
	StructuredType = "application/cloudevents+json; charset=UTF-8"
	DataType       = "application/json"
)

// Message is one record as an event of CloudEvents 1.0. Source and ID together name it for ever: a message that comes
// again has both.
type Message struct {
	ID       string    // the record's id
	Source   string    // the consumer's
	Type     string    // [TypePrefix] and the fact's kind
	Subject  string    // the order's id
	Time     time.Time // when it happened
	Sequence string    // the extension of this name: the record's position in 20 digits, so that texts sort as records do
	Data     []byte    // the record in the one JSON form
}

func (c *Consumer) message(r events.Record) (Message, error) {
	data, err := jsonform.AppendRecord(nil, r)
	if err != nil {
		return Message{}, err
	}
	return Message{ID: r.ID, Source: c.cfg.Source, Type: TypePrefix + string(r.Event.Kind()), Subject: r.Stream.ID,
		Time: r.Occurred, Sequence: fmt.Sprintf("%020d", r.Position), Data: data}, nil
}

// attributes are the context attributes, in the order in which they are written.
func (m *Message) attributes() [][2]string {
	return [][2]string{{"specversion", specVersion}, {"id", m.ID}, {"source", m.Source}, {"type", m.Type},
		{"subject", m.Subject}, {"time", m.Time.UTC().Format(time.RFC3339Nano)}, {"sequence", m.Sequence}}
}

// Structured is the message as one JSON document of type [StructuredType]: attributes, and the record as data.
func (m Message) Structured() ([]byte, error) {
	out := []byte("{")
	for _, a := range m.attributes() {
		value, err := json.Marshal(a[1])
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(out, "%q:%s,", a[0], value)
	}
	out = fmt.Appendf(out, "%q:%q,%q:", "datacontenttype", DataType, "data")
	return append(append(out, m.Data...), '}'), nil
}

// Binary is the message's attributes as headers: its data goes as the body, of type [DataType]. The names begin with
// prefix, "ce-" for HTTP and NATS. Values are encoded as the binding to HTTP has it: what is no printable ASCII,
// spaces, quotes and percent signs by percent signs.
func (m Message) Binary(prefix string) map[string]string {
	out := map[string]string{}
	for _, a := range m.attributes() {
		out[prefix+a[0]] = percentEncoded(a[1])
	}
	return out
}

func percentEncoded(s string) string {
	plain := func(b byte) bool { return b > ' ' && b < 0x7f && b != '"' && b != '%' }
	var out strings.Builder
	for i := range len(s) {
		if plain(s[i]) {
			out.WriteByte(s[i])
		} else {
			fmt.Fprintf(&out, "%%%02X", s[i])
		}
	}
	return out.String()
}
