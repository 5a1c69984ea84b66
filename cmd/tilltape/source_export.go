package main

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape/export"
)

// isExport tells an export by how it begins.
func isExport(name string, head []byte) bool { return !isURL(name) && export.Is(head) }

// openExport opens an export to be read as the log that it is of.
func openExport(ctx context.Context, name string) (*source, error) {
	log, err := export.Open(name)
	if err != nil {
		return nil, err
	}
	meter := meterIn(ctx, "record")
	log.Indexing(func(done, total uint64) {
		if meter.of(done, total); done == total {
			meter.end()
		}
	})
	s := &source{Reader: log, name: name, close: log.Close}
	if h := log.Header(); !h.Filter.Everything() {
		has := fmt.Sprintf("%d of the log's %s (%s)", h.Count, counted(h.Checkpoint.Size, "record"), h.Filter)
		hint := "export the log without a filter; what this one proves is told by: tilltape verify " + name
		s.note = "this export has " + has + ", and does not show that there are no others"
		s.part = &usageError{err: fmt.Errorf("%s has %s, and this takes a whole log", name, has), hint: hint}
		if !h.Filter.From.IsZero() || !h.Filter.Until.IsZero() {
			s.torn = &usageError{err: fmt.Errorf("%s has %s, so of an order it may lack what came before or after", name, has),
				hint: hint}
		}
	}
	return s, nil
}
