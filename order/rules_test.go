package order

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/order/window"
)

// hearing puts every command to an order, and remembers which rows objected for what.
type hearing struct {
	t      require.TestingT
	o      Order
	env    Env
	broken map[law.Guard][]law.Reason
}

// onRecord is a command, as the rules see it, and what it leaves on record where it is legal.
type onRecord struct {
	c    Command
	q    question
	fact events.Event
}

// commandsTo are the commands that a person gives to an order on record, with these figures.
func commandsTo(o Order, env Env, m Money, word events.Resolution, override bool, anomaly uint64) []onRecord {
	record, parked := uint64(999), uint64(0)
	if p := o.parked(0); p != nil {
		parked = p.Intent
	}
	if at := o.undecided(0); at >= 0 {
		record = uint64(o.book[at].version)
	}
	lease := env.Now.Add(DefaultLease)
	late, _ := o.late()
	compensation := events.Event(events.CancelRequested{By: o.identifier(), Reason: compensationReason,
		Compensates: max(late.Version, 1), Lease: lease})
	if o.Late.owed() > 0 {
		compensation = events.RefundRequested{RefundRequestID: "new", PaymentID: o.PaymentID, Amount: o.money(o.Late.owed()),
			Reason: compensationReason, Compensates: max(late.Version, 1), Lease: lease}
	}
	return []onRecord{
		{Cancel{}, question{verb: VerbCancel}, events.CancelRequested{By: o.identifier(), Lease: lease}},
		{Capture{Amount: m}, question{verb: VerbCapture, amount: m},
			events.CaptureRequested{CaptureRequestID: "new", PaymentID: o.PaymentID, Amount: m, Lease: lease}},
		{Capture{Amount: m, Last: true}, question{verb: VerbCapture, amount: m, last: true},
			events.CaptureRequested{CaptureRequestID: "new", PaymentID: o.PaymentID, Amount: m, Last: true, Lease: lease}},
		{Refund{Amount: m}, question{verb: VerbRefund, amount: m},
			events.RefundRequested{RefundRequestID: "new", PaymentID: o.PaymentID, Amount: m, Lease: lease}},
		{Resolve{Resolution: word, Override: override, Statement: "APO ticket 7"},
			question{verb: VerbResolve, resolution: word, override: override},
			events.OperationResolved{Intent: parked, Resolution: word, Override: override, Statement: "APO ticket 7"}},
		{Resolve{Record: record, Resolution: word, Statement: "APO ticket 7"},
			question{verb: VerbResolve, resolution: word, record: record},
			events.TransferResolved{Record: record, Resolution: word, Statement: "APO ticket 7"}},
		{ClearAnomaly{Anomaly: anomaly}, question{verb: VerbClearAnomaly, anomaly: anomaly},
			events.AnomalyCleared{Anomaly: anomaly}},
		{Compensate{}, question{verb: VerbCompensate}, compensation},
	}
}

