package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// question is one that a log is asked. Its answer comes in pieces: those before an error count, too.
type question struct {
	text string
	ask  func(log store.Log) ([]string, error)
}

// nothing is the answer that something is not there.
const nothing = "not found"

// one is an answer of one piece.
func one(piece any, err error) ([]string, error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return []string{nothing}, nil
	case err != nil:
		return nil, err
	}
	return []string{fmt.Sprint(piece)}, nil
}

// frameText is all of a record.
func frameText(r events.Record) string {
	frame, err := events.AppendFrame(nil, r)
	return fmt.Sprintf("%x %v", frame, err)
}

// questionsOf asks everything of a log that the first appends of flipAppend made, also for what is not in it.
func questionsOf(appends int) (all []question) {
	ctx := context.Background()
	all = append(all, question{"all", func(log store.Log) (pieces []string, err error) {
		for r, err := range log.All(ctx, store.Start()) {
			if err != nil {
				return pieces, err
			}
			pieces = append(pieces, frameText(r))
		}
		return pieces, nil
	}}, question{"frames", func(log store.Log) (pieces []string, err error) {
		for f, err := range log.(store.Framer).Frames(ctx, store.Start()) {
			if err != nil {
				return pieces, err
			}
			pieces = append(pieces, fmt.Sprintf("%s %x", frameText(f.Record), f.Bytes))
		}
		return pieces, nil
	}})
	for n := range flipOrders + 1 {
		stream := events.OrderStream(fmt.Sprintf("order-%d", n))
		all = append(all,
			question{"head of " + stream.ID, func(log store.Log) ([]string, error) { return one(log.Head(ctx, stream)) }},
			question{"read " + stream.ID, func(log store.Log) (pieces []string, err error) {
				for r, err := range log.Read(ctx, stream, 0) {
					if err != nil {
						return pieces, err
					}
					pieces = append(pieces, frameText(r))
				}
				return pieces, nil
			}})
	}
	for _, filter := range []store.Filter{
		store.AllOrders(), store.DueBy(noon), store.InStatus("created"), store.InStatus("paid"), store.Outstanding(),
		store.Attention(events.AttentionParked), store.Attention(events.AttentionAnomaly),
	} {
		all = append(all, question{fmt.Sprintf("heads of %v", filter), func(log store.Log) (pieces []string, err error) {
			for h, err := range log.Heads(ctx, filter) {
				if err != nil {
					return pieces, err
				}
				pieces = append(pieces, fmt.Sprint(h))
			}
			return pieces, nil
		}})
	}
	for n := range appends + 1 {
		_, records := flipAppend(n)
		for _, r := range records {
			key := r.Keys[0]
			ask := func(log store.Log) ([]string, error) { return one(log.Lookup(ctx, key)) }
			all = append(all, question{"look up " + string(key), ask})
		}
	}
	return all
}

// truth is what a log must answer, by a log that has no file.
type truth struct {
	questions []question
	answers   [][]string
	root      seal.Hash
}

func truthAfter(t *testing.T, appends int) *truth {
	t.Helper()
	log := memory.New()
	for n := range appends {
		require.NoError(t, appendNext(log, n))
	}
	y := &truth{questions: questionsOf(appends)}
	for _, q := range y.questions {
		pieces, err := q.ask(log)
		require.NoError(t, err, q.text)
		y.answers = append(y.answers, pieces)
	}
	var tree seal.Tree
	for r, err := range log.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		tree.Append(seal.LeafHash(frame))
	}
	y.root = tree.Root()
	return y
}

// ask asks the log everything. found is whether it said of something that it is damaged; wrong are its false answers.
func (y *truth) ask(log store.Log) (found bool, wrong []string) {
	for i, q := range y.questions {
		pieces, err := q.ask(log)
		switch {
		case err != nil && !isContract(err):
			wrong = append(wrong, fmt.Sprintf("%s: an error outside the contract: %v", q.text, err))
		case !startsWith(y.answers[i], pieces), err == nil && len(pieces) < len(y.answers[i]):
			wrong = append(wrong, fmt.Sprintf("%s: %.200q instead of %.200q, error %v", q.text, pieces, y.answers[i], err))
		case err != nil:
			found = true
		}
	}
	return found, wrong
}

func startsWith(all, begin []string) bool {
	return len(begin) <= len(all) && slices.Equal(all[:len(begin)], begin)
}
