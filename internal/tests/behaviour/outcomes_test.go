package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// documented is one error for each that the methods' documentation names, and its outcome.
var documented = map[string]struct {
	give error
	want tilltape.Outcome
}{
	"UnresolvedError":        {&tilltape.UnresolvedError{}, tilltape.Unknown},
	"ErrUnresolved":          {tilltape.ErrUnresolved, tilltape.Unknown},
	"order.RejectedError":    {&order.RejectedError{}, tilltape.Refused},
	"order.FailedError":      {&order.FailedError{}, tilltape.Failed},
	"order.InvalidError":     {&order.InvalidError{}, tilltape.Invalid},
	"order.MismatchError":    {&order.MismatchError{}, tilltape.Conflict},
	"order.ErrUnknownOrder":  {order.ErrUnknownOrder, tilltape.NotFound},
	"order.ErrNotDue":        {order.ErrNotDue, tilltape.Unavailable},
	"ErrInDoubt":             {tilltape.ErrInDoubt, tilltape.InDoubt},
	"ErrContended":           {tilltape.ErrContended, tilltape.Unavailable},
	"ErrClosed":              {tilltape.ErrClosed, tilltape.Unavailable},
	"ErrUnverified":          {tilltape.ErrUnverified, tilltape.Invalid},
	"store.ErrKeyTaken":      {&store.KeyTakenError{}, tilltape.Conflict},
	"store.ErrUnavailable":   {store.ErrUnavailable, tilltape.Unavailable},
	"store.ErrClosed":        {store.ErrClosed, tilltape.Unavailable},
	"store.ErrInvalid":       {store.ErrInvalid, tilltape.Invalid},
	"store.ErrDamaged":       {store.ErrDamaged, tilltape.Broken},
	"store.ErrFull":          {store.ErrFull, tilltape.Broken},
	"store.ErrStorage":       {store.ErrStorage, tilltape.Broken},
	"store.ErrReadOnly":      {store.ErrReadOnly, tilltape.Broken},
	"store.ErrNewerFormat":   {store.ErrNewerFormat, tilltape.Broken},
	"context.Canceled":       {context.Canceled, tilltape.Unavailable},
	"nobody's":               {errors.New("disk on fire"), tilltape.Broken},
	"what may have been won": {fmt.Errorf("%w: %w", store.ErrUnavailable, tilltape.ErrUnresolved), tilltape.Unknown},
	"what may be on record":  {fmt.Errorf("%w: %w", store.ErrFull, tilltape.ErrInDoubt), tilltape.InDoubt},
	"none":                   {nil, tilltape.Done},
}

func TestEveryErrorHasAnOutcome(t *testing.T) {
	for name, c := range documented {
		assert.Equal(t, c.want, tilltape.OutcomeOf(c.give), name)
	}
}

// What the commands' documentation promises is what a caller has to be ready for.
func TestTheDocumentationOfEachCommandNamesItsErrors(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../../commands.go", nil, parser.ParseComments)
	require.NoError(t, err)
	link := regexp.MustCompile(`\[((?:\w+\.)?(?:Err\w+|\w+Error))\]`)
	var methods []string
	for _, decl := range file.Decls {
		f, is := decl.(*ast.FuncDecl)
		if !is {
			continue
		}
		methods = append(methods, f.Name.Name)
		var named []string
		for _, m := range link.FindAllStringSubmatch(f.Doc.Text(), -1) {
			assert.Contains(t, documented, m[1], "%s names an error that this test does not know", f.Name.Name)
			named = append(named, m[1])
		}
		want := []string{"order.RejectedError", "order.InvalidError", "order.MismatchError", "ErrInDoubt", "ErrContended",
			"ErrClosed", "store.ErrUnavailable", "store.ErrClosed"}
		switch f.Name.Name {
		case "Create":
			want = append(want, "store.ErrKeyTaken")
		case "ClearAnomaly", "Resolve":
			want = append(want, "order.ErrUnknownOrder")
		default:
			want = append(want, "order.ErrUnknownOrder", "order.FailedError", "UnresolvedError")
		}
		assert.Subset(t, named, want, f.Name.Name)
	}
	assert.Len(t, methods, 7)
}

// The result says the same as the error, and has the order as far as it was read.
func TestResults(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)

	refused, err := x.Cancel()
	require.ErrorIs(t, err, order.ErrRejected)
	assert.Equal(t, tilltape.Refused, refused.Outcome)
	assert.Equal(t, order.Captured, refused.Order.Status, "as it stood")
	assert.NotEmpty(t, refused.CommandID, "minted")

	refund := order.Refund{CommandID: "r-1", Amount: tilltest.USD(tilltest.ThePart)}
	accepted, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, refund)
	require.NoError(t, err, "an accepted refund is no error")
	assert.Equal(t, tilltape.Accepted, accepted.Outcome)
	assert.Equal(t, "r-1", accepted.CommandID)
	assert.Equal(t, accepted.Order.NextDue(), accepted.AskAgain)
	assert.Equal(t, order.Accepted, tilltest.Op(accepted.Order).Phase)
	again, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, refund)
	require.NoError(t, err)
	assert.Equal(t, tilltape.Accepted, again.Outcome, "the same id joins it")

	refund.Amount = tilltest.USD(1)
	other, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, refund)
	require.ErrorIs(t, err, order.ErrIdempotencyMismatch)
	assert.Equal(t, tilltape.Conflict, other.Outcome)
	assert.Zero(t, other.AskAgain, "that is the first one's")

	x.Exhaust(24 * time.Hour)
	refund.Amount = tilltest.USD(tilltest.ThePart)
	done, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, refund)
	require.NoError(t, err)
	assert.Equal(t, tilltape.Done, done.Outcome)
	assert.Equal(t, tilltest.ThePart, done.Order.Refunded)

	none, err := x.Orders.Cancel(x.Ctx, "o-404", order.Cancel{CommandID: "c-1"})
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	assert.Equal(t, tilltape.Result{Outcome: tilltape.NotFound, CommandID: "c-1"}, none)
	invalid, err := x.Orders.Cancel(x.Ctx, "", order.Cancel{CommandID: "c-1"})
	require.ErrorIs(t, err, order.ErrInvalid)
	assert.Equal(t, tilltape.Result{Outcome: tilltape.Invalid, CommandID: "c-1"}, invalid)
}

func TestResultsOfWhatWentWrong(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Script = []tilltest.Fault{{Undone: true, Status: "F", Code: "PARAM_ILLEGAL"}}
	failed, err := x.Orders.Capture(x.Ctx, tilltest.TheOrder,
		order.Capture{CommandID: "k-1", Amount: tilltest.USD(tilltest.TheAmount)})
	require.ErrorIs(t, err, order.ErrFailed)
	assert.Equal(t, tilltape.Failed, failed.Outcome)
	assert.Equal(t, "PARAM_ILLEGAL", failed.Code)
	assert.Zero(t, failed.AskAgain)

	x.Bank.Script = []tilltest.Fault{{Undone: true, Status: "U", Code: "UNKNOWN_EXCEPTION"}}
	unknown, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-1"})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, tilltape.Unknown, unknown.Outcome)
	assert.Equal(t, "UNKNOWN_EXCEPTION", unknown.Code)
	assert.Equal(t, unknown.Order.NextDue(), unknown.AskAgain)
	assert.NotZero(t, unknown.AskAgain)

	require.NoError(t, x.Orders.Close())
	closed, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrClosed)
	assert.Equal(t, tilltape.Unavailable, closed.Outcome)
	assert.Zero(t, closed.Order.Version, "nobody read it")
}
