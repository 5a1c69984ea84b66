package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape/reconcile"
)

// keepEvery is how often the report of a reconciliation is written down at the most: what is asked in between is asked
// again by a run that goes on after a kill.
const keepEvery = time.Second

// keptReport is a file in which a report stands, whole as it was at some moment, whenever the process ends.
type keptReport struct {
	path    string
	written time.Time
	failed  bool
}

// now writes the report down, unless that was done just now.
func (k *keptReport) now(report *reconcile.Report) error {
	if !k.written.IsZero() && time.Since(k.written) < keepEvery {
		return nil
	}
	k.written = time.Now()
	return k.write(report)
}

// write puts the report in the place of what the file has: beside it first, so that a kill leaves one of the two.
func (k *keptReport) write(report *reconcile.Report) (err error) {
	defer func() {
		if err != nil {
			k.failed = true
			err = withHint(fmt.Errorf("keeping the report in %s: %w", k.path, err),
				"name a file in a folder that is there, can be written to and has room")
		}
	}()
	document, err := json.Marshal(report)
	if err != nil {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(k.path), "."+filepath.Base(k.path)+".*")
	if err != nil {
		return err
	}
	_, err = aside.Write(append(document, '\n'))
	if err = errors.Join(err, aside.Sync(), aside.Close()); err == nil {
		err = os.Rename(aside.Name(), k.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(aside.Name()))
	}
	return err
}
