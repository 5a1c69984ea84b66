package bolt

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// within tells whether a string is a part of another's memory.
func within(part, whole string) bool {
	at, from := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	return at >= from && at < from+uintptr(len(whole))
}

// TestMemoryKeepsNoMessageAlive: what a generation remembers shares no memory with what a caller gave.
func TestMemoryKeepsNoMessageAlive(t *testing.T) {
	log, err := Open(filepath.Join(t.TempDir(), "orders.log"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	message := strings.Repeat("x", 1000) + "o-1" + "paid" + "idle" + "parked" + "paymentId:p-1"
	cut := func(word string) string {
		i := strings.Index(message, word)
		return message[i : i+len(word)]
	}
	r := testRecord("r-1")
	r.Head = events.Head{Status: cut("paid"), StatusSince: r.Recorded, Phase: cut("idle")}
	r.Keys = []events.Key{events.Key(cut("paymentId:p-1"))}
	_, err = log.Append(context.Background(), events.OrderStream(cut("o-1")), 0, r)
	require.NoError(t, err)

	g := log.lazy.layers().active
	var kept []string
	for of, s := range g.heads {
		h := s.newest.Load().Head
		kept = append(kept, of.ID, s.stream.ID, h.Status, h.Phase)
	}
	for key, c := range g.keys {
		kept = append(kept, string(key), c.Owner.ID)
	}
	require.Len(t, kept, 6)
	for _, k := range kept {
		assert.False(t, within(k, message), "%q", k)
	}
}
