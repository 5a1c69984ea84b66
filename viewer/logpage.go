package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// logPage is what is known of the log itself.
type logPage struct {
	Sealed     bool
	Is         seal.Checkpoint
	Bytes      uint64 // that it takes where it is kept; 0: nobody knows
	Checkpoint string // signed; empty: the log has no signer
	Ancestry   []seal.Checkpoint
	Recovery   *store.Recovery // nil: the engine tells of none
	Verify     *verifying      // nil: nobody asked for it
	Can        bool            // the log can be verified
}

func (v *Viewer) logPage(ctx context.Context, _ *request) (*answer, error) {
	p := &logPage{Verify: v.verifier.state()}
	_, p.Can = v.log.(store.Framer)
	if sealer, ok := v.log.(audit.Sealer); ok {
		is, err := sealer.Tree(ctx)
		if err != nil && !errors.Is(err, store.ErrInvalid) { // which is a log without a seal
			return nil, err
		}
		p.Sealed, p.Is = err == nil, is
	}
	if measured, ok := v.log.(store.Measured); ok {
		p.Bytes = uint64(max(measured.Figures().Bytes, 0))
	}
	if signer, ok := v.log.(store.Checkpointer); ok {
		if signed, err := signer.Checkpoint(ctx); err == nil { // without a key there is none
			p.Checkpoint = string(signed)
		}
	}
	if copied, ok := v.log.(interface {
		Ancestry(ctx context.Context) ([]seal.Checkpoint, error)
	}); ok {
		past, err := copied.Ancestry(ctx)
		if err != nil && !errors.Is(err, store.ErrInvalid) {
			return nil, err
		}
		p.Ancestry = past
	}
	if engine, ok := v.log.(store.Recoverer); ok {
		r := engine.Recovery()
		p.Recovery = &r
	}
	running := p.Verify != nil && p.Verify.Running()
	return &answer{template: "log", document: p.document(),
		shell: shell{Title: "Log", Page: "log", Polls: running, Body: p}}, nil
}

// Busy tells whether a verification runs.
func (p *logPage) Busy() bool { return p.Verify != nil && p.Verify.Running() }

// LevelNames are the levels of a verification in words, in their order.
func (p *logPage) LevelNames() (names []string) {
	for _, l := range audit.Levels() {
		names = append(names, l.String())
	}
	return names
}

// The log's document; docs/reference/json.md tells it.
type logDocument struct {
	Log        *checkpointDocument  `json:"log,omitempty"`
	Bytes      string               `json:"bytes,omitempty"`
	Checkpoint string               `json:"checkpoint,omitempty"`
	Ancestry   []checkpointDocument `json:"ancestry,omitempty"`
	Recovered  string               `json:"recovered,omitempty"`
	Verify     *verifyDocument      `json:"verify,omitempty"`
}

type checkpointDocument struct {
	Origin string `json:"origin,omitempty"`
	Size   string `json:"size"`
	Root   string `json:"root"`
}

type verifyDocument struct {
	Levels  string        `json:"levels"`
	Started string        `json:"started"`
	Ended   string        `json:"ended,omitempty"`
	Records string        `json:"records,omitempty"`
	Of      string        `json:"of,omitempty"`
	Problem string        `json:"problem,omitempty"`
	Report  *audit.Report `json:"report,omitempty"`
}

func checkpointOf(c seal.Checkpoint) checkpointDocument {
	return checkpointDocument{c.Origin, strconv.FormatUint(c.Size, 10), c.Root.String()}
}

