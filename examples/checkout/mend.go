package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/viewer"
)

// mends are a person's decisions about what the receiver was not told. They take the token as the command line sends
// it: what a browser sends by itself, another site can have it send.
func (s *shop) mends(mux *http.ServeMux) {
	mux.Handle("POST /told/retry", s.mending(s.release((*outbox.Consumer).Retry)))
	mux.Handle("POST /told/skip", s.mending(s.release((*outbox.Consumer).Skip)))
	mux.Handle("POST /told/restart", s.mending(s.restart))
}

// mending lets those through who have the token, where somebody is told. What they ask for has the time of a command.
func (s *shop) mending(do http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.token == "":
			problem.Plain(r, http.StatusForbidden, "this needs a token, and none is set",
				"set "+prefix+"TOKEN_FILE, and send its token").Write(w)
		case !viewer.Bearer(s.token)(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem.Plain(r, http.StatusUnauthorized, "this needs the token, as Authorization: Bearer",
				"send the token that "+prefix+"TOKEN_FILE has").Write(w)
		case s.told == nil:
			problem.Plain(r, http.StatusNotFound, "this process tells nobody",
				"ask the one that has "+prefix+"TELL_URL").Write(w)
		default:
			ctx, end := context.WithTimeout(r.Context(), s.Patience())
			defer end()
			do(w, r.WithContext(ctx))
		}
	})
}

// release gives what stays back of an order to the receiver, by one of the consumer's two ways.
func (s *shop) release(way func(*outbox.Consumer, context.Context, events.Stream) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b struct {
			Order string `json:"order"`
		}
		if s.Read(w, r, &b) {
			s.mended(w, r, way(s.told, r.Context(), events.OrderStream(b.Order)))
		}
	}
}

// restart has the receiver told everything after a position of the log, again where it was told before.
func (s *shop) restart(w http.ResponseWriter, r *http.Request) {
	var b struct {
		After *uint64 `json:"after"` // no default: 0 tells everything again
	}
	if !s.Read(w, r, &b) {
		return
	}
	if b.After == nil {
		problem.Plain(r, http.StatusBadRequest, "after is missing",
			"give the position of the last record that the receiver has, or 0 to tell it everything again").Write(w)
		return
	}
	from := store.Start()
	if *b.After > 0 {
		from = store.After(events.Record{Position: *b.After})
	}
	s.mended(w, r, s.told.Restart(r.Context(), from))
}

// stillBack is an order that the receiver is not told of for now.
type stillBack struct {
	Order   string    `json:"order"`
	Version uint64    `json:"version"` // of the first record that stays back
	Since   time.Time `json:"since"`
	Problem string    `json:"problem"`
}

// mended answers how a decision ended: what stays back now, or why nothing came of it.
func (s *shop) mended(w http.ResponseWriter, r *http.Request, err error) {
	var parked []outbox.Parked
	if err == nil {
		parked, err = s.told.Parked(r.Context())
	}
	if err == nil {
		s.logger.Info("it was decided about the receiver", "path", r.URL.Path)
		back := []stillBack{}
		for _, p := range parked {
			back = append(back, stillBack{p.Stream.ID, p.Version, p.Since, p.Problem})
		}
		s.Write(w, r, http.StatusOK, map[string]any{"parked": back})
		return
	}
	s.logger.Warn("a decision about the receiver came to nothing", "path", r.URL.Path, "err", err)
	status, why, remedy := undecided(r.Context(), err)
	problem.Plain(r, status, why, remedy).Write(w)
}

// undecided says in our words why nothing came of a decision: those of the error may name the receiver's address, and
// what it said.
func undecided(ctx context.Context, err error) (status int, why, remedy string) {
	switch {
	case errors.Is(err, outbox.ErrNotParked):
		return http.StatusNotFound, "nothing of this order stays back",
			"the overview lists the orders some of whose records do"
	case errors.Is(err, outbox.ErrRefused):
		return http.StatusConflict, "the receiver refuses it still; the service's log says what it answered",
			"mend the receiver, then /told/retry; or leave this record out with /told/skip"
	case errors.Is(err, outbox.ErrTaken):
		return http.StatusConflict, "somebody tells the receiver at this moment",
			"it is told already, here or by another process; /told/restart is for a place that is not in this log"
	case errors.Is(err, outbox.ErrElsewhere):
		return http.StatusConflict, "the receiver was told of a log that went on otherwise than this one",
			"say from where on it is told with /told/restart"
	case errors.Is(err, store.ErrInvalid):
		return http.StatusBadRequest, "no record of this log has that position",
			"give the position of a record that is in this log"
	case ctx.Err() != nil || errors.Is(err, store.ErrUnavailable):
		return http.StatusServiceUnavailable, "it did not come to an end in time",
			"see to the receiver, then again; what it took is not sent again"
	}
	return http.StatusInternalServerError, "the service failed", "it is in the service's log"
}
