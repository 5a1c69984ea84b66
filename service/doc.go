// Package service is what every HTTP service has around an Orders: it reads commands, answers how they ended, hears
// APO, settles in the background, and ends in the order in which nothing is lost. The routes, and what an order looks
// like to your callers, stay yours.
//
//	shop, err := service.New(log, client, nil)
//	if err != nil {
//		return err
//	}
//	defer shop.Close()
//	mux := http.NewServeMux()
//	mux.Handle("POST /notify", shop.Notifications)
//	mux.HandleFunc("POST /orders/{id}/refund", func(w http.ResponseWriter, r *http.Request) {
//		var body struct{ Amount order.Money `json:"amount"` }
//		id, ok := shop.Command(w, r, &body)
//		if !ok {
//			return
//		}
//		result, err := shop.Orders.Refund(r.Context(), r.PathValue("id"), order.Refund{CommandID: id, Amount: body.Amount})
//		shop.Answer(w, r, result, err, view(result.Order))
//	})
//	return shop.Serve(ctx, listener, mux)
//
// docs/start/your-own-service.md builds a whole service on it. A program that has a server and a way of ending already
// uses tilltape, notify and problem directly, which is all that this package does.
//
// # Reading
//
// [Service.Command] takes the command's id from the header Idempotency-Key, so that a command that is repeated is not
// done twice, and its body as [Service.Read] does: one JSON object of [DefaultBodyMax] bytes at most, with
// known fields, each spelled as it is and there once.
// What is not, is answered with a problem that says what is wrong, and nothing is done.
//
// # Answering
//
// [Service.Answer] tells a command's end with package problem, and logs what is the service's own trouble and not the
// caller's: of that the caller is told nothing. [Service.Failed] does so for what has no result, such as a read.
//
// # Serving and ending
//
// [Service.Serve] serves and settles until its context ends, or until one of the two does: a service that no longer
// settles would go on answering and never learn what is unknown. Then it takes nothing new, and what is under way gets
// the time that a command takes at the most. The log is the caller's, and is closed after the Service.
package service
