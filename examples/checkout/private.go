package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/viewer"
)

// privateRoutes is what staff and machines look at: the viewer with its backups, and the probes, which whoever starts
// and stops services may ask without a token; and the metrics, which Prometheus asks for with one, and profiles. Beside
// that it takes a person's decisions about what the receiver was not told.
func (s *shop) privateRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.live)
	mux.HandleFunc("GET /readyz", s.ready)
	s.profiles(mux)
	s.mends(mux)
	mux.Handle("GET /metrics", s.admitted(forThose(ourselves(s.metrics.pages))))
	mux.Handle("/", s.admitted(s.roomy(s.viewer)))
	return s.honest(mux)
}

// wholes are the paths that hand out all of the log, at once or order by order: being on the same machine is not enough
// for them.
var wholes = []string{"/log/backup", "/log/export", "/log/heads", "/log/stream"}

// admits says who may look: whoever has the token, as the command line sends it or as a browser's password; and without
// one this machine, but for what hands out all of the log.
func (s *shop) admits(r *http.Request) bool {
	if s.token != "" {
		if viewer.Bearer(s.token)(r) {
			return true
		}
		if _, password, is := r.BasicAuth(); is {
			asBearer := &http.Request{Header: http.Header{"Authorization": {"Bearer " + password}}}
			return viewer.Bearer(s.token)(asBearer)
		}
	}
	return viewer.Loopback(r) && !slices.Contains(wholes, r.URL.Path)
}

// admittedKey marks the context of a request that may look.
type admittedKey struct{}

// admitted finds out whether a request may look, once for all that is behind it. Who may not is asked for the token,
// which browsers then ask their people for; without a token the pages turn him away.
func (s *shop) admitted(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.admits(r):
			r = r.WithContext(context.WithValue(r.Context(), admittedKey{}, true))
		case s.token != "":
			w.Header().Add("WWW-Authenticate", "Bearer")
			w.Header().Add("WWW-Authenticate", `Basic realm="checkout, with the token as the password"`)
			problem.Plain(r, http.StatusUnauthorized, "this needs the token",
				"send the token that "+prefix+"TOKEN_FILE has").Write(w)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// isAdmitted is the viewer's Authorize: nobody is, but who was found to be.
func isAdmitted(r *http.Request) bool { return r.Context().Value(admittedKey{}) != nil }

// forThose turns away who may not look; the viewer does so by itself.
func forThose(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isAdmitted(r) {
			problem.Plain(r, http.StatusForbidden, "this is for the same machine",
				"set "+prefix+"TOKEN_FILE, and send its token").Write(w)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// ourselves turns away what a browser says that another site's page asks for: that site never gets to see the answer,
// but could keep the service busy. The viewer does so by itself.
func ourselves(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "same-origin", "none":
			pages.ServeHTTP(w, r)
		default:
			problem.Plain(r, http.StatusForbidden, "another site's page asks for this", "open it by its address").Write(w)
		}
	})
}

// roomy turns away a backup that could take what room the log's own file needs: it counts on as many as can be made at
// once.
func (s *shop) roomy(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/log/backup" && isAdmitted(r) {
			need := viewer.TransfersMax*s.log.Figures().Bytes + s.settings.diskMin
			folder := s.settings.backups
			if folder == "" { // it is as large as the database, and the system's folder may be memory
				problem.Plain(r, http.StatusInsufficientStorage, "there is no folder in which a backup of the database can be made",
					"set "+prefix+"BACKUPS to one on a disk with room for it, or let the database's own tools back it up").Write(w)
				return
			}
			if free, known := room(folder); known && free < uint64(need) {
				problem.Plain(r, http.StatusInsufficientStorage, fmt.Sprintf("a backup is made in %s, where %d MiB are free and "+
					"%d MiB are wanted", folder, free>>20, need>>20), "make room, or set "+prefix+"BACKUPS to another folder").Write(w)
				return
			}
		}
		pages.ServeHTTP(w, r)
	})
}

// apoKeys are APO's keys as the viewer takes them, to tell whether it signed what a page shows.
func apoKeys(keys apo.Keys) (out []audit.Key) {
	for version, key := range keys.Public {
		out = append(out, audit.Key{Version: version, Public: key})
	}
	return out
}
