package main

import (
	"context"

	"github.com/tilltape/tilltape/export"
)

// isExport tells an export by how it begins.
func isExport(name string, head []byte) bool { return !isURL(name) && export.Is(head) }

// openExport opens an export to be read as the log that it is of.
func openExport(_ context.Context, name string) (*source, error) {
	log, err := export.Open(name)
	if err != nil {
		return nil, err
	}
	return &source{Reader: log, name: name, close: log.Close}, nil
}
