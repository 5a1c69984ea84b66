package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

const (
	remoteTimeout = 30 * time.Second // for a service to begin its answer to a question
	wholeTimeout  = 2 * time.Hour    // … to a request for the whole log: a backup is made before its first byte is sent
	tokenMax      = 4 << 10          // bytes
	lineMax       = export.LineMax
	problemType   = "application/problem+json"
	problemMax    = 64 << 10 // bytes of an answer that says what is wrong
)

var (
	// errRemote: a service that does not answer as a viewer does.
	errRemote = errors.New("the service did not answer as a viewer does")
	// errQuestionsOnly: a service was asked for all of its log by a command that was opened to ask it questions. It is
	// nothing that a log says of itself, so nobody takes it for the log's end.
	errQuestionsOnly = errors.New("a service's log is read whole by an export")
)

// remote is a log that a running service shows by package viewer.
type remote struct {
	base    *url.URL
	token   string
	client  *http.Client // for questions
	fetcher *http.Client // for all of a log
}

// isRemote tells the address of a service.
func isRemote(name string, _ []byte) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// openRemote asks a service. A command that asks a question or two asks it these; another one fetches the log as an
// export first, which is held against what it says that it is of.
func openRemote(ctx context.Context, name string) (*source, error) {
	r, err := newRemote(ctx, name)
	if err != nil {
		return nil, err
	}
	if asked, _ := ctx.Value(glance{}).(extent); asked == ofOrders {
		return &source{Reader: r, name: r.base.String(), close: func() error { return nil }}, nil
	}
	dir, err := os.MkdirTemp("", "tilltape-fetched-")
	if err != nil {
		return nil, err
	}
	gone := func() error { return os.RemoveAll(dir) }
	file := filepath.Join(dir, "export.jsonl")
	if err := r.fetch(ctx, "log/export", file); err != nil {
		return nil, errors.Join(err, gone())
	}
	s, err := openExport(ctx, file)
	if err != nil {
		return nil, errors.Join(err, gone())
	}
	s.name = r.base.String()
	closed := s.close
	s.close = func() error { return errors.Join(closed(), gone()) }
	return s, nil
}

// newRemote reads the token out of its file: on the command line it would stand in the list of processes and in the
// shell's history.
func newRemote(ctx context.Context, name string) (*remote, error) {
	base, err := url.Parse(strings.TrimSuffix(name, "/") + "/")
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, &usageError{err: errors.New("the service's address is none that a viewer can have"),
			hint: "give one such as https://shop.example/tilltape, and a token by --" + tokenFlag}
	}
	r := &remote{base: base, client: client(remoteTimeout), fetcher: client(wholeTimeout)}
	file, _ := ctx.Value(tokenFile{}).(string)
	if file == "" {
		return r, nil
	}
	if base.Scheme != "https" && !onLoopback(base.Hostname()) {
		return nil, &usageError{err: fmt.Errorf("a token is not sent to %s in the clear", base.Host), hint: "use https"}
	}
	token, err := readPrivate("token file", file,
		"let --"+tokenFlag+" or "+variable(tokenFlag)+" name a file with the token")
	if err != nil {
		return nil, err
	}
	if r.token = strings.TrimSpace(token); r.token == "" || len(r.token) > tokenMax ||
		strings.ContainsFunc(r.token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, &usageError{hint: "it has to hold one, and nothing else",
			err: fmt.Errorf("the file that --%s or %s names has no token", tokenFlag, variable(tokenFlag))}
	}
	return r, nil
}

// client makes a client that waits so long for the beginning of an answer.
func client(patience time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment,
		ResponseHeaderTimeout: patience, TLSHandshakeTimeout: remoteTimeout,
		DialContext: (&net.Dialer{Timeout: remoteTimeout}).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get asks for a page; the answer is one that has what was asked for.
func (r *remote) get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	return r.getBy(ctx, r.client, path, query)
}

func (r *remote) getBy(ctx context.Context, by *http.Client, path string, query url.Values) (*http.Response, error) {
	at := r.base.JoinPath(path)
	at.RawQuery = query.Encode()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept", "application/json")
	if r.token != "" {
		q.Header.Set("Authorization", "Bearer "+r.token)
	}
	answer, err := by.Do(q)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, withHint(fmt.Errorf("%w: %s cannot be reached: %w", store.ErrUnavailable, r.base, errors.Unwrap(err)),
			"check the address, and that the service runs")
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer func() { _ = answer.Body.Close() }()
	return nil, r.refusalError(answer)
}

// refusalError is why a service did not answer what was asked: its viewer, or what stands before that, which may say
// what to do instead.
func (r *remote) refusalError(answer *http.Response) error {
	var problem struct {
		Detail string `json:"detail"`
		Remedy string `json:"remedy"`
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, problemMax))
	if answer.Header.Get("Content-Type") != problemType || json.Unmarshal(body, &problem) != nil {
		return withHint(fmt.Errorf("%w: %s answered %s", errRemote, r.base, answer.Status),
			"give the address that package viewer is mounted at")
	}
	err := fmt.Errorf("%s says: %s", r.base, plain(problem.Detail))
	var hints []string
	switch answer.StatusCode {
	case http.StatusNotFound:
		err = fmt.Errorf("%w: %w", store.ErrNotFound, err)
	case http.StatusUnauthorized, http.StatusForbidden:
		hints = append(hints, "name the file with your token by --"+tokenFlag+" or "+variable(tokenFlag))
	case http.StatusServiceUnavailable:
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	if problem.Remedy != "" {
		hints = append(hints, "the service says: "+plain(problem.Remedy))
	}
	if len(hints) == 0 {
		return err
	}
	return withHint(err, strings.Join(hints, "; "))
}

