package reports

// Reconciliation is what reconcile.All found. It is read back, and gone on with.
type Reconciliation struct {
	From       Time    `json:"from"`
	Until      Time    `json:"until"`
	Reach      Seconds `json:"reach,omitzero"`
	Began      Time    `json:"began"`
	Ended      Time    `json:"ended"`
	Whole      bool    `json:"whole,omitempty"`
	ReadOnly   bool    `json:"readOnly,omitempty"`
	Done       string  `json:"done"` // a cursor
	Orders     uint64  `json:"orders,string"`
	Same       uint64  `json:"same,string"`
	Differing  uint64  `json:"differing,string"`
	Unanswered uint64  `json:"unanswered,string"`
	Sums       []Sum   `json:"sums,omitempty"`
	Lines      []Line  `json:"lines,omitempty"`
}

// Sum is what the differences of one kind of fact in one currency come to.
type Sum struct {
	Fact   string `json:"fact"`
	Wrong  bool   `json:"wrong,omitempty"`
	Count  uint64 `json:"count,string"`
	Amount *Money `json:"amount,omitempty"`
}

// Line is what came of an order.
type Line struct {
	Order       string       `json:"order"`
	PaymentID   string       `json:"paymentId,omitempty"`
	Outcome     string       `json:"outcome"`
	Status      string       `json:"status,omitempty"`
	Problem     string       `json:"problem,omitempty"`
	Again       bool         `json:"again,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one thing that APO proved and the log did not have.
type Difference struct {
	Fact   string `json:"fact"`
	ID     string `json:"id,omitempty"`
	Amount *Money `json:"amount,omitempty"`
	At     Time   `json:"at"`
	Wrong  string `json:"wrong,omitempty"`
	Text   string `json:"text"`
}
