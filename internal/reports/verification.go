package reports

// Verification is what audit.Verify found, the verdict first. Its words are those of audit's enumerations.
type Verification struct {
	Verdict     string      `json:"verdict"`
	Outcome     string      `json:"outcome"`
	Log         Tree        `json:"log"`
	Sealed      bool        `json:"sealed,omitempty"`
	Records     uint64      `json:"records,string"`
	Missing     uint64      `json:"missing,string,omitempty"`
	Orders      uint64      `json:"orders,string"`
	Messages    uint64      `json:"messages,string"`
	Checkpoints []Held      `json:"checkpoints,omitempty"`
	Levels      []Level     `json:"levels"`
	Findings    []Finding   `json:"findings,omitempty"`
	Days        []Day       `json:"days,omitempty"`
	Totals      []Total     `json:"totals,omitempty"`
	Settlement  *Settlement `json:"settlement,omitempty"`
}

// Tree is what a log holds. A log without a name of its own has no origin.
type Tree struct {
	Origin string `json:"origin,omitempty"`
	Size   uint64 `json:"size,string"`
	Root   string `json:"root"`
}

// Held is a checkpoint, and what came of it.
type Held struct {
	Tree
	State string `json:"state"`
}

// Level is what came of a level.
type Level struct {
	Level   string `json:"level"`
	State   string `json:"state"`
	Why     string `json:"why,omitempty"`
	Checked uint64 `json:"checked,string,omitempty"`
	Wrong   uint64 `json:"wrong,string,omitempty"`
	Unknown uint64 `json:"unknown,string,omitempty"`
}

// Stream is whose record it is.
type Stream struct {
	Category string `json:"category"`
	ID       string `json:"id"`
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Level    string  `json:"level"`
	Problem  string  `json:"problem"`
	Position uint64  `json:"position,string,omitempty"`
	Until    uint64  `json:"until,string,omitempty"`
	Stream   *Stream `json:"stream,omitempty"`
	Detail   string  `json:"detail"`
	Meaning  string  `json:"meaning"`
	Remedy   string  `json:"remedy"`
}

// Day is what moved in a currency on a day.
type Day struct {
	Date string `json:"date"`
	Total
}

// Total is what moved in a currency in all.
type Total struct {
	Currency     string `json:"currency"`
	Authorized   Money  `json:"authorized"`
	Captured     Money  `json:"captured"`
	Refunded     Money  `json:"refunded"`
	Late         Money  `json:"late"`
	LateRefunded Money  `json:"lateRefunded"`
	Disputed     Money  `json:"disputed"`
}

// Settlement is what came of a settlement file.
type Settlement struct {
	Rows    uint64 `json:"rows,string"`
	Matched uint64 `json:"matched,string"`
	From    Time   `json:"from,omitzero"`
	Until   Time   `json:"until,omitzero"`
}
