package salvage

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/internal/words"
)

// Proof is what shows that a frame is the one that the log held. The higher, the more it is worth.
type Proof int

// The proofs.
const (
	// Unproven: a frame that reads well, and nothing else says that it is as it was written. It never counts.
	Unproven Proof = iota
	// ByChecksum: its checksum stands in the directory of its chunk. It finds what rotted, and not what somebody altered.
	ByChecksum
	// ByTile: its hash stands in its place in a tile of the seal, and nothing vouches for the tile.
	ByTile
	// ByJournal: it is in the journal beside the file, whose checksums fit. They find what rotted, and not what somebody
	// altered.
	ByJournal
	// ByBackup: it is in the backup that was given.
	ByBackup
	// BySeal: its hash leads to a root that the log had, or that the checkpoint has.
	BySeal
)

// What the records say of a checkpoint.
const (
	Proven     = "proven"      // the log held just this, and all of it is there
	CannotTell = "cannot tell" // records up to its size are missing
	Differs    = "differs"     // all records are there, and are not those that it was signed over
	OtherLog   = "other log"   // its origin is not the log's, and none that the log says it had
)

// Span is a run of positions, or of versions, from the first to the last.
type Span struct {
	First uint64 `json:"first,string"`
	Last  uint64 `json:"last,string"`
}

// Positions are positions in the log. In JSON each is a text, as docs/reference/json.md has numbers.
type Positions []uint64

// MarshalJSON writes them as texts.
func (p Positions) MarshalJSON() ([]byte, error) {
	texts := make([]string, len(p))
	for i, position := range p {
		texts[i] = strconv.FormatUint(position, 10)
	}
	return json.Marshal(texts)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Positions) UnmarshalJSON(b []byte) error {
	var texts []string
	if err := json.Unmarshal(b, &texts); err != nil {
		return err
	}
	*p = make(Positions, len(texts))
	for i, text := range texts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("position %q is no number; give digits", text)
		}
		(*p)[i] = n
	}
	return nil
}

// Lost is a record that was not found, and whose it was: another record names it, or an entry of heads does.
type Lost struct {
	Position uint64 `json:"position,string"`
	Category string `json:"category"`
	ID       string `json:"id"`
	Version  uint64 `json:"version,string"`
}

// Broken is an order of which records are missing.
type Broken struct {
	ID      string `json:"id"`
	Records int    `json:"records,string"`    // that were found
	Missing []Span `json:"missing,omitempty"` // versions
}

// Frames counts positions, and of what does not count frames.
type Frames struct {
	Whole       int `json:"whole,string"` // positions whose frame was found whole; the next five are of these
	BySeal      int `json:"bySeal,string"`
	ByBackup    int `json:"byBackup,string"`
	ByJournal   int `json:"byJournal,string"`
	ByTile      int `json:"byTile,string"`
	ByChecksum  int `json:"byChecksum,string"`
	Unproven    int `json:"unproven,string"`
	Altered     int `json:"altered,string"`     // whole, and not what was sealed; or one of these together is not
	Ambiguous   int `json:"ambiguous,string"`   // positions with two frames, or with one that cannot stand there
	Uncommitted int `json:"uncommitted,string"` // left by a crash behind the end, and never in the log
}

// Orders says which orders are whole. Whether an order had a record among the missing that nothing else names, nobody
// can tell.
type Orders struct {
	Found  int      `json:"found,string"`
	Whole  int      `json:"whole,string"`     // every record that is known of was found
	Behind []string `json:"behind,omitempty"` // of these, those that have records behind the first hole
	Broken []Broken `json:"broken,omitempty"`
}

// BackupReport is what came of the backup.
type BackupReport struct {
	Path    string `json:"path"`
	Origin  string `json:"origin,omitempty"`
	Records uint64 `json:"records,string"`
	// Fork is the first position at which it has another record than the log; 0: nowhere. From there on it does not count.
	Fork uint64 `json:"fork,string,omitempty"`
}

// JournalReport is what came of the journal beside the file.
type JournalReport struct {
	Path    string `json:"path"`
	Records uint64 `json:"records,string"` // that are whole in it, those among them that the file has already
	Fault   string `json:"fault,omitempty"`
	// Foreign: it is not the one that the file names, and nothing of it counts.
	Foreign bool `json:"foreign,omitempty"`
}

// CheckpointReport is what came of the checkpoint.
type CheckpointReport struct {
	Origin  string `json:"origin"`
	Size    uint64 `json:"size,string"`
	Verdict string `json:"verdict"` // one of Proven, CannotTell, Differs and OtherLog
}

// Report is what was found in a damaged file.
type Report struct {
	File       string            `json:"file"`
	Bytes      int64             `json:"bytes,string"`
	SHA256     string            `json:"sha256"`               // of the file as it was read
	Unreadable []Range           `json:"unreadable,omitempty"` // bytes that the disk does not give
	Origin     string            `json:"origin,omitempty"`     // of the log; empty where it is not readable any more
	Unsealed   bool              `json:"unsealed,omitempty"`
	End        uint64            `json:"end,string"`        // newest position that is known of
	Taken      uint64            `json:"taken,string"`      // the first so many are all there; [Found.Write] writes them
	Missing    []Span            `json:"missing,omitempty"` // positions without a whole frame
	Lost       []Lost            `json:"lost,omitempty"`    // of these, the ones of which it is known whose they were
	Unproven   Positions         `json:"unproven,omitempty"`
	Altered    Positions         `json:"altered,omitempty"`
	Ambiguous  Positions         `json:"ambiguous,omitempty"`
	Frames     Frames            `json:"frames"`
	Orders     Orders            `json:"orders"`
	Journal    *JournalReport    `json:"journal,omitempty"`
	Backup     *BackupReport     `json:"backup,omitempty"`
	Checkpoint *CheckpointReport `json:"checkpoint,omitempty"`
	Written    *Written          `json:"written,omitempty"`
}

