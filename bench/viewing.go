package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
)

// viewing is somebody who has the service's viewer open: each turn asks for the next of its pages, whole, as a browser
// does whose owner goes from one to the next.
type viewing struct {
	client http.Client // a page that takes longer than a shopper would wait is an error
	turn   int
	order  string // the path of an order's page, as the newest list had it; empty: none had one
	pages  int    // that were handed out
	err    error  // the first that could not be had
}

// viewedPages are the viewer's pages that need no id; between any two of them the page of an order is asked for.
var viewedPages = []string{"/", "/orders", "/orders?only=open", "/orders?only=due", "/search?q=nobody", "/log"}

// orderLink is how a list names an order's page.
var orderLink = regexp.MustCompile(`href="(/order\?id=[^"]+)"`)

// next asks for a page. What went wrong once is kept, and nothing is asked any more.
func (v *viewing) next(service string) {
	if v.err != nil {
		return
	}
	path := viewedPages[v.turn/2%len(viewedPages)]
	if v.turn++; v.turn%2 == 0 {
		if path = v.order; path == "" {
			return
		}
	}
	page, err := v.read(service + path)
	if err != nil {
		v.err = err
		return
	}
	v.pages++
	if link := orderLink.FindSubmatch(page); link != nil && path != v.order {
		v.order = html.UnescapeString(string(link[1]))
	}
}

func (v *viewing) read(url string) (page []byte, err error) {
	answer, err := v.client.Get(url)
	if err != nil {
		return nil, err
	}
	page, err = io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the viewer: %s: %s: %.200s", url, answer.Status, page)
	}
	return page, err
}
