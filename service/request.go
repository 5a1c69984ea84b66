package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/tilltape/tilltape/problem"
)

// CommandHeader is the request's header with the command's id.
const CommandHeader = "Idempotency-Key"

// Command reads a command: its id from [CommandHeader], and its body as [Service.Read] does. Where ok is false it has
// answered. A command that moves money must be repeatable, so one without an id is refused.
func (s *Service) Command(w http.ResponseWriter, r *http.Request, body any) (id string, ok bool) {
	if id = r.Header.Get(CommandHeader); id == "" {
		unreadable(w, r, http.StatusBadRequest, "the header "+CommandHeader+" is missing",
			"send an id of 1 to 64 bytes of your own making, and the same one when you repeat the command")
		return "", false
	}
	return id, s.Read(w, r, body)
}

// Read reads the request's body, one JSON object, into the struct that body points to, and reports whether it could.
// Where it could not it has answered: 413 for a body that is too long, otherwise 400, with what is wrong and where.
func (s *Service) Read(w http.ResponseWriter, r *http.Request, body any) bool {
	err := decode(http.MaxBytesReader(w, r.Body, int64(s.bodyMax)), body)
	if err == nil {
		return true
	}
	status, detail := told(err)
	unreadable(w, r, status, "the body "+detail, "send one JSON object with the fields that this command has")
	return false
}

// A body that goes on after its object, and one that is the word null, which package json takes for anything.
var (
	errMore = errors.New("more than one object")
	errNull = errors.New("null")
)

func decode(from io.Reader, body any) error {
	var whole json.RawMessage
	decoder := json.NewDecoder(from)
	if err := decoder.Decode(&whole); err != nil {
		return err
	}
	if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
		if tooLong, is := errors.AsType[*http.MaxBytesError](more); is {
			return tooLong
		}
		return errMore
	}
	if string(whole) == "null" {
		return errNull
	}
	decoder = json.NewDecoder(bytes.NewReader(whole))
	decoder.DisallowUnknownFields()
	return decoder.Decode(body)
}

// told says in our words what a body's error is: those of package json name types of the program.
func told(err error) (status int, detail string) {
	if long, is := errors.AsType[*http.MaxBytesError](err); is {
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("is longer than %d bytes", long.Limit)
	}
	if syntax, is := errors.AsType[*json.SyntaxError](err); is {
		return http.StatusBadRequest, fmt.Sprintf("is no JSON from byte %d on", syntax.Offset)
	}
	if kind, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		if kind.Field == "" {
			return http.StatusBadRequest, "is a JSON " + kind.Value + " and no object"
		}
		return http.StatusBadRequest, fmt.Sprintf("has a %s for %q, which cannot be one", kind.Value, kind.Field)
	}
	switch unknown, is := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case is:
		return http.StatusBadRequest, "has a field that nobody reads: " + unknown
	case errors.Is(err, io.EOF):
		return http.StatusBadRequest, "is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return http.StatusBadRequest, "ends before its JSON does"
	case errors.Is(err, errNull):
		return http.StatusBadRequest, "is a JSON null and no object"
	case errors.Is(err, errMore):
		return http.StatusBadRequest, "goes on after its object"
	}
	if _, network := errors.AsType[net.Error](err); network {
		return http.StatusBadRequest, "did not come whole"
	}
	return http.StatusBadRequest, "cannot be read: " + err.Error() // what a field's own UnmarshalText says
}

// unreadable answers what is no command yet.
func unreadable(w http.ResponseWriter, r *http.Request, status int, detail, remedy string) {
	problem.Problem{Title: "Unreadable request", Status: status, Detail: detail, Instance: r.URL.EscapedPath(),
		Remedy: remedy}.Write(w)
}