// Written is the new log.
type Written struct {
	Path    string `json:"path"`
	Records uint64 `json:"records,string"`
	Root    string `json:"root,omitempty"` // in base64; empty without a seal
	Origin  string `json:"origin,omitempty"`
	From    string `json:"from,omitempty"` // the origin that its ancestry says it held these records under before
}

// Whole tells whether nothing is missing.
func (r Report) Whole() bool { return len(r.Missing) == 0 && r.Taken == r.End }

// listMax is how many of a list the text names.
const listMax = 10

// String is the report for people: some lines, each ended with a line feed.
func (r Report) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("file       %s, %s", words.Plain(r.File), words.Counted(uint64(r.Bytes), "byte"))
	line("sha256     %s", r.SHA256)
	for _, u := range r.Unreadable {
		line("unreadable bytes %d to %d: the disk does not give them", u.Begin, u.End-1)
	}
	switch {
	case r.Unsealed:
		line("origin     none: the log has no seal")
	case r.Origin == "":
		line("origin     cannot be read any more")
	default:
		line("origin     %s", words.Plain(r.Origin))
	}
	line("records    %d of %s found whole", r.Frames.Whole, words.Counted(r.End, "position"))
	line("proven     by the seal %d, a backup %d, a tile %d, their checksum %d", r.Frames.BySeal, r.Frames.ByBackup,
		r.Frames.ByTile, r.Frames.ByChecksum)
	list(&b, "missing", r.Missing, func(s Span) string { return s.text("position") })
	list(&b, "lost", r.Lost, func(l Lost) string {
		return fmt.Sprintf("position %d: version %d of %s %s", l.Position, l.Version,
			words.Plain(l.Category), words.Plain(l.ID))
	})
	position := func(p uint64) string { return fmt.Sprintf("position %d", p) }
	list(&b, "unproven", r.Unproven, position)
	list(&b, "altered", r.Altered, position)
	list(&b, "ambiguous", r.Ambiguous, position)
	if r.Frames.Uncommitted > 0 {
		line("discarded  %s never committed, left by a crash", words.Counted(uint64(r.Frames.Uncommitted), "frame"))
	}
	line("orders     %d of %d whole, as far as the file tells", r.Orders.Whole, r.Orders.Found)
	list(&b, "broken", r.Orders.Broken, func(o Broken) string {
		var missing []string
		for _, s := range o.Missing {
			missing = append(missing, s.text("version"))
		}
		return fmt.Sprintf("order %s: %s found, without %s", words.Plain(o.ID), words.Counted(uint64(o.Records), "record"),
			strings.Join(missing, ", "))
	})
	list(&b, "behind", r.Orders.Behind, func(id string) string {
		return "order " + words.Plain(id) + ": whole, behind the first hole"
	})
	r.others(line)
	return b.String()
}

// others is what came of what was given beside the file.
func (r Report) others(line func(format string, args ...any)) {
	if j := r.Journal; j != nil {
		line("journal    %s, %s, of which nothing else has %d", words.Plain(j.Path), words.Counted(j.Records, "record"),
			r.Frames.ByJournal)
		if j.Foreign {
			line("           it is not the one that the file names, and does not count")
		}
		if j.Fault != "" {
			line("           %s", words.Plain(j.Fault))
		}
	}
	if b := r.Backup; b != nil {
		line("backup     %s, %s", words.Plain(b.Path), words.Counted(b.Records, "record"))
		if b.Fork > 0 {
			line("           it went another way at position %d, and counts up to there", b.Fork)
		}
	}
	if c := r.Checkpoint; c != nil {
		line("checkpoint of %s: %s", words.Counted(c.Size, "record"), verdicts[c.Verdict])
		line("           %s", words.Plain(c.Origin))
	}
	if w := r.Written; w != nil {
		line("new log    %s, %s", words.Plain(w.Path), words.Counted(w.Records, "record"))
		if w.Root != "" {
			line("root       %s", w.Root)
			line("origin     %s", w.Origin)
			line("held as    %s", w.From)
		}
	}
}

var verdicts = map[string]string{
	Proven:     "proven, the log held just this",
	CannotTell: "cannot be told, records before its end are missing",
	Differs:    "DIFFERS, the records are not those that it was signed over",
	OtherLog:   "of another log",
}

func (s Span) text(what string) string {
	if s.First == s.Last {
		return fmt.Sprintf("%s %d", what, s.First)
	}
	return fmt.Sprintf("%ss %d to %d", what, s.First, s.Last)
}

func list[T any](b *strings.Builder, name string, all []T, text func(T) string) {
	for i, one := range all {
		if i == listMax {
			fmt.Fprintf(b, "%-10s and %d more\n", "", len(all)-listMax)
			return
		}
		fmt.Fprintf(b, "%-10s %s\n", name, text(one))
		name = ""
	}
}
