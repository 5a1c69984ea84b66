package jetstream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

const someOrigin = "shop.example/orders/000102030405060708090a0b0c0d0e0f"

func requested(t *testing.T, id string, after uint64, n int) *request {
	t.Helper()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var records []events.Record
	for i := range n {
		records = append(records, events.Record{ID: fmt.Sprintf("%s-%d", id, i), Recorded: noon, Occurred: noon,
			Event: events.PaymentPending{PaymentID: "p"}})
	}
	r, err := ledger.Encode[looked](events.OrderStream(id), after, records)
	require.NoError(t, err)
	return r
}

// appendsOf is a whole message with these requests.
func appendsOf(t *testing.T, of token, requests ...*request) []byte {
	t.Helper()
	b := append(begin(kindAppends, 0), of[:]...)
	for _, r := range requests {
		var err error
		before := len(b)
		b, err = appendRequest(b, r)
		require.NoError(t, err)
		require.LessOrEqual(t, len(b)-before, sizeOf(r), "never more than was reckoned with")
	}
	return finish(b)
}

// What is sent is what is read, frame by frame.
func TestMessagesAreReadAsSent(t *testing.T) {
	of := newToken()
	sent := []*request{requested(t, "o-1", 0, 1), requested(t, "o-2", 1<<40, 3)}
	m, err := parseMessage(appendsOf(t, of, sent...))
	require.NoError(t, err)
	assert.Equal(t, of, m.token)
	require.Len(t, m.appends, 2)
	for i, r := range sent {
		a := m.appends[i]
		assert.Equal(t, r.Stream, a.Stream)
		assert.Equal(t, r.After, a.After)
		assert.Equal(t, r.Frames, a.Frames)
		assert.Len(t, a.Records, len(r.Records))
	}
	m, err = parseMessage(originMessage(someOrigin))
	require.NoError(t, err)
	assert.Equal(t, someOrigin, m.origin)
	m, err = parseMessage(partMessage([]byte("part")))
	require.NoError(t, err)
	assert.Equal(t, "part", string(m.part))
	p := parted{size: 1 << 20, sum: [32]byte{1}, parts: []uint64{7, 1 << 50}}
	m, err = parseMessage(partedMessage(of, p))
	require.NoError(t, err)
	assert.Equal(t, p, m.parted)
}

// What was cut, altered anywhere, or sent by somebody else is no message.
func TestMessagesThatAreNone(t *testing.T) {
	of := newToken()
	whole := [][]byte{originMessage(someOrigin), partMessage([]byte("part")), appendsOf(t, of, requested(t, "o-1", 0, 2)),
		partedMessage(of, parted{size: 3, parts: []uint64{9}})}
	for _, b := range whole {
		for i := range b {
			_, err := parseMessage(b[:i])
			require.ErrorIs(t, err, errMessage, "cut after %d bytes", i)
			altered := append([]byte(nil), b...)
			altered[i] ^= 1 << (i % 8)
			_, err = parseMessage(altered)
			require.Error(t, err, "byte %d", i)
		}
	}
	two := appendsOf(t, of, requested(t, "o-1", 0, 1), requested(t, "o-2", 0, 1))
	other := append([]byte(nil), two[:len(two)-sumSize]...)
	other[headSize+tokenSize+1] = 2 // frames of two streams as one append
	for what, b := range map[string][]byte{
		"an origin that is none":  finish(append(begin(kindOrigin, 0), "shop"...)),
		"a kind that is not":      finish(begin(9, 0)),
		"no appends":              finish(append(begin(kindAppends, 0), of[:]...)),
		"no token":                finish(begin(kindParted, 0)),
		"no frames":               finish(append(append(begin(kindAppends, 0), of[:]...), 0, 0)),
		"no parts":                partedMessage(of, parted{size: 3}),
		"larger than any append":  partedMessage(of, parted{size: 1 << 40, parts: []uint64{9}}),
		"two streams in one":      finish(other),
		"bytes that are no frame": finish(append(append(begin(kindAppends, 0), of[:]...), 0, 1, 0, 1, 0)),
	} {
		_, err := parseMessage(b)
		require.ErrorIs(t, err, errMessage, what)
	}
	newer := begin(kindAppends, 0)
	newer[len(messageMark)]++
	_, err := parseMessage(finish(newer))
	require.ErrorIs(t, err, store.ErrNewerFormat)
	require.ErrorIs(t, frameError(&events.UpgradeError{}), store.ErrNewerFormat)
}

