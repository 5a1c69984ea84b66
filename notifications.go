package tilltape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/order"
)

// Defaults and bounds of [NotificationConfig].
const (
	DefaultNotificationConcurrency = 256
	DefaultNotificationReadTimeout = 5 * time.Second
	// NotificationReaders is how many bodies may be on their way, for each notification that may be verified and recorded.
	// Whoever has the headers of a notification takes one, without any signature and for ReadTimeout, and must not find
	// it easy to take them all.
	NotificationReaders = 16
	// NotificationShort is how long a body may become, in bytes, before it needs one of the Concurrency places for long
	// ones. APO's are shorter.
	NotificationShort = 8 << 10
)

// NotificationConfig is what may differ between two services that hear APO. Its zero value, or nil, takes the defaults.
type NotificationConfig struct {
	// SignedPath is the path of the notify URL as APO was given it, with the query if there is one. Set it where a proxy
	// rewrites the path on the way; empty: the path as it arrives, whatever is stripped from it inside this process.
	SignedPath string
	// FreshFor refuses a notification whose request-time is further than this from the Orders' clock, before or after. Zero
	// takes any age: a fact is recorded once however often it is told, and APO goes on telling for a day. Never less than
	// that, or a night without this service loses what APO said in it.
	FreshFor time.Duration
	// Concurrency is how many notifications are verified and recorded at once; a further one is answered 503, and APO sends
	// it again. Default [DefaultNotificationConcurrency]. While their bodies are on their way [NotificationReaders] times as
	// many are taken, of which Concurrency may become longer than [NotificationShort], up to [apo.BodyMax]. So bodies hold at
	// most NotificationReaders × NotificationShort + 2 × BodyMax, 224 KiB, for each that is recorded at once: 56 MiB by default.
	Concurrency int
	// ReadTimeout is how long the sender may take over the body; default [DefaultNotificationReadTimeout].
	ReadTimeout time.Duration
	// Heard is told of every notification once its answer is decided; nil: nobody. It is called on the goroutine that
	// serves it, from many at once, and holds up that answer alone. One that panics is logged and does no harm.
	Heard func(context.Context, Notification)
}

// Notification is how one HTTP request to a [NotificationHandler] ended.
type Notification struct {
	Outcome NotificationOutcome
	Status  int           // of the HTTP answer
	Fact    apo.Verified  // the zero value, unless APO's signature fitted and there was a fact
	Order   string        // whom it is about; empty where that is not known
	Err     error         // why it was not acknowledged; nil: it was
	Took    time.Duration // by the Orders' clock
}

// NotificationHandler takes APO's notifications; see [Orders.NotificationHandler]. It is safe for many goroutines at once.
type NotificationHandler struct {
	orders   *Orders
	verifier *apo.Verifier
	cfg      NotificationConfig
	readers  chan struct{} // one for each body on its way
	long     chan struct{} // one for each of these that is longer than most
	slots    chan struct{} // one for each that is verified and recorded
	received atomic.Uint64
	ended    [notificationOutcomes]atomic.Uint64
	logged   [notificationOutcomes]atomic.Int64 // when noise of that kind was last logged, in nanoseconds
}

