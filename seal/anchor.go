package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tilltape/tilltape/internal/folder"
)

// Anchor leaves a signed checkpoint where whoever can change the log cannot change it too: only then can a log that was
// rewritten and signed anew be told from the true one. It returns only once the checkpoint is kept, and neither changes
// nor keeps the slice. The ready ones return an [*AnchorError] and can be used by several goroutines at once.
type Anchor func(ctx context.Context, checkpoint []byte) error

// Anchors returns an anchor that runs all the given ones, one after another, even if one fails, and joins their errors.
func Anchors(anchors ...Anchor) Anchor {
	return func(ctx context.Context, checkpoint []byte) error {
		var failed []error
		for _, anchor := range anchors {
			failed = append(failed, anchor(ctx, checkpoint))
		}
		return errors.Join(failed...)
	}
}

// FileAnchor returns an anchor that appends the checkpoint and an empty line to the file at path, makes it if it is not
// there, and returns only once both are on disk. Put it on another disk or machine than the log.
func FileAnchor(path string) Anchor {
	var mu sync.Mutex
	return func(ctx context.Context, checkpoint []byte) error {
		mu.Lock()
		defer mu.Unlock()
		err := ctx.Err()
		if err == nil {
			err = appendDurably(path, checkpoint)
		}
		if err != nil {
			return &AnchorError{Where: path, Err: err}
		}
		return nil
	}
}

// anchorPerm lets everyone read: a checkpoint is for showing.
const anchorPerm = 0o644

func appendDurably(path string, checkpoint []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, anchorPerm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	separator, err := missingSeparator(f)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(separator + string(checkpoint) + "\n"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// The file's name is an entry of its folder, which has to reach the disk as well.
	return folder.Sync(filepath.Dir(path))
}

// missingSeparator returns what the file lacks at its end before a checkpoint can follow: nothing, unless a crash cut
// the last one short.
func missingSeparator(f *os.File) (string, error) {
	const want = "\n\n"
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return "", err
	}
	tail := make([]byte, min(info.Size(), int64(len(want))))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return "", err
	}
	return want[:len(want)-trailingNewlines(string(tail))], nil
}

func trailingNewlines(s string) int { return len(s) - len(strings.TrimRight(s, "\n")) }

const (
	// anchorTimeout bounds a request whose context has no deadline of its own.
	anchorTimeout = 30 * time.Second

	// maxAnswer is how much of an answer is read, so that the connection can be used again; nothing in it matters.
	maxAnswer = 64 << 10
)

// HTTPAnchor returns an anchor that sends the checkpoint to the address in a POST request of type text/plain. Any
// status from 200 to 299 means that it is kept. Redirections are not followed, for they can turn the request into one
// that keeps nothing. The context's deadline bounds the request, 30 seconds if it has none. A nil client is one with
// the usual transport. The error is an [*InvalidError] where the address is none of http or https.
func HTTPAnchor(client *http.Client, address string) (Anchor, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || (target.Scheme != "https" && target.Scheme != "http") {
		// Not quoted: addresses of this kind often hold a password.
		return nil, &InvalidError{What: "anchor address", Problem: `is no "https://host/path"; pass a whole one`}
	}
	own := http.Client{}
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context, checkpoint []byte) error {
		if err := post(ctx, &own, address, checkpoint); err != nil {
			return &AnchorError{Where: target.Host, Err: err}
		}
		return nil
	}, nil
}

func post(ctx context.Context, client *http.Client, address string, checkpoint []byte) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, anchorTimeout)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(checkpoint)))
	if err != nil {
		return withoutURL(err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer response.Body.Close()
	_, err = io.CopyN(io.Discard, response.Body, maxAnswer)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("answered with status %d", response.StatusCode)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("answered with status %d, but not to the end: %w", response.StatusCode, err)
	}
	return nil
}

// withoutURL returns the cause inside an error of net/http, which would otherwise print the whole address.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return err
}
