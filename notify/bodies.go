package notify

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/tilltape/tilltape/apo"
)

// slots are what may go on at once.
type slots chan struct{}

// take takes a slot, if one is free.
func (s slots) take() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s slots) free() { <-s }

// ending is a notification that is not acknowledged.
func ending(o Outcome, status int, err error) Notification {
	return Notification{Outcome: o, Status: status, Err: err}
}

func busyEnding(w http.ResponseWriter, err error) Notification {
	w.Header().Set("Connection", "close")
	return ending(Busy, http.StatusServiceUnavailable, err)
}

func sizeError() error {
	return fmt.Errorf("larger than %d bytes: no notification is", apo.BodyMax)
}

// bodies takes notifications' bodies off the wire.
type bodies struct {
	timeout time.Duration // of one
	readers slots         // one for each body on its way
	long    slots         // one for each that is longer than most, until it is on record
}

// read takes the body, as much of it as a notification can have, as long as the sender may take. The slots for that are
// others than those for what is recorded: anybody can take one by saying nothing. Whoever has done with the body calls
// free. Without a body it says how that ended.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (body []byte, free func(), n Notification) {
	if !b.readers.take() {
		return nil, nil, busyEnding(w, fmt.Errorf("%d bodies are on their way and this is one more; let the proxy buffer "+
			"them", cap(b.readers)))
	}
	defer b.readers.free()
	// By the machine's clock, as deadlines of connections are. Where none can be set the server's own one holds. net/http
	// takes it back once the body has been read.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(b.timeout))
	from := http.MaxBytesReader(w, r.Body, apo.BodyMax)
	body, err := io.ReadAll(io.LimitReader(from, ShortMax+1))
	if err != nil || len(body) <= ShortMax {
		return body, func() {}, b.unread(w, err)
	}
	if !b.long.take() {
		return nil, nil, busyEnding(w, fmt.Errorf("%d long bodies are being heard and this is one more; let the proxy "+
			"buffer them", cap(b.long)))
	}
	whole := false
	defer func() { // a body that panics gives its slot back as well
		if !whole {
			b.long.free()
		}
	}()
	rest, err := io.ReadAll(from)
	whole = err == nil
	return append(body, rest...), b.long.free, b.unread(w, err)
}

// unread is the end of a notification whose body was not read to its end; none where it was.
func (b *bodies) unread(w http.ResponseWriter, err error) Notification {
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return Notification{}
	case errors.As(err, &large):
		return ending(Malformed, http.StatusRequestEntityTooLarge, sizeError())
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return ending(Malformed, http.StatusRequestTimeout, fmt.Errorf("its body took longer than %s", b.timeout))
	}
	return ending(Malformed, http.StatusBadRequest, errors.New("its body ended early"))
}