// NotificationHandler returns the endpoint for APO's notifyPayment, notifyCapture and notifyRefund: one handler for all
// three, under whatever path APO was told. clientID and keys say whom it believes: keys.Public holds APO's keys by version,
// several while they change; no private key is needed. The error wraps [ErrConfig], and [apo.ErrKey] where a key is at fault.
//
// A notification is acknowledged, in the form that APO wants, only once what it proves is durable in the log, or was there
// before. Everything else is answered otherwise, so that APO sends it again:
//
//	401  not signed by APO for this client, or outside FreshFor
//	404  signed, and no order here goes by its identifiers
//	405, 408, 413, 415, 400  not a notification: its method, the time it took, its size, its type, its end
//	422  signed, and it says nothing that could be recorded: a newer library may know its type
//	500  something panicked
//	503  too many at once, or the log could not take it, or the Orders is closed
//
// Nobody learns more than the status. Before the signature fits nothing of the body is decoded, and a stranger costs at
// most [apo.BodyMax] bytes, ReadTimeout and one RSA verification, about 40 µs; noise without the right headers costs none of
// these. A genuine one costs one to three lookups, one read of its order's stream and, if it is news, one append. It is
// recorded even where APO has hung up meanwhile, for at most [Config.RecordTimeout].
//
// Middleware in front must leave the body as it came, and let [http.ResponseController] find the connection, or the
// server's own ReadTimeout must bound the body.
func (s *Orders) NotificationHandler(clientID string, keys apo.Keys, cfg *NotificationConfig) (*NotificationHandler, error) {
	h := &NotificationHandler{orders: s}
	if cfg != nil {
		h.cfg = *cfg
	}
	if h.cfg.Concurrency < 0 || h.cfg.ReadTimeout < 0 {
		return nil, fmt.Errorf("tilltape: notifications: %w: Concurrency or ReadTimeout is negative; leave it zero for the default", ErrConfig)
	}
	if h.cfg.Concurrency == 0 {
		h.cfg.Concurrency = DefaultNotificationConcurrency
	}
	if h.cfg.ReadTimeout == 0 {
		h.cfg.ReadTimeout = DefaultNotificationReadTimeout
	}
	h.readers = make(chan struct{}, NotificationReaders*h.cfg.Concurrency)
	h.long, h.slots = make(chan struct{}, h.cfg.Concurrency), make(chan struct{}, h.cfg.Concurrency)
	v, err := apo.NewVerifier(clientID, keys, &apo.VerifierConfig{SignedPath: h.cfg.SignedPath, FreshFor: h.cfg.FreshFor, Now: s.cfg.Now})
	if err != nil {
		return nil, fmt.Errorf("tilltape: notifications: %w: %w", ErrConfig, err)
	}
	h.verifier = v
	return h, nil
}

// ServeHTTP implements [http.Handler].
func (h *NotificationHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := h.orders.now()
	h.received.Add(1)
	n := h.hear(w, r)
	n.Took = h.orders.now().Sub(began)
	h.ended[n.Outcome].Add(1) // before the answer: who has that may look here next
	h.tell(r.Context(), n)
	answer(w, n)
}

// answer says to the sender what happened, and to nobody why.
func answer(w http.ResponseWriter, n Notification) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	if n.Err == nil {
		header.Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, apo.Acknowledgement) // one that is lost brings the notification again
		return
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(n.Status)
	_, _ = io.WriteString(w, http.StatusText(n.Status)+"\n")
}

// hear takes one notification as far as it gets. A panic on the way, of a log or an observer, ends that one alone.
func (h *NotificationHandler) hear(w http.ResponseWriter, r *http.Request) (n Notification) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			n.Outcome, n.Status = NotificationFailed, http.StatusInternalServerError
			n.Err = h.orders.tell.panicked(r.Context(), "hearing a notification", p)
		}
	}()
	path := target(r)
	if refusal := h.precheck(r, path); refusal.Err != nil {
		// What is not read is not waited for either: without this the server would read on, to use the connection again.
		w.Header().Set("Connection", "close")
		if refusal.Status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		return refusal
	}
	body, refusal := h.read(w, r)
	if refusal.Err != nil {
		return refusal
	}
	if !take(h.slots) {
		return busy(w, fmt.Errorf("%d notifications are recorded at once and this is one more; raise NotificationConfig.Concurrency if the log keeps up",
			cap(h.slots)))
	}
	defer func() { <-h.slots }()
	v, err := h.verifier.VerifyNotification(r.Method, path, r.Header, body)
	if err != nil {
		return unbelieved(err)
	}
	return h.record(r.Context(), v)
}

func refused(o NotificationOutcome, status int, err error) Notification {
	return Notification{Outcome: o, Status: status, Err: err}
}

