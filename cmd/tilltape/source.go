package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// source is a log that was opened to be read, whatever it is kept in. What its kind can do besides reading (proving,
// copying) is found by a type assertion on the Reader.
type source struct {
	store.Reader
	name  string // as it may be shown: a URL's has no password
	close func() error
	file  bool // it is a log's file

	proof *proofFile // nil: it is none
	note  string     // what whoever reads it has to know, for a command that answers from a part of a log
	part  error      // why a command that needs a whole log does not take it; nil: it does
	torn  error      // why a command that needs whole orders does not take it; nil: it does
}

// opener opens one kind of source. A new kind is a row of openers.
type opener struct {
	kind string // as the help has it
	// takes says whether a source is of this kind: by its name, and by the first bytes of the file of that name, sniffed
	// at most; nil where the name is a URL.
	takes func(name string, head []byte) bool
	open  func(ctx context.Context, name string) (*source, error)
}

// sniffed is how much of a file an opener is shown.
const sniffed = 4096

// openers are asked in turn, and the last one takes every file: what it says of one that is none of ours is what is
// said.
var openers = []opener{
	{kind: "a database (postgres://…, with ?schema= where the log's is another)", takes: isDatabase, open: openDatabase},
	{kind: "a running service (https://… where package viewer is mounted)", takes: isRemote, open: openRemote},
	{kind: "an export", takes: isExport, open: openExport},
	{kind: "the proof of an order, where one order is asked for", takes: isProof, open: openProof},
	{kind: "a log's file, or a backup of one", takes: isFile, open: openFile},
}

// errUnreadable: there is something, and it cannot be read as a log.
var errUnreadable = errors.New("unreadable")

// isURL tells a URL from a path. A file whose name has "://" in it can be given as ./name.
func isURL(name string) bool { return strings.Contains(name, "://") && !strings.HasPrefix(name, ".") }

func isFile(name string, _ []byte) bool { return !isURL(name) }

// openSource opens what a command's SOURCE names, for reading only.
func openSource(ctx context.Context, name string) (*source, error) {
	var head []byte
	if !isURL(name) {
		var err error
		if head, err = beginning(name); err != nil {
			return nil, err
		}
	}
	for _, o := range openers {
		if o.takes(name, head) {
			return o.open(ctx, name)
		}
	}
	scheme, _, _ := strings.Cut(name, "://") // the rest may have a password in it
	return nil, &usageError{err: fmt.Errorf("a log cannot be read by the scheme %q", scheme),
		hint: "a source is " + strings.Join(kinds(), ", or ")}
}

// kinds is every kind of source, in words.
func kinds() (all []string) {
	for _, o := range openers {
		all = append(all, o.kind)
	}
	return all
}

// beginning reads the first bytes of a file. What is neither a file nor a folder is refused: a log is read at any place
// of it, and whoever opens a pipe waits for somebody who writes into it.
func beginning(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, withHint(fmt.Errorf("log %s is %w: it is neither a file nor a folder", name, errUnreadable),
			"write what comes out of it into a file, and name that")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, withHint(fmt.Errorf("log %s is %w", name, errNotFound), "check the path")
	case errors.Is(err, fs.ErrPermission):
		return nil, withHint(fmt.Errorf("log %s is %w: the system does not permit it", name, errUnreadable),
			"let this user read the file, or read a copy of it")
	case err != nil:
		return nil, withHint(fmt.Errorf("log %s is %w: %w", name, errUnreadable, err), "check the path")
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(file, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if info.IsDir() {
		return nil, nil // the opener says what it is
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("log %s is %w: %w", name, errUnreadable, err), "look at the disk")
	}
	return head[:n], nil
}

// openFile opens a bbolt file that nobody has open for appends. It waits for a second and no longer where somebody has.
func openFile(ctx context.Context, name string) (*source, error) {
	cfg := bolt.Config{ReadOnly: true}
	if ctx.Value(glance{}) != nil {
		cfg.PagesLooked = glanced
	}
	log, err := bolt.Open(name, &cfg)
	if err != nil {
		return nil, rescueError(name, openError(err))
	}
	return &source{Reader: log, name: name, close: log.Close, file: true}, nil
}

