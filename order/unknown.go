package order

// Unknown returns the oldest of the order's operations whose outcome nobody knows, and whether there is one. What
// APO has accepted is none, so its [Operation].Since may be later than the OperationSince of the order's head,
// which is that of everything that is not decided.
func (o Order) Unknown() (oldest Operation, is bool) {
	for _, p := range o.Operations() {
		if p.Phase != Accepted && (!is || p.Since.Before(oldest.Since)) {
			oldest, is = p, true
		}
	}
	return oldest, is
}
