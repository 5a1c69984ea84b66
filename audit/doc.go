// Package audit proves things from a log alone: no service, no gateway, no policy.
//
// [Replay] is its first room. It streams a log of any store in the order of commits, folds every order with the same
// function that ran when the log was written, and judges every record against the tables of package order. It names the
// first record that our rules cannot have written: an illegal transition, a gap, a version out of turn, a head that the
// facts do not come to. What it does not show is listed with it: policy of the day, and alterations that make another
// legal history; those are the seal's to show.
//
//	replayed, err := audit.Replay(ctx, log, nil)
//	var illegal *audit.IllegalError
//	if errors.As(err, &illegal) {
//		fmt.Println(illegal.Position, illegal.Record.Event.Kind(), illegal.Err)
//	}
package audit
