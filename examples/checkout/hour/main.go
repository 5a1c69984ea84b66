// Command hour is a shop's payment service on Tilltape: orders over HTTP, an endpoint for APO, and a signed log.
// docs/start/your-own-service.md builds it piece by piece.
package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/viewer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// settings are what the flags say. The defaults play on this machine.
type settings struct {
	listen, public, gateway, client, keys, log string
}

func parse(args []string, out io.Writer) (s settings, err error) {
	f := flag.NewFlagSet("hour", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` to serve on")
	f.StringVar(&s.public, "public", "http://127.0.0.1:8080", "`URL` by which APO and buyers reach this service")
	f.StringVar(&s.gateway, "gateway", "http://127.0.0.1:8620", "APO's `URL`")
	f.StringVar(&s.client, "client", "SANDBOX_5YAPOTEST000001", "your client `id` at APO")
	f.StringVar(&s.keys, "keys", "keys", "`folder` with "+privateFile+", "+publicFile+" and "+signerFile)
	f.StringVar(&s.log, "log", "orders.tilltape", "`file` that keeps the orders")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%q is not understood; everything is given by flags, see -help", f.Arg(0))
	}
	s.public = strings.TrimRight(s.public, "/")
	if u, err := url.Parse(s.public); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return s, fmt.Errorf("-public %q is no URL; give scheme and host, such as https://shop.example", s.public)
	}
	return s, nil
}

// The files in the folder of keys.
const (
	privateFile = "merchant-private.pem" // yours: APO has its public half
	publicFile  = "apo-public.pem"       // APO's
	signerFile  = "log.key"              // yours: signs what the log holds
)

func readKeys(folder string) (keys apo.Keys, signer string, err error) {
	text := map[string][]byte{}
	for _, name := range []string{privateFile, publicFile, signerFile} {
		if text[name], err = os.ReadFile(filepath.Join(folder, name)); err != nil {
			return keys, "", fmt.Errorf("%w; -keys names the folder with the three key files", err)
		}
	}
	if keys.Private, err = apo.ParsePrivateKey(text[privateFile]); err != nil {
		return keys, "", fmt.Errorf("%s: %w", privateFile, err)
	}
	public, err := apo.ParsePublicKey(text[publicFile])
	if err != nil {
		return keys, "", fmt.Errorf("%s: %w", publicFile, err)
	}
	keys.Public = map[string]*rsa.PublicKey{apo.DefaultKeyVersion: public}
	return keys, string(text[signerFile]), nil
}

// origin is the log's name in what it signs. Take your own: a log keeps its name for good.
const origin = "shop.example/orders"

// run serves until ctx ends. What is opened is closed the other way round: the log last, since what is under way still
// has to be recorded.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	keys, signer, err := readKeys(s.keys)
	if err != nil {
		return err
	}
	client, err := apo.NewClient(s.gateway, s.client, keys, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	log, err := bolt.Open(s.log, &bolt.Config{Origin: origin, SignerKey: signer})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()

	cfg := &service.Config{}
	cfg.Orders.Actor = "shop" // stands in the log for who did it
	cfg.Orders.Logger = slog.New(slog.NewTextHandler(out, nil))
	core, err := service.New(log, client, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	pages, err := viewer.New(log, &viewer.Config{Prefix: viewPath, Orders: cfg.Orders})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pages.Close()) }()
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("%w; -listen names another address", err)
	}
	shop := &shop{Service: core, client: client, log: log, pages: pages, public: s.public, logger: cfg.Orders.Logger}
	return core.Serve(ctx, listener, shop.routes())
}

// shop is the service. Whoever reaches it may command it, so the world outside reaches /notify alone.
type shop struct {
	*service.Service
	client *apo.Client
	log    *bolt.Log
	pages  http.Handler
	public string
	logger *slog.Logger
}

// viewPath is where people look at the log.
const viewPath = "/view"

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.place)
	mux.HandleFunc("GET /orders/{id}", s.show)
	mux.HandleFunc("POST /orders/{id}/capture", s.capture)
	mux.HandleFunc("POST /orders/{id}/refund", s.refund)
	mux.HandleFunc("POST /orders/{id}/cancel", s.cancel)
	mux.Handle("POST /notify", s.Notifications)
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /checkpoint", s.checkpoint)
	mux.Handle("GET "+viewPath+"/", s.pages)
	return mux
}

// place puts an order on record and asks APO to collect. It is harmless to repeat: the same order is the same payment.
func (s *shop) place(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Order  string      `json:"order"`
		Amount order.Money `json:"amount"`
		Method string      `json:"method"` // as APO spells it
	}
	id, ok := s.Command(w, r, &body)
	if !ok {
		return
	}
	create := order.Create{CommandID: id, OrderID: body.Order, PaymentRequestID: body.Order, Amount: body.Amount,
		Method: body.Method}
	if body.Method == order.MethodCard {
		create.CaptureMode = order.CaptureManual // authorized now, captured when the goods leave
	}
	placed, err := s.Orders.Create(r.Context(), create)
	if err != nil {
		s.Answer(w, r, placed, err, nil)
		return
	}
	seen := viewOf(placed.Order)
	if placed.Order.Status == order.Created { // and not paid, failed or cancelled since
		if seen, err = s.pay(context.WithoutCancel(r.Context()), placed.Order); s.Failed(w, r, err) {
			return
		}
	}
	w.Header().Set("Location", "/orders/"+url.PathEscape(seen.Order))
	s.Write(w, r, http.StatusCreated, seen)
}

// pay makes the call, and records what APO's answer proves. The context is none that ends with the caller's patience:
// what APO has answered is worth recording.
func (s *shop) pay(ctx context.Context, o order.Order) (view, error) {
	request := apo.PayRequest{PaymentRequestID: o.PaymentRequestID, Amount: o.Amount, Method: o.Method, OrderID: o.ID,
		NotifyURL: s.public + "/notify", RedirectURL: s.public + "/thanks"}
	if o.CaptureMode == order.CaptureManual {
		request.Capture = apo.CaptureManual
	}
	answer := s.client.Pay(ctx, request)
	if answer.Err != nil {
		s.logger.Warn("pay", "order", o.ID, "answer", answer.Class.String(), "err", answer.Err)
	}
	for _, fact := range answer.Facts {
		var err error
		if o, err = s.Orders.Observe(ctx, fact); err != nil {
			return view{}, err
		}
	}
	seen := viewOf(o)
	seen.Payment, seen.PayAt = answer.Class.String(), answer.NormalURL
	return seen, nil
}

// view is an order as its callers see it. Amounts are in minor units: cents, yen.
type view struct {
	Order    string      `json:"order"`
	Words    string      `json:"words"` // its status, or what is under way
	Amount   order.Money `json:"amount"`
	Captured int64       `json:"captured"`
	Refunded int64       `json:"refunded"`
	Payment  string      `json:"payment,omitempty"` // what became of the pay call
	PayAt    string      `json:"payAt,omitempty"`   // APO's page, to send the buyer to
	Actions  []action    `json:"actions,omitempty"`
}

// action says whether a command would be taken now, and if not why, and what to do instead.
type action struct {
	Command string `json:"command"`
	Legal   bool   `json:"legal"`
	Max     int64  `json:"max,omitempty"`
	Why     string `json:"why,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
}

func viewOf(o order.Order) view {
	return view{Order: o.ID, Words: o.Words(), Amount: o.Amount, Captured: o.Captured, Refunded: o.Refunded}
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	o, err := s.Orders.Get(r.Context(), r.PathValue("id"))
	if s.Failed(w, r, err) {
		return
	}
	actions, err := s.Orders.Actions(r.Context(), o.ID)
	if s.Failed(w, r, err) {
		return
	}
	seen := viewOf(o)
	for _, a := range actions {
		line := action{Command: a.Verb.String(), Legal: a.Legal, Max: a.Max.Minor}
		if a.Rejected != nil {
			line.Why, line.Remedy = a.Rejected.Why(), a.Rejected.Remedy
		}
		switch a.Verb {
		case order.VerbCapture, order.VerbRefund, order.VerbCancel: // the others are no routes here
			seen.Actions = append(seen.Actions, line)
		}
	}
	s.Write(w, r, http.StatusOK, seen)
}

func (s *shop) capture(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Amount order.Money `json:"amount"`
	}
	id, ok := s.Command(w, r, &body)
	if !ok {
		return
	}
	result, err := s.Orders.Capture(r.Context(), r.PathValue("id"), order.Capture{CommandID: id, Amount: body.Amount})
	s.Answer(w, r, result, err, viewOf(result.Order))
}

