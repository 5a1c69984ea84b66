// Package apotest is an APO on loopback: real HTTP, real signatures, and the
// rules of Antom's payment orchestration, for tests of anything that speaks it.
//
//	server, err := apotest.NewServer(nil)
//	defer server.Close()
//	client, err := apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil)
//	answer := client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-1", Method: "CARD",
//		Amount: apo.Amount{Currency: "EUR", Minor: 1250}, Capture: apo.CaptureManual})
//	server.Submit("pay-1") // the buyer pays
//
// A test that is not about the pay call may put a payment there with [Server.Register].
//
// It reads the protocol with its own eyes: of package apo it uses keys and
// signatures alone. A client that was written without knowing it works too; it
// needs the URL, the client id and two keys ([Server.WriteKeys]).
//
// # What it serves
//
// POST /ams/api/v1/payments/{op}, and /ams/sandbox/api/v1/payments/{op} for a
// client id that starts with SANDBOX_, where op is pay, createPaymentSession,
// cancel, capture, refund, inquiryPayment or inquiryRefund. The path is signed as
// received. What is wrong
// with path, method, media type or signature is answered unsigned, with HTTP
// status 4xx and a gateway's code such as INVALID_SIGNATURE; everything else is
// signed, with status 200.
//
// # Rules
//
// What the pay call asks for with paymentFactor.isAuthorization is authorized and
// then captured, by APO itself (automatic capture, which is the default, is in
// process until [Server.FinishCapture] or [Behaviour].SettleAfter) or by the
// merchant (captureMode MANUAL): PayPal or Pay by bank, for instance, and any other
// method too, though at APO not every one can be. CARD, APPLEPAY and GOOGLEPAY are
// always authorized first. Everything else is paid in one step. In
// [Server.Register] a capture mode asks for an authorization.
//
// Once authorized, a payment has the same rules whatever its method; only the time
// to cancel it is the method's, counted from the authorization.
//
//   - pay: PAYMENT_IN_PROCESS with a normalUrl until the buyer acts; the same
//     request again is answered by what became of the payment, another one under
//     its paymentRequestId is REPEAT_REQ_INCONSISTENT. It takes amount, method,
//     whether to authorize and who captures, the time to pay and the notify URL;
//     what else APO's pay call has is let through unread.
//   - cancel: ORDER_NOT_EXIST; ORDER_IS_CLOSED for a failed or expired payment;
//     PROCESS_FAIL after any refund or capture; ORDER_STATUS_INVALID during a
//     capture; PAYMENT_METHOD_NOT_SUPPORTED or CANCEL_WINDOW_EXCEED by the
//     payment's [Window]; a cancelled payment gets its first S again.
//   - capture: AUTH_NOT_FOUND, AUTH_EXPIRED, AUTH_CANCELLED, ORDER_IS_CANCELED,
//     ORDER_STATUS_INVALID, CURRENCY_NOT_SUPPORT, MULTI_CAPTURE_NOT_SUPPORTED,
//     CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT. What is left after one with isLastCapture is
//     let go, as a VOID that inquiryPayment lists, and AUTH_CANCELLED meets the next.
//     It may be of zero where the payment's contract says so ([Payment].ZeroCapture).
//   - refund: ORDER_NOT_EXIST, ORDER_IS_CLOSED, ORDER_STATUS_INVALID where nothing
//     is paid or captured, REFUND_NOT_SUPPORTED, CURRENCY_NOT_SUPPORT,
//     REFUND_WINDOW_EXCEED, REFUND_AMOUNT_EXCEED, PARTIAL_REFUND_NOT_SUPPORTED,
//     MULTIPLE_REFUNDS_NOT_SUPPORTED. S only accepts it. What a dispute took cannot
//     be refunded; one that is open refuses nothing here, since APO does not say so.
//   - A raise of an authorization ([Server.RaiseAuthorization]; its call is not
//     served): INCREMENTAL_NOT_SUPPORT after a capture and the tenth raise, and what
//     a capture is refused with. The new total is what can be captured then.
//   - A captureRequestId or refundRequestId gets its final answer again for ever,
//     and REPEAT_REQ_INCONSISTENT with other content, until [Server.ForgetKeys].
//   - inquiryPayment and inquiryRefund: ACCESS_DENIED for an account that
//     [Server.DenyInquiries] named.
//   - A merchantAccountId that is not the payment's makes a cancel or an inquiry
//     find nothing: ORDER_NOT_EXIST, REFUND_NOT_EXIST.
//   - What is missing, malformed or beyond its bound is PARAM_ILLEGAL.
//
// An unpaid payment fails when its time is over, an authorization is let go 7 days
// after it was made, both by [Config].Now. Where APO's documentation is silent,
// [Behaviour] chooses.
//
// # Buyer, dashboard, ledger
//
// Methods play those whom the merchant does not command: [Server.Submit],
// [Server.PayLate] after a cancel, [Server.Decline], [Server.Expire],
// [Server.DashboardRefund], [Server.RaiseAuthorization], [Server.FailCapture],
// [Server.FailRefund], [Server.FailPayment], [Server.OpenDispute] and others. [Server.Calls] holds
// every call that came over the wire, [Server.Ledger] all money that moved: with
// them a test can say "APO was never called" and "the money agrees".
//
// # Notifications
//
// Results of payments, raises, captures and refunds are notified, cancels never, and
// disputes from [Server.OpenDispute] to [Server.EndDispute]. [Server.Tell] sends
// what APO calls for otherwise: of any type, with any content. They go
// to [Config].NotifyURL or the URL a request named, if it is on loopback, until
// acknowledged, at most eight times ([Server.Deliver]). A test without a listener
// takes them signed with [Server.TakeNotifications], and may hand them over twice
// or in another order.
//
// # Scripts
//
// A script makes calls go wrong, as [Fault] values or as text, one fault a line:
//
//	# op          calls  what            [before|after] [for ID]
//	cancel        1      unknown                          # U, and nothing was done
//	cancel        2-3    timeout after   for pay-1        # done, but the client never hears of it
//	refund        *      status 503 before
//	capture       1      fail PROCESS_FAIL
//	notifyRefund  1      duplicate 2
//
// The op is one of those above, notifyPayment, notifyCapture, notifyRefund,
// notifyDispute, notification (of [Server.Tell]), or * for every call. Calls count
// from 1 from when the fault was armed, over the calls that fit op and ID: 2, 2-4
// or * for all. ID is any id that the call gives or its payment has. # begins a
// comment.
//
//	unknown [CODE]   answer U, UNKNOWN_EXCEPTION where no code is given
//	timeout          hold the connection until the client gives up
//	cut              close the connection
//	status NNN       answer that HTTP status, unsigned
//	fail CODE        answer F with that code; nothing is done
//	unsigned, bad-signature, truncated, oversized, not-json
//	                 do the work and spoil the answer so
//	delay TIME       wait first, for instance 2s
//	in-process       leave a capture or refund in process and answer U
//	forget-keys      forget all request ids first
//	duplicate [N]    send a notification N times more
//	reorder          send it after the next one
//	lose             never send it
//
// The first four strike before the work, or after it where the line says so.
// Notifications know delay, bad-signature and the last three. All delays and
// forget-keys of a call strike, and of the others the first in the script.
//
// As JSON a script is a list of the same words:
//
//	[{"op": "cancel", "calls": "2-3", "do": "timeout after", "for": "pay-1"}]
//
// # As a process
//
// [Server.ControlHandler] lets a shell play, under /_control/ on the same
// listener:
//
//	POST register               with a Payment as JSON: one without a pay call;
//	                            "capture": "MANUAL" authorizes it, whatever its method
//	POST submit/ID, pay-late/ID, pend/ID, decline/ID, expire/ID, void/ID
//	POST fail-capture/ID, fail-refund/ID, fail-payment/ID        what was done is taken back
//	POST correct/ID                                 ?amount=800, what the payment is of after all
//	POST finish-capture/ID, finish-refund/ID, finish-raise/ID    ?ok=false lets it fail
//	POST deny-inquiries/ID                          ?ok=false answers them again
//	POST refund/ID, capture/ID                      ?amount=500, at the dashboard
//	POST raise/ID, start-raise/ID                   ?amount=1500, all that is to be held
//	POST dispute/ID                                 ?amount=500&defendable=false&type=T&code=C&reason=R
//	POST alert-dispute/DISPUTE, defend-dispute/DISPUTE
//	POST end-dispute/DISPUTE                        ?outcome=ACCEPT_BY_MERCHANT&amount=500
//	POST script                 with a script; DELETE script; POST forget-keys
//	GET  payment/ID, ledger, totals, calls, notifications
//
// A server listens on and sends to loopback only. Everything here is safe for
// concurrent use.
package apotest
