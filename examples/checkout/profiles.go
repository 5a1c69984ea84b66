package main

import (
	"net/http"
	"net/http/pprof"
)

// profiles are for go tool pprof: what the processor does and what is in memory, for whom the pages are.
func (s *shop) profiles(mux *http.ServeMux) {
	mux.Handle("GET /debug/pprof/", s.admitted(forThose(ourselves(http.HandlerFunc(pprof.Index)))))
	mux.Handle("GET /debug/pprof/profile", s.admitted(forThose(ourselves(http.HandlerFunc(pprof.Profile)))))
}