func (s *shop) refund(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Amount order.Money `json:"amount"`
		Reason string      `json:"reason"`
	}
	id, ok := s.Command(w, r, &body)
	if !ok {
		return
	}
	result, err := s.Orders.Refund(r.Context(), r.PathValue("id"),
		order.Refund{CommandID: id, Amount: body.Amount, Reason: body.Reason})
	s.Answer(w, r, result, err, viewOf(result.Order))
}

func (s *shop) cancel(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Reason string `json:"reason"`
	}
	id, ok := s.Command(w, r, &body)
	if !ok {
		return
	}
	result, err := s.Orders.Cancel(r.Context(), r.PathValue("id"), order.Cancel{CommandID: id, Reason: body.Reason})
	s.Answer(w, r, result, err, viewOf(result.Order))
}

// health says that the log is open and how long it is.
func (s *shop) health(w http.ResponseWriter, r *http.Request) {
	tree, err := s.log.Tree(r.Context())
	if !s.Failed(w, r, err) {
		s.Write(w, r, http.StatusOK, map[string]uint64{"records": tree.Size})
	}
}

// checkpoint is the signed word of what the log holds. Whoever keeps it can tell later whether anything was altered.
func (s *shop) checkpoint(w http.ResponseWriter, r *http.Request) {
	signed, err := s.log.Checkpoint(r.Context())
	if !s.Failed(w, r, err) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(signed)
	}
}
