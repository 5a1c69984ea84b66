package pgserver

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// What the proxy needs of PostgreSQL's frontend/backend protocol, version 3
// (https://www.postgresql.org/docs/current/protocol-message-formats.html).
const (
	messageMax    = 256 << 20
	cancelRequest = 80877102
	sslRequest    = 80877103
	gssRequest    = 80877104
)

var errMessage = errors.New("not a message of PostgreSQL's protocol")

// statements are the prepared statements of a connection and what its portals run.
type statements struct{ prepared, portals map[string]string }

// message is one message, header and all.
type message struct {
	kind byte // 0: the first one of a connection, which has none
	raw  []byte
}

func (m message) body() []byte {
	if m.kind == 0 {
		return m.raw[4:]
	}
	return m.raw[5:]
}

// next reads a message; the first of a client has no kind.
func next(r *bufio.Reader, first bool) (message, error) {
	var m message
	head := 5
	if first {
		head = 4
	}
	m.raw = make([]byte, head)
	if _, err := io.ReadFull(r, m.raw); err != nil {
		return m, err
	}
	if !first {
		m.kind = m.raw[0]
	}
	size := binary.BigEndian.Uint32(m.raw[head-4:])
	if size < 4 || size > messageMax {
		return m, errMessage
	}
	m.raw = append(m.raw, make([]byte, size-4)...)
	_, err := io.ReadFull(r, m.raw[head:])
	return m, err
}

// requests passes on what the client says, until a trap springs or a side is gone. What has come is passed on together
// with what it came with.
func (p *Proxy) requests(c *pair) {
	c.statements = statements{map[string]string{}, map[string]string{}}
	in, out := bufio.NewReaderSize(c.client, 1<<16), bufio.NewWriterSize(c.server, 1<<16)
	for first := true; ; {
		m, err := next(in, first)
		if err != nil {
			return
		}
		if first && len(m.body()) >= 4 {
			switch binary.BigEndian.Uint32(m.body()) {
			case sslRequest, gssRequest:
				if _, err := c.client.Write([]byte{'N'}); err != nil {
					return
				}
				continue
			case cancelRequest:
				_, _ = c.server.Write(m.raw) // the server closes, whatever it makes of it
				_, _ = io.Copy(io.Discard, c.client)
				return
			}
		}
		first = false
		if sql := c.statements.runs(m); sql != "" {
			trap := p.springs(func(t *Trap) bool { return t.request != "" && begins(sql, t.request) })
			if trap != nil {
				_ = out.Flush() // what came before it did arrive
				if trap.late {
					delay(trap, c, m, in)
					return
				}
				c.cut()
				trap.once.Do(func() { close(trap.sprung) })
				return
			}
		}
		if passOn(m.raw, in, out) != nil {
			return
		}
	}
}

// delay cuts the client off, and passes on what it has sent from the message m on when the trap is released.
func delay(t *Trap, c *pair, m message, in *bufio.Reader) {
	defer close(t.answered)
	kept := m.raw
	for m.kind != 'S' && m.kind != 'Q' { // Sync, Query: the server answers
		var err error
		if m, err = next(in, false); err != nil {
			return
		}
		kept = append(kept, m.raw...)
	}
	c.late.Store(true)
	_ = c.client.Close()
	t.once.Do(func() { close(t.sprung) })
	<-t.freed
	if _, err := c.server.Write(kept); err == nil {
		<-c.done
	}
}

// answers passes on what the server says, until a trap springs or a side is gone.
func (p *Proxy) answers(c *pair) {
	in, out := bufio.NewReaderSize(c.server, 1<<16), bufio.NewWriterSize(c.client, 1<<16)
	for {
		m, err := next(in, false)
		if err != nil {
			return
		}
		if c.late.Load() {
			if m.kind == 'Z' { // ReadyForQuery
				return
			}
			continue
		}
		if m.kind == 'C' { // CommandComplete
			tag := text(m.body())
			trap := p.springs(func(t *Trap) bool { return t.answer != "" && begins(tag, t.answer) })
			if trap != nil {
				if trap.told {
					_, _ = out.Write(m.raw) // to a client that may be gone
					_ = out.Flush()
				}
				c.cut()
				trap.once.Do(func() { close(trap.sprung) })
				return
			}
		}
		if passOn(m.raw, in, out) != nil {
			return
		}
	}
}

// begins tells whether a statement begins with these words, in whatever case.
func begins(statement, words string) bool {
	statement = strings.TrimSpace(statement)
	return len(statement) >= len(words) && strings.EqualFold(statement[:len(words)], words)
}

// runs follows a connection's statements, and returns the SQL that this message runs, if it runs any.
func (s statements) runs(m message) string {
	switch m.kind {
	case 'Q': // Query
		return text(m.body())
	case 'P': // Parse: name, SQL
		name := text(m.body())
		s.prepared[name] = text(m.body()[min(len(name)+1, len(m.body())):])
	case 'B': // Bind: portal, name
		portal := text(m.body())
		s.portals[portal] = s.prepared[text(m.body()[min(len(portal)+1, len(m.body())):])]
	case 'E': // Execute: portal
		return s.portals[text(m.body())]
	}
	return ""
}

// text is what stands before the first zero byte.
func text(body []byte) string {
	before, _, _ := bytes.Cut(body, []byte{0})
	return string(before)
}

// passOn writes a message on, and sends what gathered where no other one is there yet.
func passOn(raw []byte, in *bufio.Reader, out *bufio.Writer) error {
	if _, err := out.Write(raw); err != nil || in.Buffered() > 0 {
		return err
	}
	return out.Flush()
}
