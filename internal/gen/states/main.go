// Command states writes the pages of docs/reference that follow from the rows of package law: states.md as a whole,
// from states.md.tmpl, and the region of errors.md between its two marks. Run it by
//
//	go generate ./internal/law
//
// Both pages are rendered before either is written, and only what changed is written.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// pageMode is the mode of a page that is written for the first time.
const pageMode = 0o644

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: states DIR, where DIR holds errors.md; run go generate ./internal/law")
		os.Exit(2)
	}
	if err := update(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "states:", err)
		os.Exit(1)
	}
}

// update brings the pages in the folder up to date.
func update(dir string) error {
	pages, err := render(dir)
	if err != nil {
		return err
	}
	for name, want := range pages {
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, want) {
			continue
		}
		if err := os.WriteFile(path, want, pageMode); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// render makes the pages, by file name. Of errors.md everything but the marked region stays as it is in the folder.
func render(dir string) (map[string][]byte, error) {
	states, err := statesPage()
	if err != nil {
		return nil, err
	}
	have, err := os.ReadFile(filepath.Join(dir, errorsName))
	if err != nil {
		return nil, fmt.Errorf("reading the page whose reasons are to be replaced: %w", err)
	}
	errs, err := errorsPage(have)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{statesName: states, errorsName: errs}, nil
}
