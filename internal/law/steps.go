package law

import (
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// Step is what moves the operation.
type Step uint8

// The steps. Intent, accepted, unresolved and ended stand for the four facts of whichever operation is outstanding
// (cancel has no accepted).
const (
	StepIntent     Step = iota
	StepAttempt         // the next attempt
	StepAccepted        // APO works on it
	StepUnresolved      // an attempt's outcome is not known
	StepAskAgain        // an inquiry allows the same ids again
	StepParked          // given to a person
	StepEnded
)

type stepRow struct {
	step  Step
	words string
	from  []Phase
	to    Phase
	facts []events.Kind // what stands on record for it
}

// stepRows is the machine of an operation.
var stepRows = []stepRow{
	{StepIntent, "intent", []Phase{Idle}, Requested,
		[]events.Kind{events.KindCancelRequested, events.KindCaptureRequested, events.KindRefundRequested}},
	{StepAttempt, "next attempt", []Phase{Requested, Unresolved}, Requested, []events.Kind{events.KindAttemptStarted}},
	{StepAccepted, "APO works on it", []Phase{Requested, Accepted, Unresolved}, Accepted,
		[]events.Kind{events.KindCaptureAccepted, events.KindRefundAccepted}},
	{StepUnresolved, "outcome unknown", []Phase{Requested, Unresolved, Accepted}, Unresolved,
		[]events.Kind{events.KindCancelUnresolved, events.KindCaptureUnresolved, events.KindRefundUnresolved}},
	{StepAskAgain, "inquiry allows the same ids", []Phase{Requested, Accepted, Unresolved}, Unresolved,
		[]events.Kind{events.KindInquiryAnswered}},
	{StepParked, "given to a person", []Phase{Requested, Accepted, Unresolved}, Parked,
		[]events.Kind{events.KindOperationParked}},
	{StepEnded, "ended", []Phase{Requested, Accepted, Unresolved, Parked}, Idle,
		[]events.Kind{events.KindCancelSucceeded, events.KindCancelFailed, events.KindCaptureSucceeded,
			events.KindCaptureFailed, events.KindRefundSucceeded, events.KindRefundFailed}},
}

const stepCount = int(StepEnded) + 1

// String is the step in words.
func (s Step) String() string {
	for i := range stepRows {
		if stepRows[i].step == s {
			return stepRows[i].words
		}
	}
	return "unknown"
}

// GatewayEvent is what moves the gateway capture.
type GatewayEvent uint8

// The events of a gateway capture.
const (
	EventOpened GatewayEvent = iota
	EventCaptured
	EventFailed
	EventVoided
	EventTakenBack
)

var gatewayEventNames = [...]string{"payment authorized, automatic", "captured", "capture failed", "payment cancelled",
	"capture taken back"}

const gatewayEventCount = len(gatewayEventNames)

// String is the event in words.
func (e GatewayEvent) String() string { return words.Of(gatewayEventNames[:], e) }

type gatewayRow struct {
	event GatewayEvent
	from  []GatewayCapture
	to    GatewayCapture
}

// gatewayRows is the machine of the gateway capture.
var gatewayRows = []gatewayRow{
	{EventOpened, []GatewayCapture{GatewayNone}, GatewayOutstanding},
	{EventCaptured, []GatewayCapture{GatewayOutstanding, GatewayFailed}, GatewayNone},
	{EventFailed, []GatewayCapture{GatewayOutstanding}, GatewayFailed},
	{EventVoided, []GatewayCapture{GatewayOutstanding, GatewayFailed}, GatewayNone},
	{EventTakenBack, []GatewayCapture{GatewayNone}, GatewayFailed},
}
