package main

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/reconcile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// reconcileFlags are the span, and how APO is reached.
type reconcileFlags struct {
	from, until                              moment
	perMinute, reach                         int
	gateway, client, merchantKey, keyVersion string
	apoKeys                                  []string
	resume, keep                             string
}

// reachMax is how many days --reach counts at most: a century.
const reachMax = 36525

func reconcileCommand(t *terminal) *cobra.Command {
	var f reconcileFlags
	var format *choice
	cmd := &cobra.Command{
		Use:   "reconcile SOURCE",
		Short: "Hold a log against APO's own word, order by order",
		Long: "Asks APO about every order to which something happened in a span of time, and\n" +
			"tells what APO proves and the log does not have: a refund made in APO's\n" +
			"dashboard, a notification that was lost, an amount that is another. The log is\n" +
			"opened for reading only; nothing is written to it, and nothing but inquiries is\n" +
			"sent. So what is missing is told and not booked: a service books it with\n" +
			"Orders.Reconcile. An order that the service has just asked about is unanswered.\n" +
			"With --reach orders are asked about too whose last record is that many days\n" +
			"older than the span: what happened to them at APO alone is found.\n\n" +
			"APO is reached at --apo as the merchant's client id, with the merchant's private\n" +
			"key out of a file that only its owner can read, or an open one (fd:3); each of\n" +
			"these flags has a variable (TILLTAPE_APO, TILLTAPE_CLIENT,\n" +
			"TILLTAPE_MERCHANT_KEY, TILLTAPE_APO_KEY). An APO key is given as [VERSION=]FILE.\n\n" +
			"What differs is printed as it is found, the sums at the end; with -o json all\n" +
			"of it comes at the end, as one document.\n\n" +
			"It is made at a bounded rate, and can be cut off: with --keep what came of it is\n" +
			"written down as it comes, once a second at the most, and the same command goes\n" +
			"on there, whatever ended it. A report that -o json printed is gone on with by\n" +
			"--resume.",
		Example: "  tilltape reconcile orders.tilltape --from 2026-11-01 --until 2026-12-01",
		Args:    takes("a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opened(cmd, args[0], func(ctx context.Context, s *source) error {
				return f.reconcile(ctx, t, s, format)
			})
		},
	}
	flags := cmd.Flags()
	flags.Var(&f.from, "from", "the span's beginning")
	flags.Var(&f.until, "until", "the first moment after it")
	flags.IntVar(&f.reach, "reach", 0, "`days` before --from for which an order may have been silent")
	flags.IntVar(&f.perMinute, "per-minute", reconcile.DefaultPerMinute, "inquiries a minute at most")
	flags.StringVar(&f.gateway, "apo", "", "APO's `URL`")
	flags.StringVar(&f.client, "client", "", "the merchant's client `id`")
	flags.StringVar(&f.merchantKey, "merchant-key", "", "the `file` of the merchant's private key, or fd:N")
	flags.StringVar(&f.keyVersion, "merchant-key-version", "1", "the `version` of that key")
	flags.StringArrayVar(&f.apoKeys, "apo-key", nil, apoKeyUsage)
	flags.StringVar(&f.resume, "resume", "", "go on with a report in this `file`, printed with -o json")
	flags.StringVar(&f.keep, "keep", "", "write the report into this `file` as it comes, and go on with what is in it")
	format = outputFlag(cmd, formatText, formatJSON, formatJSONL, formatCSV)
	return cmd
}

// reconcile asks and prints.
func (f *reconcileFlags) reconcile(ctx context.Context, t *terminal, s *source, format *choice) error {
	if s.torn != nil {
		return s.torn
	}
	cfg, err := f.config()
	if err != nil {
		return err
	}
	client, err := f.dial()
	if err != nil {
		return err
	}
	defer client.Close()
	asker, err := reconcile.ReadOnly(s.Reader, func() store.Log { return memory.New() }, client, nil)
	if err != nil {
		return err
	}
	m := t.meter("order")
	cfg.Progress = func(orders, _ uint64) { m.at(orders) }
	kept := &keptReport{path: f.keep}
	if f.keep != "" {
		cfg.Keep = kept.now
	}
	rows := printReport(t, m, format, cfg)
	report, err := reconcile.All(ctx, s.Reader, asker, cfg)
	m.end()
	if errors.Is(err, reconcile.ErrConfig) {
		return &usageError{err: err,
			hint: "give --from and a later --until, 1 to 6000 --per-minute, and a --reach of no less than 0"}
	}
	if f.keep != "" && !kept.failed {
		err = errors.Join(err, kept.write(report))
	}
	if report.Orders == 0 && err != nil {
		return err
	}
	err = errors.Join(err, rows(report)) // also where it ended early: it says so, and can be gone on with
	if err == nil && report.Same < report.Orders {
		return quiet(errOpen)
	}
	return err
}