func (p *logPage) document() any {
	d := logDocument{Bytes: documents.Digits(p.Bytes), Checkpoint: p.Checkpoint}
	if p.Sealed {
		is := checkpointOf(p.Is)
		d.Log = &is
	}
	for _, c := range p.Ancestry {
		d.Ancestry = append(d.Ancestry, checkpointOf(c))
	}
	if p.Recovery != nil {
		d.Recovered = documents.Digits(p.Recovery.Records)
	}
	if s := p.Verify; s != nil {
		d.Verify = &verifyDocument{Levels: s.Levels, Started: documents.Time(s.Started), Ended: documents.Time(s.Ended),
			Records: documents.Digits(s.Records), Of: documents.Digits(s.Of), Problem: s.Problem, Report: s.Report}
	}
	return d
}

// verifier runs one verification at a time and keeps what the newest one found.
type verifier struct {
	mu  sync.Mutex
	now *verifying
}

// verifying is a verification, under way or ended.
type verifying struct {
	Levels      string // "bytes", or "all"
	Started     time.Time
	Ended       time.Time // zero: it runs
	Records, Of uint64
	Problem     string // why there is no report
	Report      *audit.Report
}

// Running tells whether it is under way.
func (s *verifying) Running() bool { return s.Ended.IsZero() }

// Share is how far it is, in hundredths; 0 where nobody knows.
func (s *verifying) Share() int {
	if s.Of == 0 {
		return 0
	}
	return int(min(s.Records, s.Of) * 100 / s.Of)
}

// Took is how long it has run.
func (s *verifying) Took() string { return span(s.Ended.Sub(s.Started)) }

// state is a copy of the newest one; nil: there was none.
func (f *verifier) state() *verifying {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now == nil {
		return nil
	}
	s := *f.now
	return &s
}

// begin takes the place of the one that runs; false where one does.
func (f *verifier) begin(s verifying) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != nil && f.now.Running() {
		return false
	}
	f.now = &s
	return true
}

func (f *verifier) change(with func(*verifying)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	with(f.now)
}

// What a verification is asked to look at.
const (
	verifyBytes = "bytes"
	verifyAll   = "all"
)

// verify starts a verification, or says how the one that runs is getting on. It changes nothing in the log; what it
// costs is bounded by there being one at a time.
func (v *Viewer) verify(ctx context.Context, q *request) (*answer, error) {
	levels := q.query.Get("run")
	switch levels {
	case "":
		return v.logPage(ctx, q)
	case verifyBytes, verifyAll:
	default:
		return nil, problemOf(http.StatusBadRequest, fmt.Sprintf("Run %q or %q.", verifyBytes, verifyAll))
	}
	if q.Method != http.MethodGet {
		return v.logPage(ctx, q)
	}
	if _, can := v.log.(store.Framer); !can {
		return nil, problemOf(http.StatusNotFound, "This log hands out no stored bytes, so there is nothing to verify by.")
	}
	if v.verifier.begin(verifying{Levels: levels, Started: v.now(), Of: size(ctx, v.log)}) {
		if !v.background(func() { v.runVerify(levels) }) {
			v.verifier.change(func(s *verifying) { s.Ended, s.Problem = v.now(), closedText })
			return nil, problemOf(http.StatusServiceUnavailable, closedText)
		}
	}
	if q.json {
		return v.logPage(ctx, q)
	}
	return &answer{to: v.cfg.Prefix + "/log"}, nil
}

// closedText is what a viewer says that is closed.
const closedText = "This viewer is closed."

func (v *Viewer) runVerify(levels string) {
	ctx, cancel := context.WithTimeout(v.life, VerifyTimeout)
	defer cancel()
	cfg := &audit.VerifyConfig{Keys: v.cfg.Keys, Progress: func(n uint64) {
		v.verifier.change(func(s *verifying) { s.Records = n })
	}}
	if levels == verifyBytes {
		cfg.Levels, cfg.SkipIndexes = []audit.Level{audit.LevelBytes}, true
	}
	report, err := audit.Verify(ctx, v.log, cfg)
	v.verifier.change(func(s *verifying) {
		s.Ended, s.Report = v.now(), report
		if err != nil {
			s.Problem = err.Error()
		} else {
			s.Records = report.Records
		}
	})
}
