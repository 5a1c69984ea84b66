// Package viewer shows a log in a browser: what is due, stuck and open, each order with its whole story, and the log
// itself. It is an http.Handler that a team mounts in its own service, since a log's file belongs to that process:
//
//	pages, err := viewer.New(log, &viewer.Config{Prefix: "/tilltape", Authorize: ours})
//	if err != nil {
//		return err
//	}
//	defer pages.Close()
//	mux.Handle("/tilltape/", pages)
//
// It reads and changes nothing: there is no form that does, and what is neither GET nor HEAD is refused. Pages work
// without JavaScript; with it, lists and the overview follow the log by themselves.
//
// # Who may see it
//
// An order's page has what APO's messages have, which can be personal data (SECURITY.md says what). [Config.Authorize]
// says who may see it. Without one only requests from the same machine are answered: see [Loopback] for what that
// means, and what a proxy on the same machine makes of it.
//
// # The same for programs
//
// Every page is a JSON document too, in the form of docs/reference/json.md: with ".json" behind its path, or asked for
// with "Accept: application/json". What goes wrong is then an application/problem+json. docs/guides/viewer.md tells the
// paths.
//
// # What it costs
//
// A page is a few reads by the log's indexes; docs/reference/performance.md has what they take among a million orders.
// The overview's sums by status and currency, its refusals by reason and its charts are counted once, in the
// background, from the first time that a page of the viewer is asked for, and then follow the log; meanwhile the page
// says how far that is. That is one pass over the log on one goroutine, at about the speed of a replay.
// Verifying is done when somebody asks for it, one at a time.
package viewer