// lines yields the lines of an answer. One that is cut off ends with an error.
func (r *remote) lines(ctx context.Context, path string, query url.Values) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		answer, err := r.get(ctx, path, query)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		scan := bufio.NewScanner(answer.Body)
		scan.Buffer(nil, lineMax)
		for scan.Scan() {
			if !yield(scan.Bytes(), nil) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(nil, r.cutError(ctx, err))
		}
	}
}

// cutError is an answer that ended before its end.
func (r *remote) cutError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return withHint(fmt.Errorf("%w: the answer of %s was cut off: %w", store.ErrUnavailable, r.base, err),
		"try again; the service's own log may say why")
}

// Read implements [store.Reader].
func (r *remote) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	query := url.Values{"category": {s.Category}, "id": {s.ID}, "after": {strconv.FormatUint(after, 10)}}
	return func(yield func(events.Record, error) bool) {
		for line, err := range r.lines(ctx, "log/stream", query) {
			var record events.Record
			if err == nil {
				record, _, err = jsonform.DecodeRecord(bytes.Clone(line))
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// All implements [store.Reader]. No page of a service's answers it: what asks for places in a log fetches an export.
func (r *remote) All(context.Context, store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		yield(events.Record{}, fmt.Errorf("%s: %w", r.base, errQuestionsOnly))
	}
}

// Lookup implements [store.Reader].
func (r *remote) Lookup(ctx context.Context, key events.Key) (owner events.Stream, err error) {
	var doc struct{ Category, ID string }
	if err := r.document(ctx, "log/lookup", url.Values{"key": {string(key)}}, func(body []byte) error {
		return json.Unmarshal(body, &doc)
	}); err != nil {
		return events.Stream{}, err
	}
	return events.Stream{Category: doc.Category, ID: doc.ID}, nil
}

// Head implements [store.Reader].
func (r *remote) Head(ctx context.Context, s events.Stream) (head store.Head, err error) {
	err = r.document(ctx, "log/head", url.Values{"category": {s.Category}, "id": {s.ID}}, func(body []byte) error {
		head, err = jsonform.DecodeHead(bytes.TrimSpace(body))
		return err
	})
	return head, err
}

func (r *remote) document(ctx context.Context, path string, query url.Values, read func([]byte) error) error {
	answer, err := r.get(ctx, path, query)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, lineMax))
	if err != nil {
		return r.cutError(ctx, err)
	}
	if err := read(body); err != nil {
		return fmt.Errorf("%w: %w", errRemote, err)
	}
	return nil
}

// Heads implements [store.Reader].
func (r *remote) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	query := url.Values{}
	switch filter.Index() {
	case store.IndexStatus:
		query.Set("index", "status")
	case store.IndexDue:
		query.Set("index", "due")
		query.Set("until", filter.Until().Format(time.RFC3339Nano))
	case store.IndexOutstanding:
		query.Set("index", "outstanding")
	case store.IndexAttention:
		query.Set("index", "attention")
	}
	if word := filter.Word(); word != "" {
		query.Set("word", word)
	}
	if at, id, goesOn := filter.From(); goesOn {
		query.Set("after", documents.Time(at)+placeSeparator+id)
	}
	if most, limited := filter.Most(); limited {
		query.Set("limit", strconv.Itoa(most))
	}
	return func(yield func(store.Head, error) bool) {
		for line, err := range r.lines(ctx, "log/heads", query) {
			var head store.Head
			if err == nil {
				head, err = jsonform.DecodeHead(bytes.Clone(line))
			}
			if !yield(head, err) || err != nil {
				return
			}
		}
	}
}

// fetch writes an answer into a new file, whole or not at all.
func (r *remote) fetch(ctx context.Context, path, name string) (err error) {
	answer, err := r.getBy(ctx, r.fetcher, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	meter := meterIn(ctx, "byte")
	meter.total = uint64(max(answer.ContentLength, 0))
	n, err := io.Copy(io.MultiWriter(file, meter), answer.Body)
	meter.end()
	if err != nil {
		return r.cutError(ctx, err)
	}
	if answer.ContentLength >= 0 && n != answer.ContentLength {
		return r.cutError(ctx, io.ErrUnexpectedEOF)
	}
	return file.Sync()
}

// fetchBackup brings a backup of a service's log: beside its place first, where it is verified, and then by its name.
func fetchBackup(ctx context.Context, t *terminal, from, to string) (err error) {
	r, err := newRemote(ctx, from)
	if err != nil {
		return err
	}
	var text string
	err = t.newByName(to, func(aside string) (err error) {
		if err := r.fetch(ctx, "log/backup", aside); err != nil {
			return err
		}
		text, err = verifiedBackup(ctx, t, aside)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s %s is a whole copy\n%s", t.paint(green, "ok:"), to, text)
	return printError(err)
}

// verifiedBackup reads all of a backup, and says what it is of.
func verifiedBackup(ctx context.Context, t *terminal, path string) (text string, err error) {
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	meter := t.meter("record")
	err = log.Verify(ctx, meter.of)
	meter.end()
	if err != nil {
		return "", err
	}
	return described(ctx, log)
}
