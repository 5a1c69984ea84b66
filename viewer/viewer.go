package viewer

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/store"
)

// Viewer shows a log, as an [http.Handler]. Make one with [New]. It is safe for many goroutines at once.
type Viewer struct {
	log    store.Reader
	reader *tilltape.Reader
	cfg    Config

	counter   *counter
	lists     lists
	verifier  *verifier
	consumers *consumers
	live      chan struct{} // a place for each browser that follows
	transfers chan struct{} // and for each export or backup
	readers   chan struct{} // and for each stream or list that is handed out
	older     chan struct{} // and for each search of older records

	life    context.Context // ends when Close begins
	end     context.CancelFunc
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New returns a Viewer of a log, which stays the caller's: close it after the Viewer. It reads nothing of it yet, and
// removes what is left in the folder for backups of one whose process was killed hours ago. The error wraps
// [tilltape.ErrConfig].
func New(log store.Reader, cfg *Config) (*Viewer, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	reader, err := tilltape.NewReader(log, &full.Orders)
	if err != nil {
		return nil, err
	}
	sweep(full.BackupFolder, time.Now())
	life, end := context.WithCancel(context.Background())
	return &Viewer{log: log, reader: reader, cfg: full, counter: newCounter(log), verifier: &verifier{},
		consumers: newConsumers(full.Consumers), live: make(chan struct{}, LiveMax),
		transfers: make(chan struct{}, TransfersMax), readers: make(chan struct{}, ReadersMax),
		older: make(chan struct{}, OlderMax), life: life, end: end}, nil
}

// Close ends what a viewer does in the background, the answers to browsers that follow the log among it, and waits for
// it. Pages may still be asked for; they count nothing any more. Closing again does nothing.
func (v *Viewer) Close() error {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.end()
	v.running.Wait()
	return nil
}

// background runs f on a goroutine of its own, which Close waits for. A viewer that is closed runs nothing, and says
// so.
func (v *Viewer) background(f func()) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.running.Go(f)
	}
	return !v.closed
}

func (v *Viewer) now() time.Time { return v.reader.Config().Now().UTC() }

// page is something that can be asked for.
type page struct {
	takes  []string // the names that its query may have
	costly string   // that one of them which asks for more than a page's reading
	within time.Duration
	serve  func(*Viewer, context.Context, *request) (*answer, error)
	raw    func(*Viewer, http.ResponseWriter, *request) // answers by itself; instead of serve
}

// pages are all there is, by path. Names are in the query, since an order's id may be anything, slashes and dots among
// it.
var pages = map[string]page{
	"/":               {within: PageTimeout, serve: (*Viewer).overview},
	"/overview":       {within: PageTimeout, serve: (*Viewer).overview},
	"/orders":         {takes: []string{"only", "status", "after", "limit"}, within: PageTimeout, serve: (*Viewer).list},
	"/search":         {takes: []string{"q", "before"}, costly: "before", within: OlderTimeout, serve: (*Viewer).search},
	"/order":          {takes: []string{"id"}, within: PageTimeout, serve: (*Viewer).order},
	"/log":            {within: PageTimeout, serve: (*Viewer).logPage},
	"/log/verify":     {takes: []string{"run"}, costly: "run", within: PageTimeout, serve: (*Viewer).verify},
	"/live":           {takes: []string{"order"}, raw: (*Viewer).follow},
	"/assets/" + css:  {raw: (*Viewer).asset},
	"/assets/" + js:   {raw: (*Viewer).asset},
	"/assets/" + icon: {raw: (*Viewer).asset},
}

// jsonSuffix behind a page's path asks for its document.
const jsonSuffix = ".json"

// ServeHTTP answers a request.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	q := &request{Request: r, json: wantsJSON(r)}
	if !v.cfg.Authorize(r) {
		v.fail(w, q, problemOf(http.StatusForbidden, "You may not see this log. Ask whoever runs this service, or open it "+
			"on the machine that it runs on."))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		v.fail(w, q, problemOf(http.StatusMethodNotAllowed, "This log is only shown here: ask with GET or HEAD."))
		return
	}
	path, under := strings.CutPrefix(r.URL.Path, v.cfg.Prefix)
	p, known := find(path)
	if bare, asked := strings.CutSuffix(path, jsonSuffix); !known && asked {
		q.json = true
		p, known = pages[bare]
		known = known && p.serve != nil && bare != "/"
	}
	if !under || !known {
		v.fail(w, q, problemOf(http.StatusNotFound, "There is no such page. Begin at the overview."))
		return
	}
	if err := q.parse(p.takes); err != nil {
		v.fail(w, q, err)
		return
	}
	if p.isCostly(q) && fromElsewhere(q) {
		v.fail(w, q, problemOf(http.StatusForbidden, "Another site's page may not ask for this. Begin at the overview."))
		return
	}
	v.counter.start(v.life, func(f func()) { v.background(f) })
	if p.raw != nil {
		p.raw(v, w, q)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.within)
	defer cancel()
	a, err := p.serve(v, ctx, q)
	if err != nil {
		v.fail(w, q, err)
		return
	}
	v.answer(w, q, a)
}

// isCostly tells whether a request asks for more than a page's reading.
func (p *page) isCostly(q *request) bool {
	return p.raw != nil || p.costly != "" && q.query.Get(p.costly) != ""
}

// fromElsewhere tells whether a browser says that it asks for another site's page, which never gets to see the answer,
// but could keep the log busy. A link there to a page is followed as any.
func fromElsewhere(q *request) bool {
	switch q.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return true
}

// secure sets what every answer has: it is kept nowhere, shown in nobody's frame, runs nothing but what is ours, and
// tells no other site where it was.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
}

// wantsJSON tells whether a request asks for JSON, and not for a page.
func wantsJSON(r *http.Request) bool {
	for _, accepted := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, _, _ := strings.Cut(accepted, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "text/html", "application/xhtml+xml":
			return false
		case "application/json", "application/problem+json":
			return true
		}
	}
	return false
}

// gone tells whether an error is that nobody waits for the answer any more.
func gone(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && r.Context().Err() != nil
}
