package audit

import "github.com/tilltape/tilltape/store"

// Records that are decoded where they lie, in the page that the log has filled, cost no copy. What is left of them when
// a batch has been folded is the texts that orders keep: for as long as an order is warm it has some of them, and it
// comes to rest in a copy of its own. So a page waits until most orders that have anything of it have come to rest by
// themselves, those that have not are brought to rest, and then it is filled again.

// pageKept is the size in bytes of the largest page that is used again: long messages would fill all of them.
const pageKept = 256 << 10

// pagesWait is how many pages wait: the warm orders of a log whose orders have four records each change twice in it.
const pagesWait = 32

// pages are those that wait, the one that was folded last at the end.
type pages struct {
	waiting []*store.Page
	folded  uint64            // pages so far
	again   func(*store.Page) // told of each before it is used again; nil but in tests
}

// turn takes the page that was just folded and returns one to be filled next.
func (p *replay) turn(folded *store.Page) *store.Page {
	q := &p.pages
	if folded.Size() > pageKept {
		folded = new(store.Page)
	}
	q.waiting = append(q.waiting, folded)
	q.folded++
	p.out.orders.page = q.folded
	if len(q.waiting) <= pagesWait {
		return new(store.Page)
	}
	next := q.waiting[0]
	copy(q.waiting, q.waiting[1:])
	q.waiting = q.waiting[:pagesWait]
	if len(p.waiting) > 0 || p.word != nil {
		return new(store.Page) // these have texts of records, too, and of any page: the one before is let go
	}
	p.out.orders.restBefore(q.folded - pagesWait)
	if q.again != nil {
		q.again(next)
	}
	return next
}
