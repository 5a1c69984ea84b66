package jetstream_test

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/jetstream"
)

// A service opens its copy of the log. This needs servers, so it is compiled and not run.
func ExampleOpen() {
	open := func(ctx context.Context) (*jetstream.Log, error) {
		conn, err := nats.Connect("tls://nats-1.shop.example,tls://nats-2.shop.example,tls://nats-3.shop.example",
			nats.MaxReconnects(-1), nats.PingInterval(5*time.Second), nats.MaxPingsOutstanding(2))
		if err != nil {
			return nil, err
		}
		return jetstream.Open(ctx, conn, "/var/lib/shop/orders.log", &jetstream.Config{Create: true})
	}
	_ = open
}

// Two processes compare what they have made of one stream.
func ExampleLog_Agrees() {
	agree := func(ctx context.Context, log *jetstream.Log, theirs []byte, verifier *seal.Verifier) error {
		checkpoint, err := seal.Open(theirs, verifier) // what the other process's Checkpoint returned
		if err != nil {
			return err
		}
		return log.Agrees(ctx, checkpoint)
	}
	_ = agree
}