// The limits of a version are what records and appends were limited by when it was written. Whoever changes one of
// these makes a new version of the message: else processes of two versions of this library make two logs of one stream,
// or the older one takes what is new for damage.
func TestLimitsBelongToTheVersionOfAMessage(t *testing.T) {
	require.EqualValues(t, 1, messageVersion)
	assert.Equal(t, limits{records: events.AppendMax, frame: events.FrameMax, bytes: store.AppendBytesMax, parts: 1 << 16},
		limitsOf[1])
	assert.Equal(t, []int{64, 16, 96, 4, 64, 1024, 960 << 10}, []int{events.IDMax, events.CategoryMax, events.KeyMax,
		events.KeysMax, events.TraceMax, events.TextMax, events.BodyMax})
	two := appendsOf(t, newToken(), requested(t, "o-1", 0, 2))
	m, err := parseMessage(two)
	require.NoError(t, err)
	body := two[headSize+tokenSize : len(two)-sumSize]
	for what, less := range map[string]func(*limits){"records": func(l *limits) { l.records = 1 },
		"frame": func(l *limits) { l.frame = 10 }} {
		narrow := m.limits
		less(&narrow)
		_, err = narrow.parseAppends(body)
		require.ErrorIs(t, err, errMessage, what)
	}
	named := partedMessage(newToken(), parted{size: 1 << 20, parts: []uint64{7, 8}})[headSize+tokenSize:]
	for what, less := range map[string]func(*limits){"bytes": func(l *limits) { l.bytes = 1 << 10 },
		"parts": func(l *limits) { l.parts = 1 }} {
		narrow := m.limits
		less(&narrow)
		_, err = narrow.parseParted(named[:len(named)-sumSize])
		require.ErrorIs(t, err, errMessage, what)
	}
}

// A parted message that fits any server's max_payload names as many parts as are allowed.
func TestMessagesHaveRoomForTheirParts(t *testing.T) {
	room := payloadMin - reserved - headSize - tokenSize - sumSize
	n := (room - numberMax - 32) / sequenceSize
	b := partedMessage(newToken(), parted{size: 1 << 60, parts: make([]uint64, n)})
	assert.LessOrEqual(t, len(b), payloadMin-reserved)
}

// Only what no server can have stored is unavailable; everything else is a doubt.
func TestWhatIsSurelyNotStored(t *testing.T) {
	for _, err := range []error{errDisconnected, nats.ErrNoResponders, js.ErrNoStreamResponse,
		fmt.Errorf("sent: %w", nats.ErrMaxPayload), &js.APIError{ErrorCode: 10060}, &js.APIError{ErrorCode: 10023},
		&js.APIError{ErrorCode: 10002}, &js.APIError{ErrorCode: 10167}} {
		assert.True(t, surelyNot(err), err)
	}
	for _, err := range []error{context.DeadlineExceeded, nats.ErrConnectionClosed, nats.ErrTimeout, errors.New("?"),
		&js.APIError{ErrorCode: 10077}, &js.APIError{ErrorCode: 10158}, &js.APIError{ErrorCode: 10008}} {
		assert.False(t, surelyNot(err), err)
	}
	assert.Equal(t, "no answer in time", plain(context.DeadlineExceeded))
	assert.Equal(t, "no answer", plain(nil))
	assert.Contains(t, plain(nats.ErrNoResponders), "no leader")
}
