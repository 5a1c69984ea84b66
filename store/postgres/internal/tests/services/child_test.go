package services_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// The environment of a child: what it does, and with what.
const (
	doingEnv    = "TILLTAPE_SERVICE_CHILD"
	databaseEnv = "TILLTAPE_SERVICE_DATABASE"
	schemaEnv   = "TILLTAPE_SERVICE_SCHEMA"
	apoEnv      = "TILLTAPE_SERVICE_APO"
	keysEnv     = "TILLTAPE_SERVICE_KEYS"
	placeEnv    = "TILLTAPE_SERVICE_PLACE" // where buyers pay
	turnEnv     = "TILLTAPE_SERVICE_TURN"
)

// The words with which a child's lines begin.
const (
	wordUp       = "up"       // it serves
	wordWritten  = "written"  // position, id and sum of each record of an append that was acknowledged
	wordGiven    = "given"    // a command came to an end that it was told of
	wordStranger = "stranger" // an error that no caller should ever see
)

const (
	tills   = 6 // goroutines of a child that sell
	perTill = 2 // orders that both services sell at once: they get into each other's way
	// patience is how often a command is given again where its end is not known.
	patience = 40
	price    = 10_00
	kinds    = 3 // what becomes of orders: cancelled, captured and refunded in part, captured
	callTime = 1500 * time.Millisecond
	lease    = 2 * time.Second
)

// policy has short waits, so that what one process left another one takes up while the test runs.
func policy() order.Policy {
	short := []time.Duration{time.Second}
	return order.Policy{Lease: lease, Retries: short, Waits: short}
}

func config(observer *tilltape.Observer) *tilltape.Config {
	return &tilltape.Config{Policy: policy(), CallTimeout: callTime, Grace: time.Second, Observer: observer}
}

// sumOf is a sum over the record's frame, places and all.
func sumOf(r events.Record) (string, error) {
	frame, err := events.AppendFrame(nil, r)
	sum := sha256.Sum256(frame)
	return hex.EncodeToString(sum[:8]), err
}

// service is a child: a shop that serves until it is killed.
type service struct {
	turn   int
	orders *tilltape.Orders
	mu     sync.Mutex
}

// say tells the parent one line, whole.
func (s *service) say(word string, rest ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Println(append([]any{word}, rest...)...)
}

// connect opens the log, and goes on trying while its server is away.
func connect(ctx context.Context, url, schema string) (*pgxpool.Pool, *postgres.Log, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	for {
		log, err := postgres.Open(ctx, pool, &postgres.Config{Schema: schema})
		if err == nil {
			return pool, log, nil
		}
		if !errors.Is(err, store.ErrUnavailable) {
			pool.Close()
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			pool.Close()
			return nil, nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// client is APO as a child reaches it.
func client() (*apo.Client, error) {
	keys, err := apotest.ReadKeys(os.Getenv(keysEnv))
	if err != nil {
		return nil, err
	}
	return apo.NewClient(os.Getenv(apoEnv), apotest.DefaultClientID, keys, nil)
}

// childServe sells until it is killed or its input ends.
func childServe() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	pool, log, err := connect(ctx, os.Getenv(databaseEnv), os.Getenv(schemaEnv))
	if err != nil {
		return err
	}
	defer pool.Close()
	gateway, err := client()
	if err != nil {
		return err
	}
	s := &service{}
	if s.turn, err = strconv.Atoi(os.Getenv(turnEnv)); err != nil {
		return err
	}
	if s.orders, err = tilltape.New(log, gateway, config(&tilltape.Observer{Appended: s.appended})); err != nil {
		return err
	}
	s.say(wordUp)
	var group sync.WaitGroup
	group.Go(func() { _ = s.orders.Run(ctx) })
	for till := range tills {
		group.Go(func() { s.sell(ctx, till) })
	}
	group.Wait()
	return errors.Join(s.orders.Close(), log.Close())
}

// appended tells what is durable, by the log's word.
func (s *service) appended(_ context.Context, records []events.Record) {
	var b strings.Builder
	for _, r := range records {
		sum, err := sumOf(r)
		if err != nil {
			s.say(wordStranger, err)
			return
		}
		fmt.Fprintf(&b, "%d %s %s ", r.Position, r.ID, sum)
	}
	s.say(wordWritten, b.String())
}

// sell places one order after another and does with it what its number says. The other service sells the same ones:
// which of the two places it, captures it or cancels it is chance.
func (s *service) sell(ctx context.Context, till int) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("o-%d-%d-%d", s.turn/perTill, till, n)
		request := "pay-" + id
		if err := pay(ctx, request); err != nil {
			continue // it is being killed, or the test ends
		}
		s.give(ctx, id, "create", func() (tilltape.Result, error) {
			return s.orders.Create(ctx, order.Create{OrderID: id, PaymentRequestID: request, Method: apotest.MethodCard,
				CaptureMode: events.CaptureManual, Amount: order.Money{Minor: price, Currency: "EUR"}})
		})
		_, _ = s.orders.Reconcile(ctx, id) // what it does not learn the next command is refused for
		kind := (n + till) % kinds
		if kind == 0 {
			s.give(ctx, id, "cancel", func() (tilltape.Result, error) {
				return s.orders.Cancel(ctx, id, order.Cancel{CommandID: "cancel-" + id, Reason: "changed their mind"})
			})
			continue
		}
		s.give(ctx, id, "capture", func() (tilltape.Result, error) {
			return s.orders.Capture(ctx, id, order.Capture{CommandID: "capture-" + id,
				Amount: order.Money{Minor: price, Currency: "EUR"}})
		})
		if kind == 1 {
			s.give(ctx, id, "refund", func() (tilltape.Result, error) {
				return s.orders.Refund(ctx, id, order.Refund{CommandID: "refund-" + id,
					Amount: order.Money{Minor: price / 4, Currency: "EUR"}})
			})
		}
	}
}

// give gives a command until its end is known, under one id, as a shop does.
func (s *service) give(ctx context.Context, id, verb string, command func() (tilltape.Result, error)) {
	for range patience {
		result, err := command()
		switch result.Outcome {
		case tilltape.Done, tilltape.Accepted, tilltape.Refused, tilltape.Failed:
			s.say(wordGiven, verb, id, result.Outcome)
			return
		case tilltape.Unknown, tilltape.InDoubt, tilltape.Unavailable:
		default:
			if ctx.Err() == nil && !errors.Is(err, store.ErrStorage) {
				s.say(wordStranger, verb, id, err)
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// pay lets a buyer pay: both services ask for the same payment, the second time it changes nothing.
func pay(ctx context.Context, request string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv(placeEnv)+"/"+request, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
