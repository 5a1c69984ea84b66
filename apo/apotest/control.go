package apotest

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/apo"
)

// ControlPath begins all paths of [Server.ControlHandler].
const ControlPath = "/_control/"

// ControlHandler plays buyer, dashboard and script over HTTP, so that a shell
// can drive a simulator that runs as a process. The package documentation lists
// its calls. It obeys every program that reaches it: serve it on loopback alone. What a web
// page in a browser sends is refused.
func (s *Server) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+ControlPath+"register", s.controlRegister)
	for name, play := range map[string]func(string) error{
		"submit": s.Submit, "pay-late": s.PayLate, "pend": s.Pend, "decline": s.Decline, "expire": s.Expire,
		"fail-capture": s.FailCapture, "fail-refund": s.FailRefund, "void": s.VoidAuthorization,
		"fail-payment": s.FailPayment,
	} {
		mux.HandleFunc("POST "+ControlPath+name+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			s.controlled(w, r, play(r.PathValue("id")))
		})
	}
	for name, finish := range map[string]func(string, bool) error{
		"finish-capture": s.FinishCapture, "finish-refund": s.FinishRefund, "finish-raise": s.FinishRaise,
		"deny-inquiries": s.DenyInquiries,
	} {
		mux.HandleFunc("POST "+ControlPath+name+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			s.controlled(w, r, finish(r.PathValue("id"), r.FormValue("ok") != "false"))
		})
	}
	for name, move := range map[string]func(string, int64) (string, error){
		"refund": s.DashboardRefund, "capture": s.DashboardCapture, "raise": s.RaiseAuthorization,
		"start-raise": s.StartRaise,
		"correct":     func(id string, minor int64) (string, error) { return id, s.CorrectPayment(id, minor) },
	} {
		mux.HandleFunc("POST "+ControlPath+name+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			minor, err := strconv.ParseInt(r.FormValue("amount"), 10, 64)
			if err != nil {
				controlError(w, http.StatusBadRequest, "amount is no count of minor units: add ?amount=500")
				return
			}
			_, err = move(r.PathValue("id"), minor)
			s.controlled(w, r, err)
		})
	}
	s.controlDisputes(mux)
	s.controlReading(mux)
	return localOnly(mux)
}

// controlDisputes adds what buyers and acquirers do about disputes.
func (s *Server) controlDisputes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+ControlPath+"dispute/{id}", func(w http.ResponseWriter, r *http.Request) {
		minor, err := amountOf(r)
		id := ""
		if err == nil {
			id, err = s.OpenDispute(r.PathValue("id"), Dispute{Minor: minor, Undefendable: r.FormValue("defendable") == "false",
				Type: r.FormValue("type"), ReasonCode: r.FormValue("code"), Reason: r.FormValue("reason")})
		}
		disputeControlled(w, id, err)
	})
	for name, play := range map[string]func(string) error{
		"alert-dispute": s.AlertDispute, "defend-dispute": s.DefendDispute,
	} {
		mux.HandleFunc("POST "+ControlPath+name+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			disputeControlled(w, r.PathValue("id"), play(r.PathValue("id")))
		})
	}
	mux.HandleFunc("POST "+ControlPath+"end-dispute/{id}", func(w http.ResponseWriter, r *http.Request) {
		minor, err := amountOf(r)
		if err == nil {
			err = s.EndDispute(r.PathValue("id"), apo.DisputeOutcome(r.FormValue("outcome")), minor)
		}
		disputeControlled(w, r.PathValue("id"), err)
	})
}

// amountOf reads the count of minor units that a control may have.
func amountOf(r *http.Request) (int64, error) {
	text := r.FormValue("amount")
	if text == "" {
		return 0, nil
	}
	minor, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errors.New("amount is no count of minor units: write ?amount=500")
	}
	return minor, nil
}

func disputeControlled(w http.ResponseWriter, disputeID string, err error) {
	switch {
	case errors.Is(err, ErrPlay):
		controlError(w, http.StatusConflict, err.Error())
	case err != nil:
		controlError(w, http.StatusBadRequest, err.Error())
	default:
		controlAnswer(w, map[string]string{"disputeId": disputeID})
	}
}

