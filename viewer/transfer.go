package viewer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/store"
)

// What a program elsewhere reads a log by: the command line does, given the viewer's address in the place of a file.
const (
	// TransfersMax is how many exports and backups are handed out at once; the next one is told to come again.
	TransfersMax = 2
	// TransferTimeout ends one, and a list that is handed out whole.
	TransferTimeout = 2 * time.Hour

	// ReadersMax is how many streams and lists of heads are handed out at once; so, too, for what comes after.
	ReadersMax = 16

	linesType  = "application/jsonl"
	backupType = "application/octet-stream"
	pieceSize  = 64 << 10 // bytes that are written at once
)

// transfers are the pages that hand out what the log has, for programs.
var transfers = map[string]page{
	"/log/stream": {takes: []string{"category", "id", "after"}, raw: (*Viewer).handStream},
	"/log/heads":  {takes: []string{"index", "word", "until", "after", "limit"}, raw: (*Viewer).handHeads},
	"/log/head":   {takes: []string{"category", "id"}, within: PageTimeout, serve: (*Viewer).handHead},
	"/log/lookup": {takes: []string{"key"}, within: PageTimeout, serve: (*Viewer).handLookup},
	"/log/export": {raw: (*Viewer).handExport},
	"/log/backup": {raw: (*Viewer).handBackup},
}

// find finds what is at a path.
func find(path string) (page, bool) {
	if p, known := pages[path]; known {
		return p, true
	}
	p, known := transfers[path]
	return p, known
}

// lines hands out lines as they are found. An error of the log's after the first is told by an answer that is cut off,
// which every client of HTTP takes for one.
func (v *Viewer) lines(w http.ResponseWriter, q *request,
	each func(ctx context.Context, put func([]byte) error) error,
) {
	q.json = true // what goes wrong is told to a program
	ctx, cancel := context.WithTimeout(q.Context(), TransferTimeout)
	defer cancel()
	defer context.AfterFunc(v.life, cancel)()
	w.Header().Set("Content-Type", linesType)
	out := &pieces{stream: stream{w, http.NewResponseController(w)}, head: q.Method == http.MethodHead}
	buffered := bufio.NewWriterSize(out, pieceSize)
	err := each(ctx, func(line []byte) error {
		_, err := buffered.Write(append(line, '\n'))
		return err
	})
	if err == nil {
		err = buffered.Flush()
	}
	switch {
	case err == nil || errors.Is(err, errNobodyReads):
	case !out.begun:
		v.fail(w, q, err)
	default:
		panic(http.ErrAbortHandler)
	}
}

// errNobodyReads ends what is handed out to a HEAD: nobody wants the body, so no more of the log is read for it.
var errNobodyReads = errors.New("the answer to a HEAD has no body")

// pieces are written to a client that may be slow, or gone.
type pieces struct {
	stream
	begun bool
	head  bool // nobody wants the body
}

