package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// aLog writes a log of one cancelled order and returns its path. With lie, the newest record's head says something that
// the facts do not come to.
func aLog(t *testing.T, lie bool) string { return aLogOf(t, "o-1", lie) }

// aLogOf is aLog of an order with that id.
func aLogOf(t *testing.T, id string, lie bool) string { return aLogBy(t, "shop", id, lie) }

// aLogBy is aLogOf where somebody else wrote it.
func aLogBy(t *testing.T, actor, id string, lie bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	head := events.Head{Status: "created", StatusSince: at, Phase: "idle"}
	placed := events.Record{ID: "r-1", Recorded: at, Occurred: at, Actor: actor, Head: head,
		Event: events.OrderCreated{PaymentRequestID: "p-1", Amount: events.Money{Minor: 100, Currency: "USD"},
			Method: "CARD"}}
	pending := placed
	pending.ID, pending.Event = "r-2",
		events.PaymentPending{PaymentID: "P1", Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{
			Method: "POST", Path: "/hear", ClientID: "5X00000000000000", Time: "1", Signature: "s",
			Body: []byte(`{"notifyType":"PAYMENT_PENDING","result":{"resultStatus":"S","resultCode":"SUCCESS",` +
				`"resultMessage":"success"},"paymentId":"P1","paymentRequestId":"p-1"}`)}}}
	if lie {
		pending.Head.Status = "paid"
	}
	_, err = log.Append(t.Context(), events.OrderStream(id), 0, placed, pending)
	require.NoError(t, err)
	return path
}

// What comes from a log moves no cursor and turns no text, in whatever is printed for people; a time is shown as --time
// says.
func TestForeignTextsStayInTheirPlace(t *testing.T) {
	const actor, id = "alice\u202e", "o-\u202e1" // what moves the cursor no log takes
	path := aLogBy(t, actor, id, false)
	t.Chdir(t.TempDir())
	code, public, errs := execute(t, "keygen", "tilltape", "k")
	require.Equal(t, exitOK, code, errs)
	require.NoError(t, os.WriteFile("k.pub", []byte(public), 0o600))
	for _, line := range [][]string{{"replay", path, "--order", id}, {"replay", path},
		{"prove", path, id, "proof", "--key-file", "k"}, {"prove", "--check", "proof", "--public-key", "k.pub"},
		{"history", path, id}, {"show", path, id}, {"list", path}, {"show", path, "nobody\u202e"},
		{"show", "not\u202ehere", id}, {"show", "not\x1b[2Jhere", id}, {"salvage", path, "new"}} {
		_, out, errs := execute(t, line...)
		assert.NotEmpty(t, out+errs, line)
		for _, moves := range []string{"\x1b", "\u202e"} {
			assert.NotContains(t, out+errs, moves, line)
		}
	}
	code, out, errs := execute(t, "replay", path, "--order", id, "--time", "raw")
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "2026-11-23T09:00:00.000000000Z    1  order.created.v1")
	code, out, errs = execute(t, "replay", path, "--time", "relative", "--now", "2026-11-23T12:00:00Z")
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "from 3 h ago to 3 h ago\n")
}

func TestReplayShowsAnOrderWhoseIDHasSlashes(t *testing.T) {
	const id = "INV/2026/00001"
	code, out, errs := execute(t, "replay", aLogOf(t, id, false), "--order", id)
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "payment.pending.v1")
	code, _, errs = execute(t, "replay", aLogOf(t, id, false), "--order", "INV")
	assert.Equal(t, exitNotFound, code, errs)
}

func TestReplayJudgesALog(t *testing.T) {
	code, out, errs := execute(t, "replay", aLog(t, false))
	require.Equal(t, exitOK, code, errs)
	assert.Regexp(t, "^ok: 2 records of 1 order, every one legal\n"+
		"seal: 2 records, root [A-Za-z0-9+/]{43}=\n    of tilltape/[0-9a-f]+\n"+
		"    from 2026-11-23 09:00:00 to 2026-11-23 09:00:00 UTC\n       1 created\n$", out)
}

