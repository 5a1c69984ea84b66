package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/folder"
	"github.com/tilltape/tilltape/store"
)

// State is what is kept of a consumer.
type State struct {
	// Revision counts how often it was kept; 0: never. Two that use one name are told apart by it.
	Revision uint64       `json:"revision"`
	Cursor   store.Cursor `json:"cursor"` // everything before it is delivered or parked
	// Record is the id of the record right before the cursor, and Log the origin of the log, where it is sealed: by these
	// a place of another log, or of a past that was not this log's, is found out. Both are empty at the start.
	Record string   `json:"record,omitempty"`
	Log    string   `json:"log,omitempty"`
	Parked []Parked `json:"parked,omitempty"`
}

// Parked is an order some of whose records stay back, because the receiver refuses the first of them.
type Parked struct {
	Stream   events.Stream `json:"stream"`
	Version  uint64        `json:"version"`  // of the refused record, the first that is not delivered
	Position uint64        `json:"position"` // and its position
	Since    time.Time     `json:"since"`
	Problem  string        `json:"problem"` // what the receiver said last, at most ProblemMax bytes of it
}

// Keeper keeps the state of consumers durably, beside the log. It is used by one goroutine of a consumer at a time.
type Keeper interface {
	// Load returns what was saved last under a consumer's name; the zero State where nothing was.
	Load(ctx context.Context, consumer string) (State, error)
	// Save replaces it, durably and whole. The state's Revision is one more than that of the state before: where another
	// was saved meanwhile, the error wraps [ErrTaken] and nothing is changed.
	Save(ctx context.Context, consumer string, s State) error
}

// FileKeeper keeps each consumer in a file of its own, NAME.json, in a folder that is made if it is not there. Put it
// beside the log's file, and into its backups: one that is older than the log only delivers some records again, and
// one that is newer is found out ([ErrElsewhere]). NAME.lock beside it keeps processes apart while one of them saves:
// on the Unixes, and on a disk of this machine; elsewhere two processes under one name may overwrite each other.
func FileKeeper(folder string) Keeper { return &fileKeeper{folder: folder, saving: newTurn()} }

type fileKeeper struct {
	folder string
	saving turn // between the revision that is read and the one that is written
}

const (
	// keptMax is more than a state has with ParkedMax orders, in bytes; a longer file is none, and is not read.
	keptMax    = 16 << 20
	folderPerm = 0o700
	filePerm   = 0o600
)

func (k *fileKeeper) path(consumer string) string { return filepath.Join(k.folder, consumer+".json") }

func (k *fileKeeper) Load(ctx context.Context, consumer string) (State, error) {
	if err := store.CheckContext(ctx, "read what is kept of a consumer"); err != nil {
		return State{}, err
	}
	text, err := readKept(k.path(consumer))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return State{}, nil
	case err != nil:
		return State{}, keptError(consumer, "%v; let this user read the file", err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil || len(text) > keptMax || s.Revision == 0 {
		return State{}, keptError(consumer, "%s is not what was saved; put it back from a backup, or remove it to deliver "+
			"everything again", k.path(consumer))
	}
	return s, nil
}

// readKept reads a file, and of one that is longer than any state is one byte too many.
func readKept(path string) (text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err = io.ReadAll(io.LimitReader(file, keptMax+1))
	return text, errors.Join(err, file.Close())
}

func (k *fileKeeper) Save(ctx context.Context, consumer string, s State) (err error) {
	if err := k.saving.take(ctx); err != nil {
		return err
	}
	defer k.saving.give()
	if err := store.CheckContext(ctx, "keep a consumer's place"); err != nil {
		return err
	}
	if err := os.MkdirAll(k.folder, folderPerm); err != nil {
		return keptError(consumer, "%v; see to the disk and to the folder's rights", err)
	}
	unlock, err := lock(ctx, filepath.Join(k.folder, consumer+".lock"))
	if err != nil {
		return keptError(consumer, "its lock: %v; see to the folder's rights, and to a process that holds it", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	was, err := k.Load(ctx, consumer)
	if err != nil {
		return err
	}
	if was.Revision+1 != s.Revision {
		return takenError(consumer)
	}
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return keptError(consumer, "%v", err)
	}
	if text = append(text, '\n'); len(text) > keptMax {
		return keptError(consumer, "its state has %d bytes, for %d at most; have fewer orders parked, and shorter problems",
			len(text), keptMax)
	}
	if err := k.replace(consumer, text); err != nil {
		return keptError(consumer, "%v; see to the disk and to the folder's rights", err)
	}
	return nil
}

// replace puts a whole new file in the old one's place: whoever reads sees one of the two, after a crash too.
func (k *fileKeeper) replace(consumer string, text []byte) (err error) {
	aside, err := os.CreateTemp(k.folder, consumer+".*.partial")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(aside.Name()))
		}
	}()
	_, err = aside.Write(text)
	if err := errors.Join(err, aside.Chmod(filePerm), aside.Sync(), aside.Close()); err != nil {
		return err
	}
	if err := os.Rename(aside.Name(), k.path(consumer)); err != nil {
		return err
	}
	return folder.Sync(k.folder)
}

// MemoryKeeper keeps consumers for as long as the process lives: for tests, and for receivers that begin anew by
// themselves.
func MemoryKeeper() Keeper { return &memoryKeeper{states: map[string]State{}} }

type memoryKeeper struct {
	mu     sync.Mutex
	states map[string]State
}

func (k *memoryKeeper) Load(ctx context.Context, consumer string) (State, error) {
	if err := store.CheckContext(ctx, "read what is kept of a consumer"); err != nil {
		return State{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.states[consumer].clone(), nil
}

func (k *memoryKeeper) Save(ctx context.Context, consumer string, s State) error {
	if err := store.CheckContext(ctx, "keep a consumer's place"); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.states[consumer].Revision+1 != s.Revision {
		return takenError(consumer)
	}
	k.states[consumer] = s.clone()
	return nil
}

func (s State) clone() State {
	s.Parked = append([]Parked(nil), s.Parked...)
	return s
}
