package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
)

// settlementFlags are where a settlement is, and how it is to be read.
type settlementFlags struct {
	path           string
	columns, types map[string]string
	ignore         []string
	minor          bool
	comma          string
}

func (f *settlementFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "settlement", "", "a CSV `FILE` that the log's movements are held against")
	flags.StringToStringVar(&f.columns, "settlement-columns", nil,
		"`names` of its columns")
	flags.StringToStringVar(&f.types, "settlement-types", nil,
		"what its type column's `words` mean")
	flags.StringSliceVar(&f.ignore, "settlement-ignore", nil, "`words` of its type column whose rows are passed over")
	flags.BoolVar(&f.minor, "settlement-minor", false, "its amounts are in minor units")
	flags.StringVar(&f.comma, "settlement-comma", ",", "the `character` between its columns")
}

// movements are the words that --settlement-types takes.
var movements = map[string]events.Transfer{"payment": events.TransferPayment, "capture": events.TransferCapture,
	"refund": events.TransferRefund}

// read reads the settlement; nil where none was given.
func (f *settlementFlags) read() (*audit.Settlement, error) {
	if f.path == "" {
		return nil, nil
	}
	columns := &audit.SettlementColumns{Ignore: f.ignore, Minor: f.minor}
	places := map[string]*string{"type": &columns.Type, "transactionId": &columns.ID, "currency": &columns.Currency,
		"amount": &columns.Amount, "time": &columns.Time}
	for name, theirs := range f.columns {
		place, known := places[name]
		if !known {
			return nil, &usageError{err: fmt.Errorf("a settlement has no column that we call %q", name),
				hint: "write type=Kind,transactionId=Reference and so on: type, transactionId, currency, amount, time"}
		}
		*place = theirs
	}
	for word, movement := range f.types {
		transfer, known := movements[movement]
		if !known {
			return nil, &usageError{err: fmt.Errorf("a settlement has no movement %q", movement),
				hint: "give payment, capture or refund"}
		}
		if columns.Types == nil {
			columns.Types = map[string]events.Transfer{}
		}
		columns.Types[word] = transfer
	}
	comma := []rune(f.comma)
	if len(comma) != 1 || strings.ContainsRune("\"\r\n", comma[0]) {
		return nil, &usageError{err: fmt.Errorf("%q cannot stand between columns", f.comma), hint: "give one character"}
	}
	columns.Comma = comma[0]
	file, err := os.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, withHint(fmt.Errorf("settlement %s is %w", f.path, errNotFound), "check the path")
	case err != nil:
		return nil, withHint(fmt.Errorf("settlement %s is %w: %w", f.path, errUnreadable, err), "let this user read it")
	}
	defer func() { _ = file.Close() }()
	settlement, err := audit.ReadSettlement(file, columns)
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("%s: %w", f.path, err),
			hint: "docs/reference/verification.md tells what is read; --settlement-columns and others say what yours has"}
	}
	return settlement, nil
}
