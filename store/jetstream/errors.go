package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/store"
)

// What can keep a log from being opened, beside the errors of packages store and store/bolt. Match them with errors.Is.
var (
	// ErrNoStream: there is no stream of this name, and Config.Create is off, or the servers refuse to make it.
	ErrNoStream = errors.New("no such stream")
	// ErrStream: the stream is not set as a log's order has to be: it could lose what it has confirmed.
	ErrStream = errors.New("the stream could lose messages")
)

// StreamError is a log whose stream or file cannot be used as it stands, or does not answer: the log, the reason, and
// the way out.
type StreamError struct {
	Kind   error // ErrNoStream, ErrStream, or of package store ErrUnavailable, ErrFull or ErrStorage
	Log    string
	Reason string
	Remedy string

	undone bool // it is sure that nothing was done
}

// Error names the log, the reason and the way out.
func (e *StreamError) Error() string {
	return fmt.Sprintf("%s: %v: %s; %s", e.Log, e.Kind, e.Reason, e.Remedy)
}

// Hint is the way out alone, for a command line that prints it on a line of its own.
func (e *StreamError) Hint() string { return e.Remedy }

// Unwrap returns Kind, and of an append that is sure not to have happened store.ErrUnavailable beside it.
func (e *StreamError) Unwrap() []error {
	if e.undone {
		return []error{e.Kind, store.ErrUnavailable}
	}
	return []error{e.Kind}
}

func joined(all []string) string { return strings.Join(all, "; ") }

// unavailable is the error of what did not happen since the servers do not answer. Of the cause only the text is kept,
// so that no type of the client's leaks.
func (l *Log) unavailable(doing string, cause error) error {
	remedy := "nothing was done; try again once the servers answer"
	if errors.Is(cause, store.ErrFull) {
		remedy = "nothing was done; make room where this process's file is: it goes on by itself"
	}
	return &StreamError{Kind: store.ErrUnavailable, Log: l.name, Reason: doing + ": " + plain(cause), Remedy: remedy}
}

// refused is the error of what no server has stored: for want of room, or since they do not take it now.
func (l *Log) refused(cause error) error {
	if api, is := errors.AsType[*jetstream.APIError](cause); is && roomless[api.ErrorCode] {
		return &StreamError{Kind: store.ErrFull, Log: l.name, Reason: "the servers have no room for the append: " +
			api.Description, Remedy: "nothing was done; make room on the servers' disks, or raise max_file_store or the " +
			"account's limits: it goes on by itself", undone: true}
	}
	return l.unavailable("the append was not stored", cause)
}

// inDoubt is the error of appends of which nobody knows here what has become of them.
func (l *Log) inDoubt(reason string) error {
	return &StreamError{Kind: store.ErrStorage, Log: l.name, Reason: reason,
		Remedy: "the append may have happened, or may still: repeat it with the same record ids"}
}

func plain(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return "no server has the stream, or it has no leader"
	case err == nil:
		return "no answer"
	}
	return err.Error()
}

// errDisconnected is why nothing was sent.
var errDisconnected = errors.New("the connection to the servers is down")

// surelyNot tells whether an error of publishing says that the message was not stored and never will be. What is not
// known here counts as a doubt.
func surelyNot(err error) bool {
	for _, e := range []error{errDisconnected, nats.ErrNoResponders, jetstream.ErrNoStreamResponse, nats.ErrMaxPayload,
		nats.ErrReconnectBufExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	api, is := errors.AsType[*jetstream.APIError](err)
	return is && (refusals[api.ErrorCode] || roomless[api.ErrorCode])
}

// refusals are the errors by which a server tells of a message that it does not take before it has proposed it to the
// others; by nats-server's names. JSStreamStoreFailedErrF (10077) is none of them: it also comes from a leader that
// could not write what the others may have, nor is JSStreamDuplicateMessageConflict (10158): an earlier one is under
// way.
var refusals = map[jetstream.ErrorCode]bool{
	10054: true, // JSStreamMessageExceedsMaximumErr
	10059: true, // JSStreamNotFoundErr
	10060: true, // JSStreamNotMatchErr
	10109: true, // JSStreamSealedErr
	10120: true, // JSNoLimitsErr
	10167: true, // JSStreamTooManyRequests
}

// roomless are those of them by which a server says that it has no room for the message.
var roomless = map[jetstream.ErrorCode]bool{
	10002: true, // JSAccountResourcesExceededErr
	10023: true, // JSInsufficientResourcesErr
}

// neverMade are the errors by which a server refuses to make a stream, and would refuse it again. Others pass while a
// cluster forms: no leader yet, too few servers yet.
var neverMade = map[jetstream.ErrorCode]bool{
	10002: true, // JSAccountResourcesExceededErr
	10027: true, // JSMaximumStreamsLimitErr
	10039: true, // JSNotEnabledForAccountErr
	10047: true, // JSStorageResourcesExceededErr
	10052: true, // JSStreamInvalidConfigF
	10065: true, // JSStreamSubjectOverlapErr
	10074: true, // JSStreamReplicasNotSupportedErr
	10076: true, // JSNotEnabledErr
	10113: true, // JSStreamMaxBytesRequired
	10120: true, // JSNoLimitsErr
	10122: true, // JSStreamMaxStreamBytesExceeded
}

func (l *Log) closedError() error {
	return fmt.Errorf("%s: %w; open it again to go on", l.name, store.ErrClosed)
}

// damaged is damage to the order, not to the file.
func (l *Log) damaged(format string, args ...any) error {
	return &store.DamagedError{Log: l.name, Reason: fmt.Sprintf(format, args...)}
}
