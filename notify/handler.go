// Package notify is the endpoint that APO calls to tell the outcome of payments, captures, refunds and disputes: a
// [Handler] verifies what it hears, has it recorded, and acknowledges what is durable.
package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/order"
)

// Handler takes APO's notifications; see [NewHandler]. It is safe for many goroutines at once.
type Handler struct {
	orders   *tilltape.Orders
	service  tilltape.Config // of the Orders
	verifier *apo.Verifier
	bodies   bodies
	slots    slots // one for each notification that is verified and recorded
	teller   teller

	acknowledged []string // types of which nothing is kept
}

// NewHandler returns the endpoint for APO's notifyPayment, notifyCapture, notifyRefund and notifyDispute: one handler
// for all of them, under whatever path APO was told. The verifier says whom it believes: [apo.Client.Verifier] makes
// one with the client id and keys that the client has, [apo.NewVerifier] where no client is. The signed path and the
// freshness are its matter ([apo.VerifierConfig]), and its clock measures the latter. The error wraps
// [tilltape.ErrConfig].
//
// A notification is acknowledged, in the form that APO wants, only once what it proves is durable in the log, or was
// there before. Everything else is answered otherwise, so that APO sends it again:
//
//	401  not signed by APO for this client, or outside the verifier's FreshFor
//	404  signed, and no order here goes by its identifiers
//	405, 408, 413, 400  not a notification: its method, the time it took, its size, its end
//	422  signed, of no order that is known here, and not understood: a newer library may know its type
//	500  something panicked
//	503  too many at once, or the log could not take it, or the Orders is closed
//
// What is signed, names an order that is known here and is not understood is recorded too, as an anomaly with the whole
// message. Of a type that [Config.AcknowledgeTypes] has, what names no such order is acknowledged without being
// recorded.
//
// Nobody learns more than the status. Before the signature fits nothing of the body is decoded, and a stranger costs at
// most [apo.BodyMax] bytes, ReadTimeout and one RSA verification, about 40 µs and some 2 ms for the hash of so many
// bytes; noise without the right headers costs none of these. A genuine one costs one to three lookups, one read of its
// order's stream and, if it is news, one append. It is recorded even where APO has hung up meanwhile, for at most
// [tilltape.Config].RecordTimeout.
//
// Whether a message is APO's is decided by its signature alone. Headers that APO does not sign, such as Content-Type
// and Content-Encoding, may say anything or be missing.
//
// Middleware in front must leave the body as it came, and let [http.ResponseController] find the connection, or the
// server's own ReadTimeout must bound the body.
func NewHandler(orders *tilltape.Orders, verifier *apo.Verifier, cfg *Config) (*Handler, error) {
	if orders == nil {
		return nil, fmt.Errorf("notify: %w: an Orders is needed; make one with tilltape.New", tilltape.ErrConfig)
	}
	if verifier == nil {
		return nil, fmt.Errorf("notify: %w: a verifier is needed; make one with Verifier of the apo.Client, or with "+
			"apo.NewVerifier", tilltape.ErrConfig)
	}
	c, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	service := orders.Config()
	return &Handler{orders: orders, service: service, verifier: verifier,
		bodies: bodies{timeout: c.ReadTimeout, readers: make(slots, Readers*c.Concurrency),
			long: make(slots, min(c.Concurrency, LongMax))},
		slots: make(slots, c.Concurrency), teller: teller{now: service.Now, log: service.Logger, heard: c.Heard},
		acknowledged: c.AcknowledgeTypes}, nil
}

// Stats returns the counts. It takes no lock and holds up nobody, and no count in it is larger than what had come.
func (h *Handler) Stats() Stats { return h.teller.stats() }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := h.service.Now()
	h.teller.received.Add(1)
	n := h.hear(w, r)
	n.Took = h.service.Now().Sub(began)
	h.teller.tell(r.Context(), n) // before the answer: a sender that has that may look at the counts next
	answer(w, n)
}

