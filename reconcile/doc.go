// Package reconcile holds a log against APO's word, order by order, over a span of time: what an accountant asks for at
// the end of a month, and an operator after a night in which notifications were lost.
//
//	report, err := reconcile.All(ctx, log, orders, &reconcile.Config{From: from, Until: until})
//	…
//	err = report.WriteText(os.Stdout)
//
// Every order with a record in the span is inquired about once, at a bounded rate, by [tilltape.Orders.Reconcile]: what
// APO proves and the log did not have is recorded, and stands in the [Report] as a difference. An order that is as APO
// says only counts. It can take hours, so it is streamed ([Config.Each]) and can be cut off anywhere: the report it
// returns then goes on where it ended ([Config.Resume]).
//
// An auditor, who must change nothing, gives what [ReadOnly] returns in the place of the Orders: then what the log did
// not have is told and not recorded, of a backup or an export, too. `tilltape reconcile` does that.
package reconcile
