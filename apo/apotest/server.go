package apotest

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/tilltape/tilltape/apo"
)

const (
	// DefaultClientID is the merchant's client id where [Config] names none.
	DefaultClientID = "SANDBOX_5YAPOTEST000001"
	// requestHeaderWait bounds how long a connection may take over its headers.
	requestHeaderWait = 10 * time.Second
)

var (
	// ErrConfig: the server cannot be built or started from what it was given.
	ErrConfig = errors.New("simulator not usable")
	// ErrPlay: the buyer, the dashboard or the acquirer cannot do that to this
	// payment as it stands; nothing changed.
	ErrPlay = errors.New("play not possible")
	// ErrScript: a script of faults cannot be read.
	ErrScript = errors.New("script not readable")
)

// Config holds what a [Server] need not be given. Its zero value is an APO for
// one sandbox merchant with fresh keys, on the wall clock, that does what APO's
// documentation says and sends no notification anywhere.
type Config struct {
	// ClientID is the merchant's; "" is [DefaultClientID]. One that starts with
	// SANDBOX_ is served under /ams/sandbox, another under /ams.
	ClientID string
	// Merchant signs requests to the server, APO signs its answers. Where one
	// is nil, the servers of a process share a key that is generated once, in some
	// 100 ms. Of Merchant the server itself uses the public half alone.
	Merchant, APO *rsa.PrivateKey
	// MerchantPublic is the merchant's public key where the private one is not to
	// be known here; it wins over Merchant.
	MerchantPublic *rsa.PublicKey
	// Now is the clock; nil is time.Now. It decides windows, expiry, settling and
	// redelivery, so that a test which gives [Clock.Now] waits for nothing.
	Now func() time.Time
	// Behaviour chooses where APO's documentation leaves room.
	Behaviour Behaviour
	// NotifyURL is where notifications go, unless a payment or refund names its
	// own. Empty: none are sent; they can be taken with [Server.TakeNotifications].
	NotifyURL string
	// ManualDelivery leaves sending to [Server.Deliver]. Without it a started
	// server delivers by itself whatever its clock says is due.
	ManualDelivery bool
	// Script holds faults, in force from the first call on.
	Script []Fault
}

// Behaviour chooses where APO's documentation leaves room; its zero value is
// the plainest reading.
type Behaviour struct {
	// RefuseSecondCancel answers the cancel of a cancelled payment with
	// ORDER_STATUS_INVALID. Otherwise its first answer is replayed. APO documents neither.
	RefuseSecondCancel bool
	// AsyncCapture answers captures with CAPTURE_IN_PROCESS, and AsyncRefund leaves
	// accepted refunds in process. Automatic captures are always asynchronous.
	AsyncCapture, AsyncRefund bool
	// SettleAfter ends what is in process successfully after that time. Zero: it
	// stays in process until [Server.FinishCapture] or [Server.FinishRefund].
	SettleAfter time.Duration
	// ReturnLateMoney sends money paid after a cancel back at once, as Antom does
	// where it is the acquirer. Other acquirers promise nothing.
	ReturnLateMoney bool
	// ForgetKeysAfter forgets request ids of captures and refunds that long after
	// their first use: the same id then moves money again. Zero: never.
	ForgetKeysAfter time.Duration
	// KeepPaymentAmount leaves paymentAmount what was ordered once the authorization was
	// raised. Otherwise it is the new total. APO documents neither; the notification of
	// a raise has the new total in any case.
	KeepPaymentAmount bool
	// StringScalars sends every scalar as a JSON string ("true"), which APO may do.
	StringScalars bool
	// ISOTimes puts ISO 8601 instead of milliseconds into response-time and
	// request-time.
	ISOTimes bool
}

