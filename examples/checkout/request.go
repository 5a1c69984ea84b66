package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
)

// bodyMax bounds what our own clients may send, in bytes.
const bodyMax = 16 << 10

// command reads a command's body and its id. A command that moves money must be repeatable, so it must have one.
func (s *shop) command(w http.ResponseWriter, r *http.Request, body any) (key string, ok bool) {
	if key = r.Header.Get("Idempotency-Key"); key == "" {
		s.bad(w, "the header Idempotency-Key is missing",
			"send an id of 1 to 64 bytes of your own making, and the same one when you repeat the command")
		return "", false
	}
	return key, s.read(w, r, body)
}

func (s *shop) read(w http.ResponseWriter, r *http.Request, body any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(body)
	if err == nil {
		return true
	}
	said := err.Error()
	if kind, is := errors.AsType[*json.UnmarshalTypeError](err); is { // it would name types of this program
		said = fmt.Sprintf("%q cannot be a JSON %s", kind.Field, kind.Value)
	}
	s.bad(w, "the body cannot be read: "+said, "send JSON with the fields the README lists")
	return false
}

// amount is money in JSON, "USD 10.00".
type amount order.Money

func (m *amount) UnmarshalText(text []byte) error {
	v, err := money.Parse(string(text))
	*m = amount(v)
	return err
}
