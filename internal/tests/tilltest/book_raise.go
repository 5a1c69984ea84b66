package tilltest

// Raised is a notification that the authorization holds so much in all.
func (b *Book) Raised(total int64) {
	switch {
	case total == b.raisedTo:
		return
	case b.status == "paid":
		b.Trouble++
		return
	}
	b.raisedTo = max(b.raisedTo, total)
	switch {
	case b.moved:
	case b.Authorized > 0:
		b.Authorized = max(b.Authorized, b.raisedTo)
	case b.late.Authorized > 0:
		b.late.Authorized = max(b.late.Authorized, b.raisedTo)
	}
	b.placeHeld()
}

// full is what an authorization comes to: until one is known, what was ordered or a raise has told.
func (b *Book) full() int64 {
	switch {
	case b.Authorized > 0:
		return b.Authorized
	case b.moved:
		return b.amount
	}
	return max(b.amount, b.raisedTo)
}
