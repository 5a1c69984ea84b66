package events

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// A later library: payment.pending in its third version. The second renamed nothing and moved the payment's id from
// field 1 to field 3; the third says where the fact comes from in field 1.
type pendingV3 struct {
	Source    string
	PaymentID string
}

func (pendingV3) Kind() Kind { return "payment.pending.v3" }
func (pendingV3) event()     {}

func walkPendingV3(w *wire, e *pendingV3) {
	w.str(1, "source", &e.Source, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
}

var errNoPayment = errors.New("it names no payment")

func later() codec {
	name, k := entry(pendingV3{}.Kind(), walkPendingV3)
	k.upcasts = map[uint64]upcast{
		1: func(payload []byte) ([]byte, error) {
			_, _, n := protowire.ConsumeTag(payload)
			if n <= 0 {
				return nil, errNoPayment
			}
			id, _ := protowire.ConsumeString(payload[n:])
			return protowire.AppendString(protowire.AppendTag(nil, 3, protowire.BytesType), id), nil
		},
		2: func(payload []byte) ([]byte, error) {
			source := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "before sources were kept")
			return append(source, payload...), nil
		},
	}
	return codec{}.with(name, k)
}

func pending(id string) Record {
	return Record{ID: "r-1", Stream: OrderStream("o-1"), Version: 1, Position: 1, Recorded: noon,
		Keys:  []Key{NewKey(KeyPaymentID, id)},
		Event: PaymentPending{PaymentID: id}}
}

func TestOlderVersionsAreLiftedOnRead(t *testing.T) {
	old := pending("p-1")
	frame, err := AppendFrame(nil, old)
	require.NoError(t, err)
	kept := bytes.Clone(frame)

	got, err := later().decodeFrame(frame)
	require.NoError(t, err)
	want := old
	want.Event = pendingV3{Source: "before sources were kept", PaymentID: "p-1"}
	assert.Equal(t, want, got, "all but the fact stays as it was")
	assert.Equal(t, kept, frame, "lifting changes no stored byte")
	clear(frame)
	assert.Equal(t, "p-1", got.Event.(pendingV3).PaymentID, "and shares none")

	newest, _, err := later().appendFrame(nil, &want)
	require.NoError(t, err)
	again, err := later().decodeFrame(newest)
	require.NoError(t, err)
	assert.Equal(t, want, again, "the newest version needs no lifting")
}

func TestLiftingSaysWhatIsWrong(t *testing.T) {
	named, err := AppendFrame(nil, pending("p-1"))
	require.NoError(t, err)
	nameless := pending("p-1")
	nameless.Event = PaymentPending{}
	empty, err := AppendFrame(nil, nameless)
	require.NoError(t, err)

	_, err = later().decodeFrame(empty)
	require.ErrorIs(t, err, ErrDamaged)
	assert.Contains(t, err.Error(), "payment.pending cannot be lifted from version 1: it names no payment")

	gap := later()
	delete(gap["payment.pending"].upcasts, 1)
	_, err = gap.decodeFrame(named)
	require.ErrorIs(t, err, ErrDamaged)
	assert.Contains(t, err.Error(), "payment.pending was never written in version 1")

	wrong := later()
	wrong["payment.pending"].upcasts[2] = func([]byte) ([]byte, error) { return []byte{0x07}, nil }
	_, err = wrong.decodeFrame(named)
	require.ErrorIs(t, err, ErrDamaged, "what was lifted is checked like everything else")
}