// Write implements [io.Writer].
func (p *pieces) Write(b []byte) (int, error) {
	if p.head {
		return 0, errNobodyReads
	}
	p.begun = true
	if err := p.put(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// streamOf is the stream that a query names.
func streamOf(q *request) (events.Stream, error) {
	s := events.Stream{Category: q.query.Get("category"), ID: q.query.Get("id")}
	return s, store.CheckStream(s)
}

func (v *Viewer) handStream(w http.ResponseWriter, q *request) {
	v.lines(w, q, func(ctx context.Context, put func([]byte) error) error {
		leave, err := take(v.readers, "streams or lists")
		if err != nil {
			return err
		}
		defer leave()
		s, err := streamOf(q)
		if err != nil {
			return err
		}
		after, err := number(q, "after")
		if err != nil {
			return err
		}
		var line []byte
		for r, err := range v.log.Read(ctx, s, after) {
			if err == nil {
				line, err = jsonform.AppendRecord(line[:0], r)
			}
			if err == nil {
				err = put(line)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// number is a number of a query; 0 where it is not given.
func number(q *request, name string) (uint64, error) {
	text := q.query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, problemOf(http.StatusBadRequest, fmt.Sprintf("%q is no number for %q.", words.Plain(text), name))
	}
	return n, nil
}

// The indexes of a log by name, for programs.
const (
	indexStatus      = "status"
	indexDue         = "due"
	indexOutstanding = "outstanding"
	indexAttention   = "attention"
)

// filterOf is the filter that a query asks for.
func filterOf(q *request) (f store.Filter, err error) {
	word := q.query.Get("word")
	switch q.query.Get("index") {
	case indexStatus:
		if f = store.AllOrders(); word != "" {
			f = store.InStatus(word)
		}
	case indexDue:
		until, err := time.Parse(time.RFC3339Nano, q.query.Get("until"))
		if err != nil {
			return f, problemOf(http.StatusBadRequest, "Say until when, as a time such as 2026-11-23T09:30:00Z.")
		}
		f = store.DueBy(until)
	case indexOutstanding:
		f = store.Outstanding()
	case indexAttention:
		for _, a := range events.Attentions() {
			if a.String() == word {
				f = store.Attention(a)
			}
		}
	}
	if f.Index() == 0 {
		return f, problemOf(http.StatusBadRequest, fmt.Sprintf("There is no index %q of %q.",
			words.Plain(q.query.Get("index")), words.Plain(word)))
	}
	if after := q.query.Get("after"); after != "" {
		last, err := parsePlace(after)
		if err != nil {
			return f, err
		}
		f = f.After(last)
	}
	limit, err := number(q, "limit")
	if err == nil && limit > 0 {
		f = f.Limit(int(limit))
	}
	return f, err
}

func (v *Viewer) handHeads(w http.ResponseWriter, q *request) {
	v.lines(w, q, func(ctx context.Context, put func([]byte) error) error {
		leave, err := take(v.readers, "streams or lists")
		if err != nil {
			return err
		}
		defer leave()
		filter, err := filterOf(q)
		if err != nil {
			return err
		}
		var line []byte
		for h, err := range v.log.Heads(ctx, filter) {
			if err == nil {
				line, err = jsonform.AppendHead(line[:0], h)
			}
			if err == nil {
				err = put(line)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (v *Viewer) handHead(ctx context.Context, q *request) (*answer, error) {
	q.json = true
	s, err := streamOf(q)
	if err != nil {
		return nil, err
	}
	h, err := v.log.Head(ctx, s)
	if err != nil {
		return nil, err
	}
	doc, err := jsonform.AppendHead(nil, h)
	return &answer{document: rawDocument(doc)}, err
}

// rawDocument is a document that is made already.
type rawDocument []byte

// MarshalJSON implements json.Marshaler.
func (d rawDocument) MarshalJSON() ([]byte, error) { return d, nil }

// ownerDocument is the stream that a key belongs to; docs/reference/json.md tells it.
type ownerDocument struct {
	Category string `json:"category"`
	ID       string `json:"id"`
}

func (v *Viewer) handLookup(ctx context.Context, q *request) (*answer, error) {
	q.json = true
	s, err := v.log.Lookup(ctx, events.Key(q.query.Get("key")))
	return &answer{document: ownerDocument{s.Category, s.ID}}, err
}

// place takes one of the places of exports and backups.
func (v *Viewer) place() (leave func(), err error) { return take(v.transfers, "exports or backups") }

// take takes one of some places.
func take(places chan struct{}, what string) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, problemOf(http.StatusServiceUnavailable, fmt.Sprintf("%d %s are under way already.", cap(places), what))
	}
}

// handExport hands out the log as an export, which says by itself where it is cut off.
func (v *Viewer) handExport(w http.ResponseWriter, q *request) {
	v.lines(w, q, func(ctx context.Context, _ func([]byte) error) error {
		log, ok := v.log.(export.Source)
		if !ok {
			return problemOf(http.StatusNotFound, "This log has nothing to be held against, so no export is made of it.")
		}
		leave, err := v.place()
		if err != nil {
			return err
		}
		defer leave()
		out := &pieces{stream: stream{w, http.NewResponseController(w)}, head: q.Method == http.MethodHead}
		buffered := bufio.NewWriterSize(out, pieceSize)
		_, err = export.Write(ctx, buffered, log, nil)
		if err == nil {
			err = buffered.Flush()
		}
		if err != nil && out.begun {
			panic(http.ErrAbortHandler)
		}
		return err
	})
}
