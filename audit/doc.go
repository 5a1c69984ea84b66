// Package audit proves things from a log alone: no service, no gateway, no policy.
//
// [Verify] is for whoever has to say whether a log can be relied on: it goes on after what is wrong, holds the log
// against checkpoints, APO's keys and a settlement, and reports what of it is proven; [VerifyDamaged] does so for a
// file that does not open as a log any more. [Replay] is for whoever wants the orders: it ends at the first record that
// is not good. It streams a log of any store in the order of commits, folds
// every order with the same function that ran when the log was written, and judges every record against the tables of
// package order. It names the first record that our rules cannot have written: an illegal transition, a gap, a version
// out of turn, a head that the facts do not come to. Where the log has a seal, every record is held against it first,
// so that one whose reason or person was changed, which breaks no rule, is found where it stands. A fact that came from
// APO must say what APO's message says that is kept with it, ids, amounts, times and codes: so a smaller refund in the
// record than in the message is found even where every hash was made anew. What a replay does not show is the policy of
// the day, whether the messages' signatures are APO's ([apo.Evidence.Verify] does), and a history that was rewritten
// together with its seal; that shows only beside a checkpoint kept elsewhere.
//
// [At] is a replay up to a time or a position, [History] the timeline of one order, and [Diff] what is different
// between two logs, or between one log then and now. [ExportTiles] writes what any client of C2SP's tlog-tiles can
// read.
//
// [Prove] makes a file of one order for a third party, who needs nothing but the public key to read what became of it
// and to see that nothing of it was left out ([VerifyProof]).
//
//	replayed, err := audit.Replay(ctx, log, nil)
//	var illegal *audit.IllegalError
//	if errors.As(err, &illegal) {
//		fmt.Println(illegal.Position, illegal.Record.Event.Kind(), illegal.Err)
//	}
package audit