// controlReading adds what shows the server, and its script.
func (s *Server) controlReading(mux *http.ServeMux) {
	mux.HandleFunc("GET "+ControlPath+"payment/{id}",
		func(w http.ResponseWriter, r *http.Request) { s.controlled(w, r, nil) })
	mux.HandleFunc("GET "+ControlPath+"ledger", func(w http.ResponseWriter, _ *http.Request) {
		controlAnswer(w, append([]Entry{}, s.Ledger()...)) // [] and not null while nothing moved
	})
	mux.HandleFunc("GET "+ControlPath+"totals",
		func(w http.ResponseWriter, _ *http.Request) { controlAnswer(w, s.AllTotals()) })
	mux.HandleFunc("GET "+ControlPath+"calls",
		func(w http.ResponseWriter, _ *http.Request) { controlAnswer(w, shownCalls(s.Calls())) })
	mux.HandleFunc("GET "+ControlPath+"notifications", func(w http.ResponseWriter, _ *http.Request) {
		controlAnswer(w, shownNotifications(s.Notifications()))
	})
	mux.HandleFunc("POST "+ControlPath+"script", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, scriptMax))
		if err != nil {
			controlError(w, http.StatusRequestEntityTooLarge, "the script is too large")
			return
		}
		faults, err := ParseScript(text)
		if err == nil {
			err = s.Script(faults...)
		}
		if err != nil {
			controlError(w, http.StatusBadRequest, err.Error())
			return
		}
		controlAnswer(w, map[string]int{"armed": len(faults)})
	})
	mux.HandleFunc("DELETE "+ControlPath+"script", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearScript()
		controlAnswer(w, map[string]int{"armed": 0})
	})
	mux.HandleFunc("POST "+ControlPath+"forget-keys", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetKeys()
		controlAnswer(w, map[string]bool{"forgotten": true})
	})
}

// shownCall and shownNotification show bodies as text, where encoding/json would
// write base64.
type shownCall struct {
	Call
	Body   string `json:"body"`
	Answer string `json:"answer"`
}

type shownNotification struct {
	Notification
	Body string `json:"body"`
}

func shownCalls(calls []Call) []shownCall {
	shown := make([]shownCall, len(calls))
	for i, c := range calls {
		shown[i] = shownCall{c, string(c.Body), string(c.Answer)}
	}
	return shown
}

func shownNotifications(list []Notification) []shownNotification {
	shown := make([]shownNotification, len(list))
	for i, n := range list {
		shown[i] = shownNotification{n, string(n.Body)}
	}
	return shown
}

func (s *Server) controlRegister(w http.ResponseWriter, r *http.Request) {
	var p Payment
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		controlError(w, http.StatusBadRequest, "not a payment in JSON: "+err.Error())
		return
	}
	made, err := s.Register(p)
	if err != nil {
		controlError(w, http.StatusConflict, err.Error())
		return
	}
	controlAnswer(w, made)
}

// controlled answers a play with how the payment stands after it.
func (s *Server) controlled(w http.ResponseWriter, r *http.Request, err error) {
	id := r.PathValue("id")
	status := s.Status(id)
	switch {
	case status == "":
		controlError(w, http.StatusNotFound, playError(id, "found", "nobody called pay for it or registered it").Error())
	case errors.Is(err, ErrPlay):
		controlError(w, http.StatusConflict, err.Error())
	default:
		controlAnswer(w, map[string]any{"id": id, "status": status, "totals": s.Totals(id)})
	}
}

// localOnly refuses what a web page could send: a host name that is not
// loopback's, as DNS rebinding makes it, or an Origin.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !isLoopback(strings.Trim(host, "[]")) || r.Header.Get("Origin") != "" {
			controlError(w, http.StatusForbidden, "controls answer programs on this machine only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func controlAnswer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", jsonType)
	_ = json.NewEncoder(w).Encode(value)
}

func controlError(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": reason})
}
