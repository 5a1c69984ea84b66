package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// heard are true answers of a small world, in the order in which they were given, and what is on record then.
func heard(t *testing.T) (c *crowd, answers map[string]told, p past) {
	w := newWorld(t)
	c = &crowd{t: t, gateway: w.apo.URL()}
	answers = map[string]told{}
	ask := func(name, path, key, body string, status int) {
		t.Helper()
		a := told{order: "o-1", path: path, key: key, sent: body, asked: c.truth.now()}
		said := w.do("POST", path, key, body)
		require.Equal(t, status, said.status, said.body)
		a.status, a.header, a.body, a.answered = said.status, said.header, said.body, c.truth.now()
		answers[name] = a
	}
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Cut},
		apotest.Fault{Op: apotest.OpCapture, From: 1, Do: apotest.Undecided}))
	ask("not known", "/orders", "pay-o-1", placeO1, http.StatusAccepted)
	ask("placed", "/orders", "pay-o-1", placeO1, http.StatusCreated)
	const ten = `{"amount":"USD 10.00"}`
	ask("too early", "/orders/o-1/capture", "early", ten, http.StatusConflict)
	require.NoError(t, w.apo.Submit("pay-o-1"))
	require.Equal(t, 1, w.apo.Deliver(t.Context()))
	ask("paid", "/orders", "pay-o-1", placeO1, http.StatusCreated)
	ask("open", "/orders/o-1/capture", "capture-o-1", ten, http.StatusAccepted)
	o, err := w.shop.Orders.Get(t.Context(), "o-1")
	require.NoError(t, err)
	w.clock.Set(o.Operation.Due)
	_, err = w.shop.Orders.SettleDue(t.Context())
	require.NoError(t, err)
	ask("captured", "/orders/o-1/capture", "capture-o-1", ten, http.StatusOK)
	ask("too late", "/orders/o-1/cancel", "late-o-1", `{"reason":"too late"}`, http.StatusConflict)
	const four = `{"amount":"USD 4.00"}`
	ask("accepted", "/orders/o-1/refund", "refund-o-1", four, http.StatusAccepted)
	require.Positive(t, w.apo.Deliver(t.Context()))
	ask("refunded", "/orders/o-1/refund", "refund-o-1", four, http.StatusOK)
	ask("captured again", "/orders/o-1/capture", "capture-o-1", ten, http.StatusOK)
	return c, answers, pastOf(t, w.log, "o-1")
}

// What the tests of kills hold answers against finds each of these lies, and nothing wrong with what was said.
func TestEveryLieIsFound(t *testing.T) {
	c, answers, p := heard(t)
	var held []holding
	for _, name := range []string{"not known", "placed", "too early", "paid", "open", "captured", "too late", "accepted",
		"refunded", "captured again"} {
		a := answers[name]
		version, lie := c.judge(&a, p, held)
		assert.Empty(t, lie, name)
		held = append(held, holding{a, version})
	}
	last := answers["captured again"].answered
	with := func(name string, change func(a *told)) told {
		a := answers[name]
		a.header = a.header.Clone()
		change(&a)
		return a
	}
	says := func(name, old, new string) told {
		return with(name, func(a *told) {
			require.Contains(t, a.body, old)
			a.body = strings.Replace(a.body, old, new, 1)
		})
	}
	later := func(name string) told { return with(name, func(a *told) { a.asked, a.answered = last+1, last+2 }) }
	for name, a := range map[string]told{
		"open after it was done":              later("open"),
		"not known after it was placed":       later("not known"),
		"accepted after it was done":          later("accepted"),
		"too early after it was done":         later("too early"),
		"placed, and not paid any more":       later("placed"),
		"captured less":                       says("captured", "USD 10.00\",\n  \"refunded", "USD 9.00\",\n  \"refunded"),
		"captured, and refunded as well":      says("captured", "USD 0.00", "USD 4.00"),
		"done otherwise than before":          with("captured again", func(a *told) { a.body += " " }),
		"done under a key that nobody knows":  with("captured", func(a *told) { a.key = "other" }),
		"nowhere to pay":                      says("placed", `"payUrl": "http`, `"payUrl": "", "x": "http`),
		"paid elsewhere":                      says("placed", c.gateway, "http://elsewhere"),
		"placed somewhere else":               with("placed", func(a *told) { a.header.Set("Location", "/orders/o-2") }),
		"refused for another reason":          says("too late", `"reason": "captured"`, `"reason": "refunded"`),
		"refused with another remedy":         says("too early", `"remedy": "`, `"remedy": "do `),
		"refused, and on record":              with("too late", func(a *told) { a.key = "capture-o-1" }),
		"refused as another kind":             says("too late", "#refused", "#conflict"),
		"refused by no problem":               with("too late", func(a *told) { a.header.Del("Content-Type") }),
		"open for no command":                 with("open", func(a *told) { a.key = "other" }),
		"open for another command":            says("open", `"commandId": "capture-o-1"`, `"commandId": "other"`),
		"open, and never to be asked":         with("open", func(a *told) { a.header.Del("Retry-After") }),
		"open without saying what to do":      says("open", `"remedy": "give it again`, `"remedy": "give it once`),
		"accepted though it was not":          says("accepted", `"refunding"`, `"captured"`),
		"a word that no answer has":           says("captured", `"words"`, `"word"`),
		"another status than the problem has": with("too late", func(a *told) { a.status = http.StatusAccepted }),
		"trouble":                             with("too late", func(a *told) { a.status = http.StatusBadGateway }),
		"not now, for no reason":              with("too late", func(a *told) { a.status = http.StatusServiceUnavailable }),
	} {
		_, lie := c.judge(&a, p, held)
		assert.NotEmpty(t, lie, name)
	}
}
