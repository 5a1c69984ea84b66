package jetstream

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// What Config's zero values stand for.
const (
	// DefaultStream is the stream that the log's order is kept in.
	DefaultStream = "TILLTAPE"
	// DefaultReplicas is on how many servers it is: two of three agree on each message, and one may be lost.
	DefaultReplicas = 3
)

// DefaultOrigin begins the origin of a log that is made without a name or a signer.
const DefaultOrigin = sealed.DefaultOrigin

// Config is how a log is opened. The zero value, and nil, are right for a service beside a cluster of three servers
// whose stream somebody has made.
type Config struct {
	// Stream is the stream's name: up to 40 letters, digits, dashes and underscores. One log a stream. Empty is
	// [DefaultStream].
	Stream string
	// Create makes the stream where there is none, as [StreamConfig] says. Without it that is [ErrNoStream].
	Create bool
	// Replicas is on how many servers the stream must be at least: 1, 3 or 5. Zero is [DefaultReplicas]. With 1, what was
	// acknowledged is lost with that server's disk.
	Replicas int
	// LocalReads has reads answer by what this process has applied, without asking the servers how far the log is. What
	// this process has appended it sees; what others have appended it sees a little later, or, while it cannot reach the
	// servers, much later. Appends are judged by the order all the same.
	LocalReads bool
	// Signer signs checkpoints; nil: [Log.Checkpoint] and [Log.Prove] are refused.
	Signer *seal.Signer
	// SignerKey is the Signer's key as text, as seal.GenerateKey or `tilltape keygen` made it: give this or Signer. White
	// space around it is ignored.
	SignerKey string
	// Origin begins the name that a new log has in its checkpoints, preferably as a web address ("shop.example/orders"); a
	// random part follows. Empty: the signer's name, or [DefaultOrigin]. It is written into the stream's first message:
	// all processes have it, and a log keeps it. Any other is store.ErrInvalid, but where the log was made without a name,
	// which it stays; and the signer's key has to be of that name, or of one above it.
	Origin string
}

// Streams are named by what is one word of a subject, and of a file.
var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// filled is the configuration with what its zero values stand for, checked.
func (c Config) filled() (Config, error) {
	c.Stream, c.Replicas = cmp.Or(c.Stream, DefaultStream), cmp.Or(c.Replicas, DefaultReplicas)
	if !streamName.MatchString(c.Stream) {
		return c, fmt.Errorf("%w: stream %.60q: use up to 40 letters, digits, dashes and underscores", store.ErrInvalid,
			c.Stream)
	}
	if c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5 {
		return c, fmt.Errorf("%w: stream %s: Config.Replicas is %d; give 1, 3 or 5", store.ErrInvalid, c.Stream, c.Replicas)
	}
	named, err := c.naming().ReadKey("stream "+c.Stream, c.SignerKey)
	if err != nil {
		return c, err
	}
	c.Signer, c.SignerKey = named.Signer, ""
	return c, c.naming().Check("stream " + c.Stream)
}

func (c Config) naming() sealed.Naming { return sealed.Naming{Origin: c.Origin, Signer: c.Signer} }

// subject is what the log's messages are published under.
func subject(stream string) string { return "tilltape." + stream }

// duplicates is how long a stream that Create makes remembers which messages it has.
const duplicates = 2 * time.Minute

// StreamConfig is the stream of a log, for whoever makes it otherwise than by Config.Create: its placement, its
// description, its compression and its metadata may differ. [Open] checks what could lose or hide a message.
func StreamConfig(stream string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: stream, Subjects: []string{subject(stream)}, Replicas: replicas, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxConsumers: -1, MaxMsgs: -1, MaxBytes: -1,
		MaxMsgsPerSubject: -1, MaxMsgSize: -1, DenyDelete: true, DenyPurge: true, Duplicates: duplicates,
		Description: "the order of a tilltape log; see store/jetstream",
	}
}

// payloadMin is the least max_payload that a server may have, in bytes: one for which a part has room beside its head.
const payloadMin = 8 << 10

// reserved is how many bytes of a server's max_payload are left for a message's headers.
const reserved = 1 << 10

// checkStream refuses a stream that could lose what it has confirmed, or a server that takes messages of so few bytes
// that none has room, and names all that is wrong.
func checkStream(log string, c Config, have jetstream.StreamConfig, takes int64) error {
	unlimited := func(n int64) bool { return n <= 0 }
	var wrong []string
	for _, s := range []struct {
		bad  bool
		text string
	}{
		{have.Replicas < c.Replicas, fmt.Sprintf("it has %d replicas, and Config.Replicas asks for %d", have.Replicas,
			c.Replicas)},
		{have.Storage != jetstream.FileStorage, "its storage is memory, not file"},
		{have.Retention != jetstream.LimitsPolicy, "its retention is " + have.Retention.String() + ", not limits"},
		{have.MaxAge != 0, "it drops messages by age (max_age)"},
		{!unlimited(have.MaxMsgs), "it drops or refuses messages by number (max_msgs)"},
		{!unlimited(have.MaxMsgsPerSubject), "it drops or refuses messages by number (max_msgs_per_subject)"},
		{!unlimited(have.MaxBytes), "it drops or refuses messages by size (max_bytes)"},
		{!unlimited(int64(have.MaxMsgSize)), "it refuses messages by size (max_msg_size)"},
		{!have.DenyDelete, "messages can be deleted (deny_delete is off)"},
		{!have.DenyPurge, "it can be purged (deny_purge is off)"},
		{have.AllowDirect, "messages may be read from a server that is behind (allow_direct)"},
		{have.AllowRollup, "a message can take the place of others (allow_rollup_hdrs)"},
		{have.AllowMsgTTL, "messages can have an end (allow_msg_ttl)"},
		{have.NoAck, "it confirms nothing (no_ack)"},
		{have.Sealed, "it is sealed and takes no messages"},
		{have.PersistMode == jetstream.AsyncPersistMode, "it confirms what is not written (persist_mode async)"},
		{have.Mirror != nil || len(have.Sources) > 0, "it takes its messages from other streams (mirror, sources)"},
		{have.SubjectTransform != nil, "it renames subjects (subject_transform)"},
		{len(have.Subjects) != 1 || have.Subjects[0] != subject(c.Stream), "its subjects are not " + subject(c.Stream) +
			" alone"},
		{takes < payloadMin, fmt.Sprintf("the server takes messages of %d bytes (max_payload), and %d are needed", takes,
			payloadMin)},
	} {
		if s.bad {
			wrong = append(wrong, s.text)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &StreamError{Kind: ErrStream, Log: log, Reason: joined(wrong),
		Remedy: "set it as jetstream.StreamConfig has it, and see docs/guides/several-machines.md"}
}
