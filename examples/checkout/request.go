package main

import (
	"encoding/json"
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
	if err := decoder.Decode(body); err != nil {
		s.bad(w, "the body cannot be read: "+err.Error(), "send JSON with the fields the README lists")
		return false
	}
	return true
}

// amount is money in JSON, "USD 10.00".
type amount order.Money

func (m *amount) UnmarshalText(text []byte) error {
	v, err := money.Parse(string(text))
	*m = amount(v)
	return err
}
