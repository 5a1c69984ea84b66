package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
)

// tellAgain is how long after trouble of its own a consumer is run again.
const tellAgain = time.Minute

// toldName is the name that is kept under how far the receiver is, and told in the metrics.
const toldName = "receiver"

// readSecret reads what the records to the receiver are signed with.
func readSecret(path string) ([]string, error) {
	text, err := readFile(path, othersMode|writersMode)
	if err != nil {
		return nil, fmt.Errorf("%sTELL_SECRET_FILE: %w", prefix, err)
	}
	secrets := strings.Fields(string(bytes.TrimSpace(text))) // two, while the receiver changes from one to the other
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%sTELL_SECRET_FILE: %s is empty; `openssl rand -base64 32` makes a secret", prefix, path)
	}
	return secrets, nil
}

// newTold is the consumer that tells the receiver what is recorded, nil where none is set. How far it is is kept beside
// the log: in a folder beside its file, or in its database.
func newTold(s *settings, log store.Log) (*outbox.Consumer, error) {
	if s.tellURL == "" {
		return nil, nil
	}
	secrets, err := readSecret(s.tellSecret)
	if err != nil {
		return nil, err
	}
	sender, err := outbox.NewHTTPSender(s.tellURL, &outbox.HTTPConfig{Secrets: secrets})
	if err != nil {
		return nil, fmt.Errorf("%sTELL_URL, %sTELL_SECRET_FILE: %w", prefix, prefix, err)
	}
	keeper := outbox.FileKeeper(s.log + ".consumers")
	if database, is := log.(interface{ Keeper() outbox.Keeper }); is {
		keeper = database.Keeper()
	}
	return outbox.New(log, sender, &outbox.Config{Name: toldName, Source: cmp.Or(s.origin, "checkout"), Keeper: keeper})
}

// consumers are those that the pages and the metrics show.
func (s *shop) consumers() []*outbox.Consumer {
	if s.told == nil {
		return nil
	}
	return []*outbox.Consumer{s.told}
}

// tells lets the receiver be told until ctx ends. What goes wrong with it takes no order from anybody: it is logged,
// the metrics show it, and a while later it is tried again. So it is where another process tells: with one that comes
// while another goes, either may find the place moved on, and the one that stays must not be the one that stopped.
func (s *shop) tells(ctx context.Context, again time.Duration) error {
	for s.told != nil && ctx.Err() == nil {
		err := s.told.Run(ctx)
		if ctx.Err() != nil {
			break
		}
		s.logger.Error("nobody is told what is recorded, until it goes on", "consumer", s.told.Name(), "again", again,
			"err", err)
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
	<-ctx.Done()
	return nil
}
