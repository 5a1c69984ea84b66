package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/tilltape/tilltape/problem"
)

// CommandHeader is the request's header with the command's id.
const CommandHeader = "Idempotency-Key"

// Command reads a command: its id from [CommandHeader], and its body as [Service.Read] does. Where ok is false it has
// answered. A command that moves money must be repeatable, so one without an id is refused. The id may stand there as
// it is, or in quotes as the IETF's draft of the header has it; both are the same id.
func (s *Service) Command(w http.ResponseWriter, r *http.Request, body any) (id string, ok bool) {
	if id = r.Header.Get(CommandHeader); id == "" {
		problem.Plain(r, http.StatusBadRequest, "the header "+CommandHeader+" is missing",
			"send an id of 1 to 64 bytes of your own making, and the same one when you repeat the command").Write(w)
		return "", false
	}
	if n := len(r.Header.Values(CommandHeader)); n > 1 { // which one a proxy or a retry would keep is anybody's guess
		problem.Plain(r, http.StatusBadRequest, fmt.Sprintf("the header %s is there %d times", CommandHeader, n),
			"send one id").Write(w)
		return "", false
	}
	if id, ok = unquoted(id); !ok {
		problem.Plain(r, http.StatusBadRequest, "the header "+CommandHeader+" begins with a quote and is no quoted string",
			`send an id of 1 to 64 bytes, as it is or in quotes; inside them write \" and \\ for " and \`).Write(w)
		return "", false
	}
	return id, s.Read(w, r, body)
}

// unquoted is what a structured field's string stands for (RFC 9651, 3.3.3), and any other text as it is.
func unquoted(text string) (plain string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return text, true
	}
	inside, closed := strings.CutSuffix(text[1:], `"`)
	var out strings.Builder
	for i := 0; i < len(inside); i++ {
		c := inside[i]
		if c == '\\' && i+1 < len(inside) && (inside[i+1] == '"' || inside[i+1] == '\\') {
			i++
			c = inside[i]
		} else if c == '"' || c == '\\' || c < ' ' || c > '~' {
			return "", false
		}
		out.WriteByte(c)
	}
	return out.String(), closed && out.Len() > 0
}

// Read reads the request's body, one JSON object, into the struct that body points to, and reports whether it could.
// Where it could not it has answered: 413 for a body that is too long, 408 for one that took longer than the server
// waits, otherwise 400, with what is wrong and where.
func (s *Service) Read(w http.ResponseWriter, r *http.Request, body any) bool {
	err := decode(http.MaxBytesReader(w, r.Body, int64(s.bodyMax)), body)
	if err == nil {
		return true
	}
	status, detail := told(err)
	problem.Plain(r, status, "the body "+detail, "send one JSON object with "+fieldsOf(body)).Write(w)
	return false
}

// decode reads one object and nothing after it. It is read as a whole first: a null would otherwise pass for an object
// without fields, names that package json takes for others would pass, and so would text that it alters.
func decode(from io.Reader, body any) error {
	decoder := json.NewDecoder(from)
	var whole json.RawMessage
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
		return &json.UnmarshalTypeError{Value: "null"}
	}
	if at := noText(whole); at >= 0 {
		return &textError{at}
	}
	if err := members(json.NewDecoder(bytes.NewReader(whole)), reflect.TypeOf(body)); err != nil {
		return err
	}
	decoder = json.NewDecoder(bytes.NewReader(whole))
	decoder.DisallowUnknownFields()
	return decoder.Decode(body)
}

// errMore: a body that goes on after its object.
var errMore = errors.New("more than one object")

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
		return http.StatusBadRequest, fmt.Sprintf("has %s for %q, where %s belongs", article(kind.Value), kind.Field,
			wanted(kind.Type))
	}
	if member, is := errors.AsType[*memberError](err); is {
		return http.StatusBadRequest, member.Error()
	}
	if text, is := errors.AsType[*textError](err); is {
		return http.StatusBadRequest, text.Error()
	}
	switch unknown, is := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case is: // below what has an UnmarshalJSON of its own
		return http.StatusBadRequest, "has a field that nobody reads: " + unknown
	case errors.Is(err, io.EOF):
		return http.StatusBadRequest, "is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return http.StatusBadRequest, "ends before its JSON does"
	case errors.Is(err, errMore):
		return http.StatusBadRequest, "goes on after its object"
	}
	if network, is := errors.AsType[net.Error](err); is {
		if network.Timeout() {
			return http.StatusRequestTimeout, "took too long to come"
		}
		return http.StatusBadRequest, "did not come whole"
	}
	return http.StatusBadRequest, "cannot be read: " + err.Error() // what a field's own UnmarshalText says
}

// wanted names in the caller's words what a field of the program takes.
func wanted(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(textUnmarshaler) { // it is written in words of its own
		return "a string"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number of up to %d digits", (t.Bits()-1)*3/10) // log10(2) is 0.301
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a string"
}

// article is "a string", "an array".
func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// fieldsOf lists what the struct that body points to reads.
func fieldsOf(body any) string {
	const unknown = "the fields that this command has"
	t := reflect.TypeOf(body)
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return unknown
	}
	var names []string
	for _, f := range reflect.VisibleFields(t.Elem()) {
		if f.Anonymous {
			return unknown
		}
		if name := nameOf(&f); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "no fields"
	}
	return "the fields " + strings.Join(names, ", ") + " and no others"
}