// target is the path that was called, with its query, byte for byte: a mux that strips a prefix or cleans a path leaves
// it alone.
func target(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// precheck refuses, at no cost, what cannot be a notification whatever its body.
func (h *NotificationHandler) precheck(r *http.Request, path string) Notification {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		return refused(NotificationRefused, http.StatusMethodNotAllowed, errors.New("not a POST: notifications are"))
	case err != nil || kind != "application/json" || r.Header.Get("Content-Encoding") != "":
		return refused(NotificationRefused, http.StatusUnsupportedMediaType, errors.New("not plain JSON by its headers: notifications are"))
	case r.ContentLength > apo.BodyMax:
		return refused(NotificationRefused, http.StatusRequestEntityTooLarge, tooLarge())
	}
	if err := h.verifier.CheckNotificationHeader(r.Method, path, r.Header); err != nil {
		return refused(NotificationForged, http.StatusUnauthorized, err)
	}
	return Notification{}
}

func tooLarge() error {
	return fmt.Errorf("larger than %d bytes: no notification is", apo.BodyMax)
}

// take takes a place, if one is free.
func take(places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		return false
	}
}

func busy(w http.ResponseWriter, err error) Notification {
	w.Header().Set("Connection", "close")
	return refused(NotificationBusy, http.StatusServiceUnavailable, err)
}

// read takes the body, as much of it as a notification can have, as long as the sender may take. The places for that are
// others than those for what is recorded: anybody can take one by saying nothing.
func (h *NotificationHandler) read(w http.ResponseWriter, r *http.Request) ([]byte, Notification) {
	if !take(h.readers) {
		return nil, busy(w, fmt.Errorf("%d bodies are on their way and this is one more; let the proxy buffer them", cap(h.readers)))
	}
	defer func() { <-h.readers }()
	// By the machine's clock, as deadlines of connections are. Where none can be set the server's own one holds. net/http takes
	// it back once the body has been read.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.cfg.ReadTimeout))
	from := http.MaxBytesReader(w, r.Body, apo.BodyMax)
	body, err := io.ReadAll(io.LimitReader(from, NotificationShort+1))
	if err == nil && len(body) > NotificationShort {
		if !take(h.long) {
			return nil, busy(w, fmt.Errorf("%d long bodies are on their way and this is one more; let the proxy buffer them", cap(h.long)))
		}
		defer func() { <-h.long }()
		var rest []byte
		rest, err = io.ReadAll(from)
		body = append(body, rest...)
	}
	if err != nil {
		return nil, h.unread(w, err)
	}
	return body, Notification{}
}

// unread says why a body was not read to its end.
func (h *NotificationHandler) unread(w http.ResponseWriter, err error) Notification {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refused(NotificationRefused, http.StatusRequestEntityTooLarge, tooLarge())
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return refused(NotificationRefused, http.StatusRequestTimeout, fmt.Errorf("its body took longer than %s", h.cfg.ReadTimeout))
	}
	return refused(NotificationRefused, http.StatusBadRequest, errors.New("its body ended early"))
}

// unbelieved is the end of a message that proves nothing.
func unbelieved(err error) Notification {
	switch {
	case errors.Is(err, apo.ErrSignature), errors.Is(err, apo.ErrTooLarge):
		return refused(NotificationForged, http.StatusUnauthorized, err)
	case errors.Is(err, apo.ErrStale): // whoever replays old messages learns no more than a forger
		return refused(NotificationStale, http.StatusUnauthorized, err)
	}
	return refused(NotificationUnusable, http.StatusUnprocessableEntity, err)
}

// record makes the fact durable, though the sender may have gone: knowing it earlier does nobody harm.
func (h *NotificationHandler) record(ctx context.Context, v apo.Verified) Notification {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), h.orders.cfg.RecordTimeout)
	defer end()
	_, id, fresh, err := h.orders.hear(ctx, v)
	n := Notification{Outcome: NotificationRecorded, Status: http.StatusOK, Fact: v, Order: id, Err: err}
	switch {
	case errors.Is(err, order.ErrUnknownOrder):
		n.Outcome, n.Status = NotificationUnknownOrder, http.StatusNotFound
	case err != nil:
		n.Outcome, n.Status = NotificationFailed, http.StatusServiceUnavailable
	case !fresh:
		n.Outcome = NotificationDuplicate
	}
	return n
}
