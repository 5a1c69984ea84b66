package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every page is asked for, an order's between the others, and a page that cannot be had is told.
func TestSomebodyGoesThroughTheViewer(t *testing.T) {
	asked, broken := map[string]int{}, false
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		asked[r.URL.String()]++
		if r.URL.Path == "/orders" {
			fmt.Fprint(w, `<a class="id" href="/order?id=o&#43;1">o+1</a> <a class="id" href="/order?id=o-2">o-2</a>`)
		}
	}))
	defer service.Close()
	var v viewing
	for range 2 * len(viewedPages) {
		v.next(service.URL)
	}
	assert.NoError(t, v.err)
	for _, path := range viewedPages {
		assert.Equal(t, 1, asked[path], path)
	}
	assert.Equal(t, len(viewedPages)-1, asked["/order?id=o+1"], "from the first list on")
	assert.Equal(t, 2*len(viewedPages)-1, v.pages)
	broken = true
	v.next(service.URL)
	assert.ErrorContains(t, v.err, "503")
	v.next(service.URL)
	assert.Equal(t, 2*len(viewedPages)-1, v.pages)
}