// records is how many records the source has, where it knows that without reading them; otherwise 0.
func (s *source) records(ctx context.Context) uint64 {
	switch log := s.Reader.(type) {
	case *export.Log:
		return log.Header().Count
	case audit.Sealer:
		if c, err := log.Tree(ctx); err == nil { // it is only for telling how long it takes
			return c.Size
		}
	}
	return 0
}

// rescueError names salvage for a log's file that is damaged, or is no log any more.
func rescueError(name string, err error) error {
	if _, told := errors.AsType[quietError](err); told {
		return err
	}
	salvage := "tilltape salvage " + name + " NEW"
	switch {
	case errors.Is(err, store.ErrDamaged):
		return withHint(err, "keep the file as it is, and go on from a backup; what is whole in it is found by: "+salvage)
	case errors.Is(err, bolt.ErrNotALog):
		if _, hint := explain(err); hint == "check the path" {
			return withHint(err, hint+"; if this was a log, what is left of it is found by: "+salvage)
		}
	}
	return err
}

// openError says in the words of the command line what the library says in those of its Config.
func openError(err error) error {
	if errors.Is(err, bolt.ErrNotALog) {
		return inFlags(err, "start the service that writes it once, which completes it")
	}
	return inFlags(err, "let this user read the file, or read a copy of it")
}

// inFlags puts the remedy in the place of one that speaks of the library's Config.
func inFlags(err error, remedy string) error {
	file, ok := errors.AsType[*bolt.FileError](err)
	if !ok || !strings.Contains(file.Remedy, "Config.") {
		return err
	}
	said := *file
	said.Remedy = remedy
	return &said
}

// glance, in a context, marks a command that asks a question or two of a log, and says of what: a third of a second for
// looking at a large file before would be most of what it takes.
type glance struct{}

// extent is what a command's questions are about.
type extent uint8

const (
	ofOrders extent = iota + 1 // orders by their ids, and indexes of them
	ofPlaces                   // that, and what stands at a place of the log
)

// glanced is how many pages of a file are looked at then.
const glanced = 256

// asking is reading for a command that asks a question or two about orders, and whose answer is waited for.
func asking(cmd *cobra.Command, name string, use func(ctx context.Context, s *source) error) error {
	return askingOf(cmd, ofOrders, name, use)
}

func askingOf(cmd *cobra.Command, what extent, name string, use func(ctx context.Context, s *source) error) error {
	cmd.SetContext(context.WithValue(cmd.Context(), glance{}, what))
	return opened(cmd, name, func(ctx context.Context, s *source) error {
		if s.torn != nil {
			return s.torn
		}
		s.tellNote(cmd)
		return use(ctx, s)
	})
}

// tellNote tells what whoever reads this source has to know.
func (s *source) tellNote(cmd *cobra.Command) {
	if s.note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: "+s.note)
	}
}

// reading opens the source that a command names first, which has to be a whole log, and closes it after use.
func reading(cmd *cobra.Command, name string, use func(ctx context.Context, s *source) error) error {
	return opened(cmd, name, func(ctx context.Context, s *source) error {
		if s.part != nil {
			return s.part
		}
		return use(ctx, s)
	})
}

// opened opens a source, whatever it is, and closes it after use.
func opened(cmd *cobra.Command, name string, use func(ctx context.Context, s *source) error) error {
	s, err := openSource(cmd.Context(), name)
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	if err = use(cmd.Context(), s); s.file {
		err = rescueError(name, err)
	}
	return err
}

// logFile refuses what is no log's file for a command that works on one: a database has none, and an export and a proof
// are text of their own. What is not there, or is of no known kind, is for the command to tell.
func logFile(name, instead string) error {
	if isURL(name) {
		return &usageError{err: errors.New("this works on a log's file, and was given the URL of something"), hint: instead}
	}
	head, err := beginning(name)
	if err != nil {
		return err
	}
	switch {
	case isExport(name, head):
		return &usageError{err: fmt.Errorf("%s is an export, and this works on a log's file", name), hint: instead}
	case isProof(name, head):
		return &usageError{err: fmt.Errorf("%s is the proof of an order, and this works on a log's file", name),
			hint: instead}
	}
	return nil
}

// takes is what a command wants as its arguments, in words, in their order: takes("the log's file", "the order's id").
func takes(what ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(what) {
			return fmt.Errorf("%s takes %s, but was given %s", cmd.CommandPath(), words.List(what, "and"),
				counted(uint64(len(args)), "argument"))
		}
		return nil
	}
}