func TestNewerThanThisLibrary(t *testing.T) {
	r := pending("p-1")
	frame, err := AppendFrame(nil, r)
	require.NoError(t, err)
	r.Event = pendingV3{PaymentID: "p-1"}
	newer, _, err := later().appendFrame(nil, &r)
	require.NoError(t, err)
	format := bytes.Clone(frame)
	format[2] = 2
	field := payload(t, append(payloadOf(t, PaymentPending{PaymentID: "p-1"}),
		protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 7)...))
	inner := payload(t, []byte{2<<3 | 2, 3, 9 << 3, 0, 0}) // a field 9 in the proof
	value := payload(t, []byte{2<<3 | 2, 2, 1 << 3, 5})

	tests := []struct {
		name  string
		codec codec
		frame []byte
		want  UpgradeError
	}{
		{"format", current, format, UpgradeError{"frame", "format 2", "format 1"}},
		{"kind", codec{}, frame, UpgradeError{"fact", `kind "payment.pending"`, "0 kinds, not this one"}},
		{"version", current, newer, UpgradeError{"payment.pending", "version 3", "versions up to 1"}},
		{"field", current, field, UpgradeError{"payment.pending", "field 3", "fields 1 to 2"}},
		{"field of a part", current, inner, UpgradeError{"payment.pending", "field 9", "fields 1 to 4"}},
		{"value", current, value, UpgradeError{"payment.pending", "via 5", "0 to 4"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.codec.decodeFrame(tt.frame)
			require.ErrorIs(t, err, ErrUpgrade)
			require.NotErrorIs(t, err, ErrDamaged)
			var upgrade *UpgradeError
			require.ErrorAs(t, err, &upgrade)
			assert.Equal(t, tt.want, *upgrade)
			assert.Contains(t, err.Error(), "upgrade first")
			assert.Zero(t, got, "nothing is handed out that was read in part")
		})
	}
	_, err = DecodeFrame(format)
	assert.EqualError(t, err, "frame: found format 2; this version knows format 1; upgrade first: a newer one wrote "+
		"the log")
}

// payload is a frame of payment.pending with these bytes as its payload.
func payload(t *testing.T, b []byte) []byte {
	t.Helper()
	r := minimal(t, KindPaymentPending)
	frame, err := AppendFrame(nil, r)
	require.NoError(t, err)
	require.Zero(t, frame[len(frame)-1], "a minimal payload is empty")
	frame = protowire.AppendBytes(frame[:len(frame)-1], b)
	frame[0], frame[1] = byte((len(frame)-2)>>8), byte(len(frame)-2)
	return frame
}

func TestEveryKindIsKnownOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		name, version, err := k.split()
		require.NoError(t, err)
		assert.False(t, seen[name], k)
		seen[name] = true
		assert.Equal(t, current[name].version, version, k)
		assert.Equal(t, k, blank(t, k).Kind())
		blank(t, k).event()
	}
	assert.Len(t, current, len(seen), "the codec knows a kind that Kinds does not name")

	Kinds()[0] = "spoilt"
	assert.Equal(t, KindOrderCreated, Kinds()[0], "the slice is the caller's")
}

// foreign is a fact with a kind of the test's choice.
type foreign struct{ kind Kind }

func (n foreign) Kind() Kind { return n.kind }
func (foreign) event()       {}

func TestFactsThatAreNotOurs(t *testing.T) {
	type disguised struct{ PaymentPending }
	tests := []struct {
		name  string
		event Event
		want  string
	}{
		{"nothing", nil, "event is missing; a record carries exactly one fact"},
		{"a pointer", &PaymentPending{}, "event is a *events.PaymentPending; give the value that it points to"},
		{"a nil pointer", (*PaymentPending)(nil), "event is a *events.PaymentPending; give the value that it points to"},
		{"a wrapped fact", disguised{}, "payment.pending.v1: event is a events.disguised; give a events.PaymentPending"},
		{"another kind", foreign{"order.melted.v1"},
			`kind "order.melted.v1" is none that this version writes; give one of Kinds`},
		{"another version", foreign{"order.created.v2"},
			`kind "order.created.v2" is none that this version writes; give one of Kinds`},
		{"no version", foreign{"order.created"}, `kind "order.created" has no version; write it like "cancel.requested.v1"`},
		{"version zero", foreign{"order.created.v0"},
			`kind "order.created.v0" does not end in a version; write it like "cancel.requested.v1"`},
		{"no number", foreign{"order.created.vx"},
			`kind "order.created.vx" does not end in a version; write it like "cancel.requested.v1"`},
		{"no name", foreign{".v1"}, `kind ".v1" has no version; write it like "cancel.requested.v1"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := pending("p-1")
			r.Event = tt.event
			dst, err := AppendFrame([]byte("before"), r)
			require.ErrorIs(t, err, ErrInvalid)
			assert.Equal(t, "before", string(dst))
			assert.Equal(t, err, r.Validate())
			assert.EqualError(t, err, tt.want)
		})
	}
	assert.Panics(t, func() { entry("misspelt", walkPaymentPending) })
}
