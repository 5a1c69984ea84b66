package viewer

import (
	"embed"
	"html/template"
	"net/http"
	"path"
	"sync"
	"time"
)

// The names of what pages need beside themselves.
const (
	css  = "style.css"
	js   = "live.js"
	icon = "icon.svg"
)

//go:embed html assets
var embedded embed.FS

// templates are parsed for the first viewer: not everybody who links this package has one.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(functions).ParseFS(embedded, "html/*.html"))
})

// shell is what a template is given: what every page has, and its own body.
type shell struct {
	Title   string
	Log     string // whose it is
	Prefix  string
	Page    string // which one, for the navigation
	Search  string // what was searched for
	At      time.Time
	Live    bool   // it follows the log
	Follows string // the order that it follows; empty: all
	Polls   bool   // it is asked for again until what runs has ended
	Bare    bool   // it has no navigation, for whoever may see nothing
	Body    any
}

// asset serves a file that pages need.
func (v *Viewer) asset(w http.ResponseWriter, q *request) {
	name := path.Base(q.URL.Path)
	body, err := embedded.ReadFile("assets/" + name)
	if err != nil {
		v.fail(w, q, err)
		return
	}
	kind := map[string]string{css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8",
		icon: "image/svg+xml"}[name]
	write(w, http.StatusOK, kind, body)
}