// The root is the one that a checkpoint of the log has.
func TestReplayPrintsTheSeal(t *testing.T) {
	path := aLog(t, false)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	c, err := log.Tree(t.Context())
	require.NoError(t, err)
	require.NoError(t, log.Close())
	_, out, _ := execute(t, "replay", path)
	assert.Contains(t, out, "seal: 2 records, root "+c.Root.String()+"\n    of "+c.Origin+"\n")

	bare := filepath.Join(t.TempDir(), "bare")
	log, err = bolt.Open(bare, &bolt.Config{Unsealed: true})
	require.NoError(t, err)
	require.NoError(t, log.Close())
	code, out, _ := execute(t, "replay", bare)
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "seal: none; nothing shows whether a record was altered\n")
}

// The newest records of a log that is only read are held against its seal too.
func TestReplayOfAnAlteredFile(t *testing.T) {
	for _, args := range [][]string{nil, {"-o", "jsonl"}, {"--order", "o-1"}} {
		path := aLog(t, false)
		all, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, bytes.ReplaceAll(all, []byte("shop"), []byte("eve!")), 0o600))
		code, out, errs := execute(t, append([]string{"replay", path}, args...)...)
		assert.Equal(t, exitAltered, code)
		assert.Empty(t, out)
		assert.Contains(t, errs, "position 2: the log is damaged: the record here is not as it was written")
		assert.Contains(t, errs, "hint: keep the file as it is, and go on from a backup; what is whole in it is found by: "+
			"tilltape salvage ")
	}
}

func TestReplayNamesTheFirstIllegalRecord(t *testing.T) {
	code, out, errs := execute(t, "replay", aLog(t, true))
	assert.Equal(t, exitAltered, code)
	assert.Empty(t, out)
	assert.Contains(t, errs, "log position 2 (order o-1, version 2)")
	assert.Contains(t, errs, `its head says "paid"`)
	assert.Contains(t, errs, "hint: keep the file as it is and compare it with a backup")
	assert.Equal(t, 1, strings.Count(errs, "backup"), "the way out is said once")
}

func TestReplayShowsOneOrder(t *testing.T) {
	path := aLog(t, false)
	code, out, _ := execute(t, "replay", path, "--order", "o-1")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "order.created.v1")
	assert.Contains(t, out, "payment.pending.v1")

	code, _, errs := execute(t, "replay", path, "--order", "o-2")
	assert.Equal(t, exitNotFound, code)
	assert.Contains(t, errs, `order "o-2" is not found in this log`)
	assert.Contains(t, errs, "tilltape list "+path, "ready to be copied")
}

// The form is the library's, and nothing of it has to be known to Go: words, no numbers that are rounded, no zero time
func TestReplayPrintsJSONForPrograms(t *testing.T) {
	path := aLog(t, false)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	var want []events.Record
	for r, err := range log.All(t.Context(), store.Start()) {
		require.NoError(t, err)
		want = append(want, r)
	}
	require.NoError(t, log.Close())
	for _, args := range [][]string{{"-o", "jsonl"}, {"-o", "jsonl", "--order", "o-1"}} {
		code, out, errs := execute(t, append([]string{"replay", path}, args...)...)
		require.Equal(t, exitOK, code, errs)
		var got []events.Record
		for line := range strings.Lines(out) {
			r, frame, err := jsonform.DecodeRecord([]byte(line))
			require.NoError(t, err, line)
			assert.Nil(t, frame)
			got = append(got, r)
		}
		assert.Equal(t, want, got)
		first, _, _ := strings.Cut(out, "\n")
		assert.Equal(t, `{"position":"1","stream":{"category":"order","id":"o-1"},"version":"1","id":"r-1",`+
			`"recorded":"2026-11-23T09:00:00.000000000Z","occurred":"2026-11-23T09:00:00.000000000Z","actor":"shop",`+
			`"head":{"status":"created","statusSince":"2026-11-23T09:00:00.000000000Z","phase":"idle"},`+
			`"fact":{"kind":"order.created.v1","paymentRequestId":"p-1",`+
			`"amount":{"currency":"USD","minor":"100","value":"1.00"},"method":"CARD","captureMode":"none"}}`, first)
	}
}