// printReport has each row printed as it is found, and returns what prints the rest; of the one document, all of it.
func printReport(t *terminal, m *meter, format *choice, cfg *reconcile.Config) func(*reconcile.Report) error {
	form, streams := map[string]reconcile.Form{formatText: reconcile.RowsText, formatCSV: reconcile.RowsCSV,
		formatJSONL: reconcile.RowsJSONL}[format.word]
	if !streams {
		return func(report *reconcile.Report) error { return printError(json.NewEncoder(t.out).Encode(report)) }
	}
	out := &unmetered{t: t, meter: m}
	rows := reconcile.NewRows(out, form, cfg.Resume)
	cfg.Each, cfg.SumsOnly = rows.Line, cfg.Keep == nil // what is printed need not be kept in memory too
	return func(report *reconcile.Report) error {
		if out.failed { // that has ended it, and is told
			return nil
		}
		return rows.End(report)
	}
}

// unmetered is standard output, with what the meter shows out of the way: both may be the same terminal.
type unmetered struct {
	t      *terminal
	meter  *meter
	failed bool
}

func (u *unmetered) Write(b []byte) (int, error) {
	u.meter.end()
	n, err := u.t.out.Write(b)
	u.failed = u.failed || err != nil
	return n, printError(err)
}

func (f *reconcileFlags) config() (*reconcile.Config, error) {
	cfg := &reconcile.Config{From: f.from.Time, Until: f.until.Time, PerMinute: f.perMinute,
		Reach: time.Duration(min(max(f.reach, -1), reachMax)) * 24 * time.Hour}
	if f.resume != "" && f.keep != "" {
		return nil, &usageError{err: errors.New("--keep goes on with what is in its file, and --resume names another report"),
			hint: "give --keep alone; to go on with a report that was printed, copy it to that file first"}
	}
	from := cmp.Or(f.resume, f.keep)
	if from == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(from)
	if f.keep != "" && errors.Is(err, fs.ErrNotExist) {
		return cfg, nil
	}
	if err == nil && (json.Unmarshal(text, &cfg.Resume) != nil || cfg.Resume == nil) { // "null" is JSON, too
		err = fmt.Errorf("%s is no report of a reconciliation, or not all of one", from)
	}
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("the report to go on with: %w", err),
			hint: "name a file that reconcile -o json printed, or that --keep wrote"}
	}
	return cfg, nil
}

// dial makes the client. Nothing is sent yet.
func (f *reconcileFlags) dial() (*apo.Client, error) {
	if f.gateway == "" || f.client == "" || f.merchantKey == "" || len(f.apoKeys) == 0 {
		return nil, &usageError{err: errors.New("how to reach APO is not said"),
			hint: "give --apo, --client, --merchant-key and --apo-key, or their variables"}
	}
	text, err := readSecret(f.merchantKey)
	if err != nil {
		return nil, err
	}
	private, err := apo.ParsePrivateKey([]byte(text))
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("key file %s: %w", f.merchantKey, err),
			hint: "give the merchant's private key in PKCS#8, as PEM"}
	}
	keys, err := readAPOKeys(f.apoKeys)
	if err != nil {
		return nil, err
	}
	public := map[string]*rsa.PublicKey{}
	for _, key := range keys {
		public[key.Version] = key.Public
	}
	client, err := apo.NewClient(f.gateway, f.client, apo.Keys{Private: private, KeyVersion: f.keyVersion, Public: public},
		nil)
	if err != nil {
		return nil, &usageError{err: err, hint: "see to --apo, --client and the keys"}
	}
	return client, nil
}
