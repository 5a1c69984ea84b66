package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
)

// The log that the scripts of testdata/script and the examples of the help texts read: the demo's day, with ids of
// its own, which are the same every time, and at its end what stands open. Only the keys are others each time, and the
// log's name has a random part.
//
//	o-01 … o-05  cancelled: by paymentId, by paymentRequestId, after a U, after a lost answer, by an inquiry
//	o-06 … o-08  captured, and a cancel refused
//	o-09, o-10   refunded, in part and whole, and a cancel refused
//	o-11         cancelled, and money came late: an anomaly
//	o-12         a capture that is parked
//	o-13         paid; a cancel refused a day later, for the window is over
//	o-14         a cancel that nobody has decided yet
//	o-15         paid, and disputed

// dayEnds is when the fixture's log ends: what the scripts take for now.
var dayEnds = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// aDayOnce is the fixture's files, made once.
var aDayOnce = sync.OnceValues(func() (day fixture, err error) {
	dir, err := os.MkdirTemp("", "tilltape-fixture-")
	if err != nil {
		return fixture{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return makeDay(context.Background(), dir)
})

// fixture is files, by name.
type fixture map[string][]byte

// The fixture's files.
const (
	dayLog  = "orders.tilltape"    // the whole day
	noonLog = "yesterday.tilltape" // a backup of it, made before what stands open
	apoKey  = "apo.pub"            // APO's public key

	ownerKey    = "orders.key" // the private key that signs the log's checkpoints
	ownerPublic = "orders.pub"
	keptNote    = "kept.note" // of the log as the backup has it, signed
)

// write puts the fixture's files into a directory.
func (f fixture) write(dir string) error {
	for name, content := range f {
		if err := logfile.Write(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// aDay is a directory with the fixture's files, in which the test stands.
func aDay(t *testing.T) string {
	t.Helper()
	day, err := aDayOnce()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, day.write(dir))
	t.Chdir(dir)
	t.Setenv("TILLTAPE_NOW", dayEnds.Format(time.RFC3339))
	return dir
}

func makeDay(ctx context.Context, dir string) (fixture, error) {
	n := 0
	d, err := newDemoOf(terminal{out: io.Discard, err: io.Discard}, filepath.Join(dir, dayLog), func() string {
		n++
		return fmt.Sprintf("id-%04d", n)
	})
	if err != nil {
		return nil, err
	}
	defer d.close()
	for i, s := range d.stories() {
		if i == len(d.stories())-2 { // the one in which a process dies takes a second, and is told by its own test
			continue
		}
		d.begin(s.title)
		if err := s.tell(ctx); err != nil {
			return nil, fmt.Errorf("%q: %w", s.title, err)
		}
	}
	if err := d.log.Backup(ctx, filepath.Join(dir, noonLog), nil); err != nil {
		return nil, err
	}
	signed, err := signedFiles(ctx, d.log)
	if err != nil {
		return nil, err
	}
	d.clock.Set(dayEnds.Add(-time.Hour))
	if err := errors.Join(d.parkedCapture(ctx, "o-12"), d.unsure(ctx, "o-14", apotest.Fault{Do: apotest.Undecided}),
		d.disputed(ctx, "o-15"), d.shut()); err != nil {
		return nil, err
	}
	if len(d.broken) > 0 {
		return nil, fmt.Errorf("%w: %v", errDemo, d.broken)
	}
	keys := filepath.Join(dir, "keys")
	if err := errors.Join(os.Mkdir(keys, 0o700), d.apo.WriteKeys(keys)); err != nil {
		return nil, err
	}
	day := fixture(signed)
	for name, path := range map[string]string{dayLog: d.path, noonLog: filepath.Join(dir, noonLog),
		apoKey: filepath.Join(keys, "apo-public.pem")} {
		if day[name], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return day, nil
}

// demoOrigin is the name of the fixture's log, which was made without one.
const demoOrigin = bolt.DefaultOrigin

// signedFiles are a key, and the log's checkpoint signed with it.
func signedFiles(ctx context.Context, log audit.Sealer) (map[string][]byte, error) {
	private, public, err := seal.GenerateKey(nil, demoOrigin)
	if err != nil {
		return nil, err
	}
	signer, err := seal.NewSigner(private)
	if err != nil {
		return nil, err
	}
	c, err := log.Tree(ctx)
	if err != nil {
		return nil, err
	}
	note, err := signer.Sign(c)
	return map[string][]byte{ownerKey: []byte(private + "\n"), ownerPublic: []byte(public + "\n"), keptNote: note}, err
}

// parkedCapture leaves a capture to a person: APO says that it knows no such payment.
func (d *demo) parkedCapture(ctx context.Context, id string) error {
	if _, err := d.authorized(ctx, id, order.CaptureManual); err != nil {
		return err
	}
	if err := d.apo.Script(apotest.Fault{Op: apotest.OpCapture, From: 1, Do: apotest.Refuse, Code: "ORDER_NOT_EXIST"},
		apotest.Fault{Op: apotest.OpInquirePayment, From: 1, Do: apotest.Refuse, Code: "ORDER_NOT_EXIST"}); err != nil {
		return err
	}
	_, _ = d.captured(ctx, id) // it is unresolved, as what follows shows
	d.clock.Advance(time.Second)
	o, err := d.settle(ctx, id)
	d.apo.ClearScript()
	d.expect(err == nil && o.Operation.Phase == order.Parked, "the capture of %s to be parked, got %s, %v", id,
		o.Operation.Phase, err)
	return nil
}

// disputed has the buyer of a paid order go to the bank.
func (d *demo) disputed(ctx context.Context, id string) error {
	if err := d.place(ctx, id, wallet, order.CaptureNone); err != nil {
		return err
	}
	if _, err := d.buyerPays(ctx, id); err != nil {
		return err
	}
	if _, err := d.apo.OpenDispute("pay-"+id, apotest.Dispute{Reason: "not received"}); err != nil {
		return err
	}
	_, err := d.hear(ctx, id)
	return err
}
