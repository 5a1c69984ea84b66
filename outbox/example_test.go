package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store/memory"
)

// A consumer tells a receiver of all that happens, in order. This one refuses a record: its order stays back, and the
// others go on, until somebody has seen to it.
func ExampleConsumer() {
	folder, err := os.MkdirTemp("", "outbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	log := memory.New()
	for i, order := range []string{"till-7", "till-8", "till-7"} {
		version, at := uint64(i/2), time.Date(2026, 11, 29, 12, 0, i, 0, time.UTC)
		_, err := log.Append(context.Background(), events.OrderStream(order), version, events.Record{
			ID: fmt.Sprintf("record-%d", i+1), Recorded: at, Occurred: at, Event: events.PaymentPending{}})
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	mended := false
	ctx, stop := context.WithCancel(context.Background())
	receiver := outbox.SenderFunc(func(_ context.Context, m outbox.Message) error {
		if m.Subject == "till-7" && !mended {
			return fmt.Errorf("%w: nobody has told us of this order", outbox.ErrRefused)
		}
		fmt.Println("got", m.Subject, m.Type, m.ID)
		if m.Subject == "till-8" {
			stop()
		}
		return nil
	})
	consumer, err := outbox.New(log, receiver, &outbox.Config{Name: "warehouse", Source: "https://shop.example/orders",
		Keeper: outbox.FileKeeper(folder), Waits: []time.Duration{time.Millisecond}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ended by us:", errors.Is(consumer.Run(ctx), context.Canceled))

	parked, err := consumer.Parked(context.Background())
	fmt.Println(parked[0].Stream.ID, "stays back from version", parked[0].Version, err)
	mended = true
	fmt.Println(consumer.Retry(context.Background(), parked[0].Stream))
	lag, err := consumer.Lag(context.Background())
	fmt.Println(lag.Records, "behind", err)

	// Output:
	// got till-8 com.github.tilltape.payment.pending.v1 record-2
	// ended by us: true
	// till-7 stays back from version 1 <nil>
	// got till-7 com.github.tilltape.payment.pending.v1 record-1
	// got till-7 com.github.tilltape.payment.pending.v1 record-3
	// <nil>
	// 0 behind <nil>
}

// A receiver that checks what it is sent needs the secret and any library of Standard Webhooks.
func ExampleNewHTTPSender() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Content-Type"), len(r.Header.Get("webhook-signature")) > 0)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()

	sender, err := outbox.NewHTTPSender(receiver.URL+"/hooks/orders", &outbox.HTTPConfig{
		Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, // from a file, never from the source
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sender.Send(context.Background(), outbox.Message{ID: "record-1", Source: "https://shop.example/orders",
		Type: outbox.TypePrefix + "payment.pending.v1", Data: []byte("{}")}))

	// Output:
	// application/cloudevents+json; charset=UTF-8 true
	// <nil>
}