// hold puts one command to the rows, to Decide and to Judge: the three say the same, each row for its own reasons, and
// what only the policy refuses is legal on record.
func (k *hearing) hold(r onRecord) {
	var decided, audited *RejectedError
	for _, row := range law.Rules(law.Verb(r.q.verb)) {
		objection := k.o.ask(row.Guard, &r.q, k.env.Now, &k.env.Policy)
		if objection == nil {
			continue
		}
		require.Contains(k.t, row.Reasons, law.Reason(objection.Reason), "the row %q does not name it", row.Holds)
		if decided == nil {
			decided = objection
		}
		if !row.Policy && audited == nil {
			audited = objection
		}
		if decided == objection && !slices.Contains(k.broken[row.Guard], law.Reason(objection.Reason)) {
			k.broken[row.Guard] = append(k.broken[row.Guard], law.Reason(objection.Reason))
		}
	}
	facts, err := Decide(k.o, r.c, k.env)
	illegal := Judge(k.o, events.Record{Stream: events.OrderStream(k.o.ID), Version: k.o.Version + 1, Recorded: k.env.Now,
		Event: r.fact})
	permit, reason := k.o.permits(r.q.verb)
	switch {
	case permit == law.Refused:
		require.Equal(k.t, reason, rejected(k.t, err).Reason)
		require.ErrorContains(k.t, illegal, "is not legal for an order that is "+k.o.Status.String())
	case permit != law.Allowed:
		require.NoError(k.t, err)
		require.ErrorContains(k.t, illegal, "is not legal for an order that is "+k.o.Status.String())
	case decided == nil:
		require.NoError(k.t, err, "%s: no row objects, and Decide does", r.q.verb)
		require.Equal(k.t, r.fact, facts[0], "what Decide makes is what is judged here")
		require.NoError(k.t, illegal, "%s: no row objects, and Judge does", r.q.verb)
	default:
		require.Equal(k.t, decided, rejected(k.t, err), "%s: Decide does not speak from the row", r.q.verb)
		if audited == nil {
			require.NoError(k.t, illegal, "%s: only the policy objects, and Judge does not know it", r.q.verb)
		} else {
			require.ErrorContains(k.t, illegal, audited.Why(), "%s: Judge does not speak from the row", r.q.verb)
		}
	}
}

func (x *till) hearing(t require.TestingT, broken map[law.Guard][]law.Reason) *hearing {
	env := x.env()
	env.NewID = func() string { return "new" }
	return &hearing{t: t, o: x.o, env: env, broken: broken}
}

// Every row objects somewhere for every reason it names, and wherever it does Decide and Judge say so too.
func TestRules_EveryRowDecidesAndJudges(t *testing.T) {
	broken := map[law.Guard][]law.Reason{}
	cases := refusals(t)
	onceStep := in(t, Created)
	onceStep.o.CaptureMode = CaptureNone
	onceStep.observe(captured("C1", 600)) // a capture of what the method has none of
	owes := movedLate(t)
	owes.o.PaymentID = ""
	euros := in(t, Authorized)
	cases = append(cases, refusalCase{ReasonOneStep, onceStep, Capture{Amount: usd(1)}},
		refusalCase{ReasonNoPaymentID, owes, Compensate{}},
		refusalCase{ReasonRefunded, heldAndRefunded(in(t, Authorized), "F1"), Cancel{}},
		refusalCase{ReasonReversal, heldToo(in(t, Paid)), Cancel{}},
		refusalCase{ReasonCurrency, euros, Capture{Amount: Money{Minor: 1, Currency: "EUR"}}},
	)
	whole := endable(t)
	whole.observe(captured("C2", 400))
	cases = append(cases, refusalCase{ReasonAmount, endable(t), nil}, refusalCase{ReasonRemainder, whole, nil})
	taken := asked(t, CallCapture)
	taken.observe(captured("D1", 700))
	taken.park()
	taken.inquire(tells("NEW"))
	euro := in(t, Captured)
	f := refunded("D1", 100)
	f.Amount.Currency = "EUR"
	euro.observe(f)
	euro.inquire(tells(StateSuccess))
	held := in(t, Captured)
	held.observe(refunded("D1", 700))
	doubtful := in(t, Authorized)
	doubtful.observe(failed())
	cases = append(cases, refusalCase{ReasonReversal, doubtful, nil})
	cases = append(cases, refusalCase{ReasonRemainder, taken, nil}, refusalCase{ReasonCurrency, euro, nil},
		refusalCase{ReasonHeldRefund, held, nil})
	for _, c := range cases {
		k := c.x.hearing(t, broken)
		for _, m := range []Money{usd(1), usd(0), usd(-1), usd(theAmount), usd(2 * theAmount), {Minor: 1, Currency: "EUR"}} {
			for _, word := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
				for _, override := range []bool{false, true} {
					for _, r := range commandsTo(k.o, k.env, m, word, override, 999) {
						k.hold(r)
					}
				}
			}
		}
	}
	for _, row := range law.RuleRows() {
		assert.ElementsMatch(t, row.Reasons, broken[row.Guard], "the row %q", row.Holds)
	}
}

