package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An order's id is whatever the merchant's books have; in a path it is escaped, and comes back as it was.
func TestAnIDWithSlashesGoesThroughThePaths(t *testing.T) {
	for id, escaped := range map[string]string{
		"INV/2026/00001": "INV%2F2026%2F00001", "../../notify": "..%2F..%2Fnotify", "a b?c#d%2Fe": "a%20b%3Fc%23d%252Fe",
	} {
		w := newWorld(t)
		placed := w.do("POST", "/orders", "pay-1", strings.Replace(placeO1, "o-1", id, 1))
		require.Equal(t, http.StatusCreated, placed.status, placed.body)
		at := placed.header.Get("Location")
		assert.Equal(t, "/orders/"+escaped, at)
		assert.Equal(t, id, w.do("GET", at, "", "").order(t).Order)
		cancelled := w.do("POST", at+"/cancel", "click/1", `{}`)
		require.Equal(t, http.StatusOK, cancelled.status, cancelled.body)
		assert.Equal(t, "cancelled", cancelled.order(t).Status)
	}
}