// answer says to the sender what happened, and to nobody why.
func answer(w http.ResponseWriter, n Notification) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	if n.Outcome.Acknowledged() {
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
func (h *Handler) hear(w http.ResponseWriter, r *http.Request) (n Notification) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			n.Outcome, n.Status = Failed, http.StatusInternalServerError
			n.Err = h.teller.panicError(r.Context(), "hearing a notification", p)
		}
	}()
	path := target(r)
	if n := h.precheck(r, path); n.Outcome != Undecided {
		// What is not read is not waited for either: without this the server would read on, to use the connection again.
		w.Header().Set("Connection", "close")
		if n.Status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		return n
	}
	body, free, n := h.bodies.read(w, r)
	if n.Outcome != Undecided {
		return n
	}
	defer free()
	if !h.slots.take() {
		return busyEnding(w, fmt.Errorf("%d notifications are recorded at once and this is one more; raise Concurrency of "+
			"notify.Config if the log keeps up", cap(h.slots)))
	}
	defer h.slots.free()
	v, err := h.verifier.VerifyNotification(r.Method, path, r.Header, body)
	if err != nil {
		return unproven(packed(r.Header, err))
	}
	return h.record(r.Context(), v)
}

// target is the path that was called, with its query, byte for byte: a mux that strips a prefix or cleans a path leaves
// it alone.
func target(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// precheck ends, at no cost, what cannot be a notification whatever its body; otherwise nothing is decided. What the
// headers say of the body, its media type or encoding, is not looked at: APO does not sign them, and a proxy may set
// them, so the bytes that came are read as they are, and the signature decides.
func (h *Handler) precheck(r *http.Request, path string) Notification {
	switch {
	case r.Method != http.MethodPost:
		return ending(Malformed, http.StatusMethodNotAllowed, errors.New("not a POST: notifications are"))
	case r.ContentLength > apo.BodyMax:
		return ending(Malformed, http.StatusRequestEntityTooLarge, sizeError())
	}
	if err := h.verifier.CheckNotificationHeader(r.Method, path, r.Header); err != nil {
		return ending(Forged, http.StatusUnauthorized, err)
	}
	return Notification{}
}

// packed adds to the error of a signature that does not fit what is the likely cause where the body says to be packed.
func packed(header http.Header, err error) error {
	encoding := header.Get("Content-Encoding")
	if encoding == "" || strings.EqualFold(encoding, "identity") || !errors.Is(err, apo.ErrSignature) {
		return err
	}
	return fmt.Errorf("%w; it came with Content-Encoding %.32q, and APO signs the body as it sends it: have the proxy "+
		"pass it on unchanged", err, encoding)
}

// unproven is the end of a message that proves nothing.
func unproven(err error) Notification {
	switch {
	case errors.Is(err, apo.ErrSignature), errors.Is(err, apo.ErrTooLarge):
		return ending(Forged, http.StatusUnauthorized, err)
	case errors.Is(err, apo.ErrStale): // whoever replays old messages learns no more than a forger
		return ending(Stale, http.StatusUnauthorized, err)
	}
	return ending(Unusable, http.StatusUnprocessableEntity, err)
}

// record makes the fact durable, though the sender may have gone: knowing it earlier does nobody harm.
func (h *Handler) record(ctx context.Context, v apo.Verified) Notification {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), h.service.RecordTimeout)
	defer end()
	heard, err := h.orders.Hear(ctx, v)
	n := Notification{Outcome: Recorded, Status: http.StatusOK, Fact: v, OrderID: heard.OrderID, Err: err}
	switch {
	case errors.Is(err, order.ErrUnknownOrder) && v.Kind() == apo.NotUnderstood:
		return h.foreign(n)
	case errors.Is(err, order.ErrUnknownOrder):
		n.Outcome, n.Status = UnknownOrder, http.StatusNotFound
	case err != nil:
		n.Outcome, n.Status = Failed, http.StatusServiceUnavailable
	case !heard.News:
		n.Outcome = Duplicate
	}
	return n
}

// foreign ends a notification that is not understood and names no order that is known here.
func (h *Handler) foreign(n Notification) Notification {
	n.Err = n.Fact.Err()
	switch {
	case !errors.Is(n.Err, apo.ErrUnknownNotification): // of an order, by its type
		n.Outcome, n.Status = Unusable, http.StatusUnprocessableEntity
	case n.Fact.Code() != "" && slices.Contains(h.acknowledged, n.Fact.Code()):
		n.Outcome, n.Err = Ignored, nil
	default:
		n.Outcome, n.Status = Foreign, http.StatusUnprocessableEntity
	}
	return n
}
