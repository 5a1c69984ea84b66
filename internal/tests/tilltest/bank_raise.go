package tilltest

import "github.com/tilltape/tilltape/apo"

// Raise is somebody's updateAmount: to so much in all, or it failed.
func (b *Bank) Raise(a *Account, request string, total int64, well bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := Move{ID: b.mint("inc"), Request: request, Minor: total, State: apo.StateSuccess}
	if well {
		a.Minor = total
	} else {
		m.State = apo.StateFail
	}
	a.Raises = append(a.Raises, m)
}
