package main

import (
	"net/http"
	"slices"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/viewer"
)

// privateRoutes is what staff and machines look at: the viewer with its backups, and the probes, which whoever starts
// and stops services may ask without a token; and the metrics, which Prometheus asks for with one.
func (s *shop) privateRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.live)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.challenged(s.admitted(s.metrics.pages)))
	mux.Handle("/", s.challenged(s.viewer))
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

// admitted turns away who may not look; the viewer does so by itself.
func (s *shop) admitted(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.admits(r) {
			problem.Plain(r, http.StatusForbidden, "this is for the same machine",
				"set "+prefix+"TOKEN_FILE, and send its token").Write(w)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// challenged asks who may not look for the token, which browsers then ask their people for.
func (s *shop) challenged(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.token != "" && !s.admits(r) {
			w.Header().Add("WWW-Authenticate", "Bearer")
			w.Header().Add("WWW-Authenticate", `Basic realm="checkout, with the token as the password"`)
			problem.Plain(r, http.StatusUnauthorized, "this needs the token",
				"send the token that "+prefix+"TOKEN_FILE has").Write(w)
			return
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
