package viewer

import (
	"fmt"
	"html/template"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
)

// decimals is a sum in minor units with its currency's decimals, grouped; as digits of minor units where nobody knows
// how many decimals it has.
func decimals(minor *big.Int, currency string) string {
	digits, known := money.Digits(currency)
	if !known {
		return minor.String() + " minor units of " + strconv.Quote(currency)
	}
	text := new(big.Int).Abs(minor).String()
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	whole, fraction := text[:len(text)-digits], text[len(text)-digits:]
	if fraction != "" {
		whole += "." + fraction
	}
	if minor.Sign() < 0 {
		whole = "-" + whole
	}
	return currency + " " + whole
}

// minorWords is an amount of one order.
func minorWords(minor int64, currency string) string {
	return order.Money{Minor: minor, Currency: currency}.String()
}

// grouped is a number with spaces between thousands.
func grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "\u202f" + text[at:]
	}
	return text
}

// span is a duration for people: its two largest units.
func span(d time.Duration) string {
	d = d.Abs()
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return pair(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 24*time.Hour:
		return pair(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return pair(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func pair(n int, large string, m int, small string) string {
	if m == 0 {
		return fmt.Sprintf("%d %s", n, large)
	}
	return fmt.Sprintf("%d %s %d %s", n, large, m, small)
}

// ago is a time as seen from another one.
func ago(at, now time.Time) string {
	switch d := now.Sub(at).Abs(); {
	case d < time.Second:
		return "just now"
	case at.After(now):
		return "in " + span(at.Sub(now))
	}
	return span(now.Sub(at)) + " ago"
}

// times is "once", "twice" or "5 times".
func times(n uint64) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return grouped(n) + " times"
}

// moment is a time for people and for programs.
type moment struct{ Machine, Human string }

func momentOf(at time.Time) moment {
	at = at.UTC()
	return moment{at.Format(time.RFC3339Nano), at.Format("2006-01-02 15:04:05")}
}

// viaWords says how a fact reached us; empty for what we did ourselves.
func viaWords(via events.Channel) string {
	switch via {
	case events.ViaAnswer:
		return "APO's answer"
	case events.ViaNotification:
		return "APO's notification"
	case events.ViaInquiry:
		return "an inquiry"
	case events.ViaOperator:
		return "a person's word"
	}
	return ""
}

// callWords is "cancel, attempt 2" or "inquiryPayment 3"; empty for no call.
func callWords(c order.Call) string {
	switch {
	case c.Kind == order.CallNone:
		return ""
	case c.IsInquiry() && c.Number > 0:
		return fmt.Sprintf("%s %d", c.Kind, c.Number)
	case c.IsInquiry():
		return c.Kind.String()
	}
	return fmt.Sprintf("%s, attempt %d", c.Kind, c.Attempt)
}

// functions are what templates call.
var functions = template.FuncMap{
	"plain": words.Plain, "grouped": grouped, "span": span, "ago": ago, "moment": momentOf,
	"thousands": func(n int64) string { return grouped(uint64(max(n, 0))) },
}