func TestReplayOfBadFiles(t *testing.T) {
	good := aLog(t, false)
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, logfile.Write(path, content))
		return path
	}
	locked := aLog(t, false)
	holder, err := bolt.Open(locked, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, holder.Close()) }()

	for name, tt := range map[string]struct {
		path string
		code int
		hint string
	}{
		"missing":     {filepath.Join(t.TempDir(), "nowhere"), exitNotFound, "check the path\n"},
		"a directory": {t.TempDir(), exitUnreadable, "name a file in it\n"},
		"text": {write("text", []byte(strings.Repeat("not a log\n", 1000))), exitUnreadable,
			"check the path; if this was a log, what is left of it is found by: tilltape salvage "},
		"empty": {write("empty", nil), exitUnreadable, "start the service that writes it once"},
		"truncated": {write("truncated", whole[:2*os.Getpagesize()+100]), exitAltered,
			"keep the file as it is, and go on from a backup; what is whole in it is found by: tilltape salvage "},
		"locked": {locked, exitFailure, "stop that one first"},
	} {
		t.Run(name, func(t *testing.T) {
			path := tt.path
			before, _ := os.ReadFile(path)
			code, out, errs := execute(t, "replay", path)
			assert.Equal(t, tt.code, code)
			assert.Empty(t, out)
			assert.True(t, strings.HasPrefix(errs, "error: "), errs)
			assert.Contains(t, errs, path, "it names the file")
			assert.Contains(t, errs, "\nhint: "+tt.hint, "and the way out")
			assert.Equal(t, 2, strings.Count(errs, "\n"), "one clear error and one hint: %s", errs)
			after, _ := os.ReadFile(path)
			assert.Equal(t, before, after, "the file is as it was")
		})
	}
}

func TestReplayThatCannotBePrintedFails(t *testing.T) {
	for _, args := range [][]string{nil, {"-o", "jsonl"}, {"--order", "o-1"}} {
		var errs bytes.Buffer
		code := run(t.Context(), append([]string{"replay", aLog(t, false)}, args...),
			terminal{out: brokenWriter{errors.New("no space left")}, err: &errs})
		assert.Equal(t, exitFailure, code, args)
		assert.Contains(t, errs.String(), "no space left", args)
	}
}

func TestReplayWantsOneFile(t *testing.T) {
	for _, args := range [][]string{{"replay"}, {"replay", "a", "b"}} {
		code, _, errs := execute(t, args...)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, errs, "takes a source")
	}
}

// A refusal stands in a stream of its own, and is shown with what the order was when it was refused.
func TestReplayShowsWhatTheOrderWasWhenItRefused(t *testing.T) {
	d, _ := aDemo(t)
	require.NoError(t, d.afterCapture(t.Context()))
	require.NoError(t, d.shut())
	code, out, errs := execute(t, "replay", d.path, "--order", "o-06")
	require.NoError(t, d.open()) // for the end of the test
	require.Equal(t, exitOK, code, errs)
	assert.Regexp(t, `  command.refused.v1 +captured +alice`, out)
	assert.NotContains(t, out, "unplaced")
}

// "refunded" would say of an order that all of it went back.
func TestReplayCountsWhatIsPartlyDoneByItself(t *testing.T) {
	d, _ := aDemo(t)
	require.NoError(t, d.afterCapture(t.Context()))
	require.NoError(t, d.afterRefund(t.Context(), "o-09", 2_500))
	require.NoError(t, d.shut())
	code, out, errs := execute(t, "replay", d.path)
	require.NoError(t, d.open()) // for the end of the test
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "       1 captured\n       1 partly refunded\n       2 refused commands on record\n")
}

func TestReplaySpeaksOfTheCommandLine(t *testing.T) {
	for want, kind := range map[string]error{
		"hint: start the service": bolt.ErrNotALog, "hint: let this user read the file": store.ErrStorage} {
		var errs bytes.Buffer
		report(t.Context(), terminal{err: &errs}, openError(&bolt.FileError{Kind: kind, Path: "x", Reason: "it is so",
			Remedy: "open it once without Config.ReadOnly"}))
		assert.Contains(t, errs.String(), "error: log x: it is so\n"+want)
		assert.NotContains(t, errs.String(), "Config")
	}
	refused := &bolt.FileError{Kind: store.ErrStorage, Path: "x", Reason: "no", Remedy: "set Config.ReadOnly"}
	require.EqualError(t, inFlags(refused, "name another"), "log x: no; name another")
	require.EqualError(t, inFlags(io.EOF, "name another"), "EOF", "what is not of the file stays as it is")
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	code, _, errs := execute(t, "replay", path)
	assert.Equal(t, exitUnreadable, code)
	assert.Contains(t, errs, "hint: start the service")
}
