package problem

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
)

// ContentType is what [Write] answers with.
const ContentType = "application/problem+json"

// TypeBase begins each problem's type; what follows is a section of the page there, for instance "refused".
const TypeBase = "https://github.com/tilltape/tilltape/blob/main/docs/reference/errors.md#"

// retryAfter is what a client is asked to wait, in seconds, where nobody knows better.
const retryAfter = "1"

// Problem is the body. Type to Instance are RFC 9457's, the others ours; those that have nothing to say are left out.
type Problem struct {
	Type      string    `json:"type,omitempty"` // a URI reference, see [TypeBase]; empty: the status says it all
	Title     string    `json:"title"`
	Status    int       `json:"status"`
	Detail    string    `json:"detail,omitempty"`   // for people
	Instance  string    `json:"instance,omitempty"` // the path that was asked
	Reason    string    `json:"reason,omitempty"`   // why a command is refused: a stable word
	Remedy    string    `json:"remedy,omitempty"`   // what to do instead
	LegalAt   time.Time `json:"legalAt,omitzero"`   // when it may become legal by itself
	CommandID string    `json:"commandId,omitempty"`
	Code      string    `json:"code,omitempty"`    // APO's, or a word of ours where another fact decided it
	AskAgain  time.Time `json:"askAgain,omitzero"` // when APO is asked again
}

// kind is what all problems of one type share.
type kind struct {
	section, title string
	status         int
	detail, remedy string // where the error has none that may be told
}

var kinds = [...]kind{
	tilltape.Broken:  {"broken", "Internal error", http.StatusInternalServerError, "", "it is in the service's log"},
	tilltape.Refused: {"refused", "Refused", http.StatusConflict, "", ""},
	tilltape.Failed: {"failed", "Failed", http.StatusBadGateway, "",
		"look at the order; if it is still wanted, give it under a new id"},
	tilltape.Unknown: {"unknown", "Outcome not known", http.StatusAccepted,
		"APO has not said how it stands; it is asked again",
		"give it again under the same id, never under another, or look at the order"},
	tilltape.InDoubt: {"in-doubt", "In doubt", http.StatusServiceUnavailable,
		"it is not known whether the command is on record; nothing was sent for it yet",
		"give it again under the same id, never under another"},
	tilltape.Invalid: {"invalid", "Invalid", http.StatusBadRequest, "no order could take it", "correct it"},
	tilltape.NotFound: {"not-found", "No such order", http.StatusNotFound, "no such order is on record",
		"check the id, or place the order first"},
	tilltape.Conflict: {"conflict", "Conflict", http.StatusConflict,
		"a paymentRequestId or paymentId of it belongs to another order", "give it ids of its own"},
	tilltape.Unavailable: {"unavailable", "Not now", http.StatusServiceUnavailable,
		"others are at the same order, or nothing can be recorded now", "give it again a little later, under the same id"},
}

// mismatch is a conflict of the command's own id.
var mismatch = kind{"mismatch", "Command id in use", http.StatusUnprocessableEntity, "",
	"repeat the first command unchanged, or take a new id"}

// Of is the problem that an error of a method of [tilltape.Orders] or [tilltape.Reader] is. The result is the method's;
// one that has none, like Get, gives the zero value.
func Of(result tilltape.Result, err error) Problem {
	outcome := tilltape.OutcomeOf(err)
	if err == nil {
		outcome = tilltape.Broken // which nobody should ask for
	}
	k := kinds[outcome]
	if errors.Is(err, order.ErrIdempotencyMismatch) && outcome == tilltape.Conflict {
		k = mismatch
	}
	p := Problem{Type: TypeBase + k.section, Title: k.title, Status: k.status, Detail: k.detail, Remedy: k.remedy}
	switch outcome {
	case tilltape.Broken, tilltape.Invalid, tilltape.NotFound:
	default:
		p.CommandID, p.Code, p.AskAgain = result.CommandID, result.Code, result.AskAgain
	}
	p.tell(k.section, err)
	return p
}

// tell takes from typed errors what may be told.
func (p *Problem) tell(section string, err error) {
	switch section {
	case kinds[tilltape.Unknown].section:
		if unresolved, is := errors.AsType[*tilltape.UnresolvedError](err); is {
			own := *unresolved
			own.Err = nil // the log's words
			p.Detail, p.CommandID, p.Code, p.AskAgain = own.Error(), own.CommandID, own.Code, own.AskAgain
		}
	case kinds[tilltape.Refused].section:
		if rejected, is := errors.AsType[*order.RejectedError](err); is {
			p.Detail, p.Reason, p.Remedy, p.LegalAt = rejected.Error(), rejected.Reason.String(), rejected.Remedy,
				rejected.LegalAt
		}
	case kinds[tilltape.Failed].section:
		if failed, is := errors.AsType[*order.FailedError](err); is {
			p.Detail, p.CommandID, p.Code = failed.Error(), failed.CommandID, failed.Code
		}
	case kinds[tilltape.Invalid].section:
		if invalid, is := errors.AsType[*order.InvalidError](err); is {
			p.Detail = invalid.Error()
		}
	case mismatch.section:
		if taken, is := errors.AsType[*order.MismatchError](err); is {
			p.Detail, p.CommandID = taken.Error(), taken.CommandID
		}
	}
}

// Plain is the problem of a request that is no command, or of a service that failed: its status says all there is to
// its type (RFC 9457, 4.2.1).
func Plain(r *http.Request, status int, detail, remedy string) Problem {
	return Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail,
		Instance: r.URL.EscapedPath(), Remedy: remedy}
}

// Status is the HTTP status for a command's end: 200 for [tilltape.Done], 202 for [tilltape.Accepted], otherwise the
// problem's.
func Status(result tilltape.Result, err error) int {
	switch {
	case err != nil:
		return Of(result, err).Status
	case result.Outcome == tilltape.Accepted:
		return http.StatusAccepted
	}
	return http.StatusOK
}

// Write answers with the problem that err is, and reports whether it is one. Where err is nil it writes no answer: that
// is yours, with [Status]; it has only set Retry-After where APO works on the command. The request gives the problem's
// instance; nil: none.
func Write(w http.ResponseWriter, r *http.Request, result tilltape.Result, err error) bool {
	if err == nil {
		if result.Outcome == tilltape.Accepted {
			askedAt(w.Header(), result.AskAgain)
		}
		return false
	}
	p := Of(result, err)
	if r != nil {
		p.Instance = r.URL.EscapedPath()
	}
	p.Write(w)
	return true
}

// Write answers with the problem. A client that has gone is told nothing.
func (p Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	askedAt(h, p.AskAgain)
	w.WriteHeader(p.Status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(p)
}

// askedAt says in Retry-After when APO is asked again: as a date, which needs no clock of ours, and not before it.
func askedAt(h http.Header, at time.Time) {
	if at.IsZero() {
		return
	}
	h.Set("Retry-After", at.Add(time.Second-1).UTC().Format(http.TimeFormat))
}
