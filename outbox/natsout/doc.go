// Package natsout sends what an outbox delivers to a stream of NATS JetStream.
//
//	js, err := jetstream.New(connection)
//	…
//	sender, err := natsout.NewSender(js, &natsout.Config{Subject: "shop.orders"})
//	…
//	consumer, err := outbox.New(log, sender, &outbox.Config{…})
//
// Each record is a message under the subject Config.Subject and the fact's kind, as in
// "shop.orders.capture.succeeded.v1", so that a subscriber names the facts that it wants, by wildcards too. An order's
// id is in the message and in no subject: ids may have dots, spaces and stars. The message is an event of CloudEvents
// 1.0 as its binding to NATS has it: in structured mode one JSON document, in binary mode attributes as headers that
// begin with "ce-" and the record as the payload.
//
// # What is promised
//
// A message counts as delivered when the stream has acknowledged it. How long that lasts is the stream's: with one
// replica, and with the server's usual settings, an acknowledged message may be in no file yet when the machine goes
// down. Give the stream three replicas, or the server "sync_interval: always".
//
// Each message has an id (Nats-Msg-Id) of Config.Subject, the consumer's source and the record's id. A stream leaves
// out what it has had under this id within its window of duplicates, two minutes unless it says otherwise: what a crash
// sends again soon is there once. What comes later than that comes again; receivers that remember ids take it once.
//
// # What a stream refuses
//
// A message that is larger than the server or the stream takes is refused, and the consumer parks its order
// ([outbox.ErrRefused]). All else is a receiver that is down: no server, no stream for the subject, a stream that is
// full or is another one than Config.Stream. Connect with nats.MaxReconnects(-1), or the connection is closed for good
// after some two minutes without a server.
package natsout
