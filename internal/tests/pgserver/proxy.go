package pgserver

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a client and a server, and cuts their connections at chosen moments. It reads what goes over it,
// so the connection string must say sslmode=disable. Its methods are for many goroutines at once.
type Proxy struct {
	listener net.Listener

	mu       sync.Mutex
	target   string
	closed   bool
	refusing bool
	pairs    map[*pair]struct{}
	traps    []*Trap
	accepted int
	group    sync.WaitGroup
}

// pair is a connection: the client's side and the server's.
type pair struct {
	client, server net.Conn
	statements     statements    // of the client's side alone
	late           atomic.Bool   // the client was cut off, and the server gets what it sent
	done           chan struct{} // closed when the server says no more
}

func (c *pair) cut() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// Trap is a moment at which the proxy cuts a connection. Make one with [Proxy.CutBefore] or [Proxy.CutAfter].
type Trap struct {
	request string // cut before this statement is passed on
	answer  string // cut when this command's completion comes back, and keep the answer
	skip    int
	refuse  bool // let nobody connect from then on
	told    bool // pass the answer on before the cut
	late    bool // cut the client alone, and pass on what it sent when the trap is released
	proxy   *Proxy
	once    sync.Once
	sprung  chan struct{}

	freed    chan struct{} // closed by Release
	answered chan struct{} // closed when the server has dealt with what came late
	ends     sync.Once
}

// ThenRefuse lets new connections fail from the moment of the cut on, until [Proxy.Refuse] lets them through again. It
// returns the trap.
func (t *Trap) ThenRefuse() *Trap {
	t.proxy.mu.Lock()
	defer t.proxy.mu.Unlock()
	t.refuse = true
	return t
}

// Release passes on what the client of a trap of [Proxy.DelayFrom] had sent, and returns when the server has dealt with
// it. Before the trap has sprung, and after the first time, it does nothing.
func (t *Trap) Release() {
	select {
	case <-t.sprung:
	default:
		return
	}
	t.ends.Do(func() { close(t.freed) })
	<-t.answered
}

// Sprung is closed when the connection has been cut.
func (t *Trap) Sprung() <-chan struct{} { return t.sprung }

// NewProxy is a proxy in front of the server at that address, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := Listen(target)
	check(t, err)
	t.Cleanup(p.Close)
	return p
}

// Listen is [NewProxy] without a test. The caller closes it.
func Listen(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, pairs: map[*pair]struct{}{}}
	p.group.Go(p.accept)
	return p, nil
}

// Addr is where clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is the server's connection string, through the proxy.
func (p *Proxy) URL(server string) string {
	u, err := url.Parse(At(server, p.Addr(), "", ""))
	if err != nil { // At has read it before
		panic(err)
	}
	query := u.Query()
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	return u.String()
}

// Target is where new connections lead from now on: what a failover changes.
func (p *Proxy) Target(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
}

// Refuse lets new connections fail at once, or lets them through again.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = refuse
}

// Accepted is how many connections were passed on so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Disarm takes all traps away.
func (p *Proxy) Disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traps = nil
}

// Cut cuts every connection now, wherever it stands, and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.cut()
	}
	return len(p.pairs)
}

// CutBefore cuts the connection over which a statement goes that begins with these words, in place of passing it on:
// the server never sees it. skip lets so many go before.
func (p *Proxy) CutBefore(statement string, skip int) *Trap {
	return p.arm(&Trap{request: statement, skip: skip})
}

// CutAfter cuts the connection when the server answers that a command of this tag is complete (COMMIT, "INSERT"), in
// place of passing the answer on: it is done, and the client is not told. skip lets so many go before.
func (p *Proxy) CutAfter(tag string, skip int) *Trap { return p.arm(&Trap{answer: tag, skip: skip}) }

// CutBehind is [Proxy.CutAfter], but the answer is passed on: the client is told, and hears no more.
func (p *Proxy) CutBehind(tag string, skip int) *Trap {
	return p.arm(&Trap{answer: tag, skip: skip, told: true})
}

// DelayFrom cuts the client off as [Proxy.CutBefore] does, and keeps what it has sent, from this statement on, up to
// where it would wait for the answer. The server gets that from [Trap.Release], as it may from a slow network, long
// after the client has given up. Its answer goes nowhere.
func (p *Proxy) DelayFrom(statement string, skip int) *Trap {
	return p.arm(&Trap{request: statement, skip: skip, late: true, freed: make(chan struct{}),
		answered: make(chan struct{})})
}

func (p *Proxy) arm(t *Trap) *Trap {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.sprung, t.proxy = make(chan struct{}), p
	p.traps = append(p.traps, t)
	return t
}

// springs tells whether a trap waits for this, and takes it away where it does.
func (p *Proxy) springs(matches func(*Trap) bool) *Trap {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.traps {
		if !matches(t) {
			continue
		}
		if t.skip--; t.skip >= 0 {
			continue
		}
		p.traps = append(p.traps[:i], p.traps[i+1:]...)
		p.refusing = p.refusing || t.refuse
		return t
	}
	return nil
}

// Close cuts everything and takes no more.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
	p.group.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.group.Go(func() { p.serve(client) })
	}
}

// serve passes one connection on, both ways.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target, refusing := p.target, p.refusing || p.closed
	p.mu.Unlock()
	if refusing {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	c := &pair{client: client, server: server, done: make(chan struct{})}
	defer c.cut()
	p.mu.Lock()
	if p.closed || p.refusing {
		p.mu.Unlock()
		return
	}
	p.pairs[c] = struct{}{}
	p.accepted++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.pairs, c)
		p.mu.Unlock()
	}()
	var group sync.WaitGroup
	group.Go(func() {
		defer c.cut()
		p.requests(c)
	})
	p.answers(c)
	close(c.done)
	c.cut()
	group.Wait()
}