// Server is an APO on loopback. Make it with [NewServer] or [NewUnstartedServer].
// It is safe for concurrent use and is an [http.Handler].
type Server struct {
	cfg       Config
	now       func() time.Time
	apoKey    *rsa.PrivateKey
	notifyOwn string // path for which notifications without a URL are signed

	closing chan struct{} // closed by Close; lets held connections go
	once    sync.Once
	workers sync.WaitGroup
	kick    chan struct{} // wakes the deliverer
	sender  *http.Client

	signatures signatures

	mu        sync.Mutex // guards all below
	merchants map[string]map[string]*rsa.PublicKey
	listener  net.Listener
	http      *http.Server
	calls     []*Call
	book      book
	faults    []*armed
	outbox    outbox
	ledger    []Entry
	totals    map[string]*Totals // of the ledger, by each of a payment's ids
}

// NewUnstartedServer builds a server that does not listen yet: use it as a
// handler, or Start it. What it is given may come out of files, so where package
// httptest panics it returns an error, which wraps [ErrConfig].
func NewUnstartedServer(cfg *Config) (*Server, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.ClientID == "" {
		c.ClientID = DefaultClientID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NotifyURL != "" {
		if _, err := notifyTarget(c.NotifyURL); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	s := &Server{
		now: c.Now, closing: make(chan struct{}), kick: make(chan struct{}, 1), sender: newSender(),
		merchants: map[string]map[string]*rsa.PublicKey{}, book: newBook(), notifyOwn: defaultNotifyPath,
		totals: map[string]*Totals{},
	}
	if err := fillKeys(&c); err != nil {
		return nil, err
	}
	s.cfg, s.apoKey = c, c.APO
	if err := s.AddMerchant(c.ClientID, apo.DefaultKeyVersion, c.MerchantPublic); err != nil {
		return nil, err
	}
	if err := s.Script(c.Script...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return s, nil
}

// NewServer builds a server and starts it on a free port of 127.0.0.1. Errors as
// for [NewUnstartedServer]. Close it when done.
func NewServer(cfg *Config) (*Server, error) {
	s, err := NewUnstartedServer(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Start(""); err != nil {
		return nil, err
	}
	return s, nil
}

// Start listens on addr, "host:port"; "" is a free port of 127.0.0.1. It also
// delivers notifications from now on, unless that is manual. Anything but
// loopback is refused with an error wrapping [ErrConfig], since what reaches
// a simulator's controls owns what it signs.
func (s *Server) Start(addr string) error {
	return s.StartHandler(addr, s)
}

// StartHandler is Start for a handler that wraps the server or stands beside
// it, such as a mux with [Server.ControlHandler].
func (s *Server) StartHandler(addr string, handler http.Handler) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if err := requireLoopback(addr); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return fmt.Errorf("%w: it listens on %s already: make another server", ErrConfig, s.listener.Addr())
	}
	select {
	case <-s.closing:
		return fmt.Errorf("%w: it is closed: make another server", ErrConfig)
	default:
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w: listening on %s: %w", ErrConfig, addr, err)
	}
	s.listener = listener
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: requestHeaderWait}
	server := s.http
	s.workers.Go(func() { _ = server.Serve(listener) })
	if !s.cfg.ManualDelivery {
		s.workers.Go(s.deliverAlways)
	}
	return nil
}

// requireLoopback refuses an address that another machine could reach.
func requireLoopback(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%w: address %q is not host:port: give 127.0.0.1:0", ErrConfig, addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%w: address %q has no port number: give 127.0.0.1:0", ErrConfig, addr)
	}
	if !isLoopback(host) {
		return fmt.Errorf("%w: address %q is not loopback: give 127.0.0.1, [::1] or localhost", ErrConfig, addr)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// URL is the gateway URL, "http://127.0.0.1:port", or "" before Start.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String()
}

// Close lets held connections go, stops listening and delivering, and waits
// until both have ended. What the server recorded stays readable.
func (s *Server) Close() error {
	s.once.Do(func() { close(s.closing) })
	s.mu.Lock()
	server := s.http
	s.mu.Unlock()
	var err error
	if server != nil {
		err = server.Close()
	}
	s.workers.Wait()
	s.sender.CloseIdleConnections()
	return err
}

// ClientID is the merchant's client id.
func (s *Server) ClientID() string { return s.cfg.ClientID }
