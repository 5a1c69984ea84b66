package viewer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/viewer"
)

// A viewer is mounted where the service has its pages for people, behind what says who they are.
func ExampleNew() {
	log := memory.New()
	defer func() { _ = log.Close() }()
	signedIn := func(r *http.Request) bool { return r.Header.Get("X-Signed-In") == "operations" } // yours
	pages, err := viewer.New(log, &viewer.Config{Prefix: "/tilltape", Title: "shop.example", Authorize: signedIn})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = pages.Close() }()
	mux := http.NewServeMux()
	mux.Handle("/tilltape/", pages)

	for _, who := range []string{"nobody", "operations"} {
		r := httptest.NewRequest(http.MethodGet, "/tilltape/orders.json", nil)
		r.Header.Set("X-Signed-In", who)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(who, w.Code)
	}
	fmt.Printf("%s\n", ask(mux))
	// Output:
	// nobody 403
	// operations 200
	// {"orders":[]}
}

func ask(handler http.Handler) []byte {
	r := httptest.NewRequest(http.MethodGet, "/tilltape/orders.json", nil)
	r.Header.Set("X-Signed-In", "operations")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Body.Bytes()[:len(w.Body.Bytes())-1]
}

// Without Authorize only this machine is answered.
func ExampleLoopback() {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/", nil)
	r.RemoteAddr = "127.0.0.1:50000"
	fmt.Println(viewer.Loopback(r))
	r.Header.Set("X-Forwarded-For", "203.0.113.9") // a proxy on this machine asks for somebody else
	fmt.Println(viewer.Loopback(r))
	// Output:
	// true
	// false
}
