package service_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store/memory"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A service of one route: it is served, asked to cancel an order that nobody has placed, and ended.
func ExampleService_Serve() {
	server, err := apotest.NewServer(nil)
	check(err)
	defer server.Close()
	client, err := apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil)
	check(err)
	defer client.Close()
	shop, err := service.New(memory.New(), client, nil)
	check(err)
	defer shop.Close()

	mux := http.NewServeMux()
	mux.Handle("POST /notify", shop.Notifications)
	mux.HandleFunc("POST /orders/{id}/cancel", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Reason string `json:"reason"`
		}
		id, ok := shop.Command(w, r, &body)
		if !ok {
			return
		}
		result, err := shop.Orders.Cancel(r.Context(), r.PathValue("id"), order.Cancel{CommandID: id, Reason: body.Reason})
		shop.Answer(w, r, result, err, map[string]string{"words": result.Order.Words()})
	})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- shop.Serve(ctx, listener, mux) }()

	r, err := http.NewRequest(http.MethodPost, "http://"+listener.Addr().String()+"/orders/o-1/cancel",
		strings.NewReader(`{"reason":"changed their mind"}`))
	check(err)
	r.Header.Set(service.CommandHeader, "cancel-1")
	answer, err := http.DefaultClient.Do(r)
	check(err)
	check(answer.Body.Close())
	fmt.Println(answer.Status, answer.Header.Get("Content-Type"))

	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// 404 Not Found application/problem+json
	// ended: <nil>
}
