package natsout_test

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/outbox/natsout"
	"github.com/tilltape/tilltape/store"
)

// A service delivers every fact to a stream. This needs a server, so it is compiled and not run.
func ExampleNewSender() {
	deliver := func(ctx context.Context, log store.Reader) error {
		connection, err := nats.Connect("tls://nats.shop.example", nats.MaxReconnects(-1))
		if err != nil {
			return err
		}
		defer connection.Close()
		js, err := jetstream.New(connection)
		if err != nil {
			return err
		}
		sender, err := natsout.NewSender(js, &natsout.Config{Subject: "shop.orders", Stream: "ORDERS"})
		if err != nil {
			return err
		}
		warehouse, err := outbox.New(log, sender, &outbox.Config{Name: "warehouse", Source: "https://shop.example/orders",
			Keeper: outbox.FileKeeper("/var/lib/shop/outbox")})
		if err != nil {
			return err
		}
		return warehouse.Run(ctx) // until ctx ends
	}
	_ = deliver
}
