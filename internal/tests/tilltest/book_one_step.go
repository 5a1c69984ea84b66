package tilltest

import "slices"

// paidBesideCaptures: all was paid at once, so that what was captured before that was known cannot have been.
func (b *Book) paidBesideCaptures() {
	if b.status == "captured" {
		b.status = "paid"
	}
	b.Authorized, b.Captured, b.moved = b.amount, b.amount, true
	b.noCaptures()
}

// noCaptures: none of the captures counts; they may stand.
func (b *Book) noCaptures() {
	if len(b.captures) > 0 {
		b.Trouble++
	}
	b.strange, b.captures = slices.Concat(b.strange, b.captures), nil
}
