// Package outbox hands a log's records on to others: to a message broker, a data warehouse, a colleague's service.
//
// The log is the outbox: what happened to an order is on record before anybody hears of it, so nothing has to be
// written twice and nothing can be told that did not happen. What is left is to tell each consumer all of it, in order,
// over restarts, and to get along with one that is slow, down, or cannot take a record. That is a [Consumer]:
//
//	sender, err := outbox.NewHTTPSender("https://warehouse.example/hooks", &outbox.HTTPConfig{Secrets: secrets})
//	…
//	consumer, err := outbox.New(log, sender, &outbox.Config{Name: "warehouse", Source: "https://shop.example/orders",
//		Keeper: outbox.FileKeeper("/var/lib/shop/outbox")})
//	…
//	err = consumer.Run(ctx) // until ctx ends
//
// # What is promised
//
// At least once: a record counts as delivered when the [Sender] says so, and how far that has come is kept. A crash
// between the two delivers up to [SaveEvery] records again; their [Message.ID] is the same then, so a receiver that
// remembers ids takes each once.
//
// In order: records come in the order of the log, one at a time. A receiver that is down holds the consumer up, with
// growing waits, and nothing is left out; consumers do not hold up one another, nor the log. A record that it has not
// answered for [Config].Patience is parked like a refused one.
//
// In one log: what is kept names the record that was delivered last. A log that does not have it there, since it was
// restored from an older copy or is another one, is [ErrElsewhere].
//
// A record that the receiver refuses ([ErrRefused]) is tried [RefusalsMax] times and then parks its order: that order's
// records stay back, in their order, and all others go on. [Consumer.Parked] lists them, [Consumer.Retry] delivers what
// stayed back, and [Consumer.Skip] leaves the refused record out, by a person's decision. [Consumer.Lag] says how far
// behind the consumer is.
//
// # What is sent
//
// Each record is a [Message], an event of CloudEvents 1.0 whose data is the record in the one JSON form that
// docs/reference/json.md specifies. It includes what APO has signed, as it was received; SECURITY.md says what personal
// data that can be. [Config.Pick] chooses which records a consumer is told.
package outbox