// The same over whatever orders come to be.
func TestRules_HoldForWhateverOrdersComeToBe(t *testing.T) {
	windows := []window.Rule{{}, {Kind: window.Never}, {Kind: window.UntilPaid},
		{Kind: window.AfterPayment, Length: time.Hour}}
	rapid.Check(t, func(t *rapid.T) {
		w := startWalk(t)
		for range rapid.IntRange(0, 25).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "compensate") == 0 {
				w.compensate(t)
			}
			w.step(t)
		}
		k := w.hearing(t, map[law.Guard][]law.Reason{})
		k.env.Now = k.env.Now.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "time"))
		k.env.Policy.Windows = window.Rules{"ACME": {window.AnyMethod: rapid.SampledFrom(windows).Draw(t, "window")}}
		if rapid.Bool().Draw(t, "one capture") {
			k.env.Policy.SeveralCaptures = nil
		}
		if rapid.Bool().Draw(t, "no capture of zero") {
			k.env.Policy.ZeroLastCaptures = nil
		}
		minor := rapid.SampledFrom([]int64{-1, 0, 1, 300, 500, theAmount, theAmount + 1}).Draw(t, "minor")
		word := rapid.SampledFrom([]events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed}).Draw(t, "word")
		anomaly := uint64(999)
		if n := len(k.o.Anomalies); n > 0 && rapid.Bool().Draw(t, "an open one") {
			anomaly = k.o.Anomalies[n-1].Version
		}
		for _, r := range commandsTo(k.o, k.env, usd(minor), word, rapid.Bool().Draw(t, "override"), anomaly) {
			k.hold(r)
		}
	})
}

// A reason that anything but its guard or its table's row refuses for would be a second copy of a rule.
func TestRules_NothingButAGuardRefusesForItsReasons(t *testing.T) {
	// What may name a reason: its constant, the guards, and what words a rejection that has been made.
	may := []string{"reason.go", "guards.go", "guards_resolve.go", "legality.go: remedy", "errors.go: causeWords",
		"texts.go: MarshalText", "texts.go: UnmarshalText"}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	fset, named := token.NewFileSet(), 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, f.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			where := f.Name()
			if fn, ok := d.(*ast.FuncDecl); ok && !slices.Contains(may, where) {
				where += ": " + fn.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if !ok || len(id.Name) <= len("Reasons") || !strings.HasPrefix(id.Name, "Reason") || id.Name == "ReasonNone" {
					return true
				}
				named++
				assert.Contains(t, may, where, "%s names %s, but a rule stands once, in its row and its guard",
					fset.Position(id.Pos()), id.Name)
				return true
			})
		}
	}
	assert.Greater(t, named, len(law.Reasons()), "the walk found the constants and their uses")
}

// Judge speaks of intents by the guards alone: what only they ask of an order has no business in its file.
func TestRules_JudgeAsksNothingThatAGuardAsks(t *testing.T) {
	asked := []string{"Expires", "lastCapture", "CaptureMode", "told", "Answered", "Anomalies", "capturable",
		"refundable"}
	names := func(path string) (found []string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(asked, s.Sel.Name) && !slices.Contains(found, s.Sel.Name) {
				found = append(found, s.Sel.Name)
			}
			return true
		})
		return found
	}
	assert.ElementsMatch(t, asked, append(names("guards.go"), names("guards_resolve.go")...))
	if found := names("judge.go"); len(found) > 0 {
		assert.Equal(t, []string{"Answered"}, found, "of an operation's attempts, not of an inquiry")
	}
}

func TestRules_TheWordsNameTheBoundTheGuardKeeps(t *testing.T) {
	minutes := fmt.Sprintf("within the last %d minutes", FreshInquiry/time.Minute)
	for _, row := range law.RuleRows() {
		if slices.Contains(row.Reasons, law.ReasonStaleInquiry) {
			assert.Contains(t, row.Holds, minutes)
		}
	}
}
