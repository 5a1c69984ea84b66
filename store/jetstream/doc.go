// Package jetstream keeps a [store.Log] on several machines without a database: a stream of NATS JetStream decides the
// order of appends, and every process makes the same log of it in a file of its own.
//
//	conn, err := nats.Connect("tls://nats.shop.example", nats.MaxReconnects(-1),
//		nats.PingInterval(5*time.Second), nats.MaxPingsOutstanding(2))
//	…
//	log, err := jetstream.Open(ctx, conn, "/var/lib/shop/orders.log", &jetstream.Config{Create: true})
//	if err != nil {
//		return err // names the log, what is wrong and what to do
//	}
//	defer log.Close()
//
// docs/guides/several-machines.md says what it rests on and where it ends, before how it is set up.
//
// # Order first, then file
//
// An append is a message of the stream, together with others that wait. It is stored by a majority of the stream's
// servers, and so has its place in one order. Every process applies that order to its own bbolt file (package
// store/bolt, whose Apply it is), message by message, by the rule of every append: the version fits and no key is
// taken, or it is refused. So frames, positions and roots are the same everywhere, and who appended is told what came
// of it once the message is applied in its own process. The file gets that soon after, many messages in one commit,
// which also says how far the file is: what a process that was killed had not filed yet, it applies again.
//
// No compare-and-set of the server's is needed, and no lock: the order decides. Nor is the server's memory of which
// messages it has had: a message that is sent again, and stored twice, is refused the second time, since its versions
// are there. A process sends nothing that is meant for a version its stream does not have yet, so what was once refused
// is refused for ever.
//
// # Reads
//
// A read asks the stream's leader how far the order is, waits until this process has applied that, and reads the file.
// All who wait share one question. Config.LocalReads leaves it out.
//
// # What is not known
//
// A confirmation that does not come leaves a doubt, which the order ends: the message is sent again, and looked for in
// what is applied, for half a minute. Then the error is store.ErrStorage, and the same append again finds out by its
// record ids. store.ErrUnavailable is told only where no server had the message, store.ErrFull where they have no room.
//
// # Costs
//
// An append waits for one way to the servers, their agreement and one way to the consumer, and for no disk of its own
// machine, and shares all of that with those beside it: up to 1024 appends, or as many as the servers' max_payload has
// room for, go in one message, and four batches are on their way at once. An append larger than that is stored in parts
// first. A read is one way to the leader and back, and then the file's. The stream is never shortened, so it takes as
// much of each server's disk as the log has frames.
package jetstream
