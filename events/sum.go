package events

// Kind is [KindOrderCreated].
func (OrderCreated) Kind() Kind { return KindOrderCreated }

func (OrderCreated) event() {}

// Kind is [KindPaymentPending].
func (PaymentPending) Kind() Kind { return KindPaymentPending }

func (PaymentPending) event() {}

// Kind is [KindPaymentAuthorized].
func (PaymentAuthorized) Kind() Kind { return KindPaymentAuthorized }

func (PaymentAuthorized) event() {}

// Kind is [KindPaymentPaid].
func (PaymentPaid) Kind() Kind { return KindPaymentPaid }

func (PaymentPaid) event() {}

// Kind is [KindPaymentFailed].
func (PaymentFailed) Kind() Kind { return KindPaymentFailed }

func (PaymentFailed) event() {}

// Kind is [KindPaymentRaised].
func (PaymentRaised) Kind() Kind { return KindPaymentRaised }

func (PaymentRaised) event() {}

// Kind is [KindRaiseFailed].
func (RaiseFailed) Kind() Kind { return KindRaiseFailed }

func (RaiseFailed) event() {}

// Kind is [KindCancelRequested].
func (CancelRequested) Kind() Kind { return KindCancelRequested }

func (CancelRequested) event() {}

// Kind is [KindCancelSucceeded].
func (CancelSucceeded) Kind() Kind { return KindCancelSucceeded }

func (CancelSucceeded) event() {}

// Kind is [KindCancelFailed].
func (CancelFailed) Kind() Kind { return KindCancelFailed }

func (CancelFailed) event() {}

// Kind is [KindCancelUnresolved].
func (CancelUnresolved) Kind() Kind { return KindCancelUnresolved }

func (CancelUnresolved) event() {}

// Kind is [KindCancelDated].
func (CancelDated) Kind() Kind { return KindCancelDated }

func (CancelDated) event() {}

// Kind is [KindCaptureRequested].
func (CaptureRequested) Kind() Kind { return KindCaptureRequested }

func (CaptureRequested) event() {}

// Kind is [KindCaptureAccepted].
func (CaptureAccepted) Kind() Kind { return KindCaptureAccepted }

func (CaptureAccepted) event() {}

// Kind is [KindCaptureSucceeded].
func (CaptureSucceeded) Kind() Kind { return KindCaptureSucceeded }

func (CaptureSucceeded) event() {}

// Kind is [KindCaptureFailed].
func (CaptureFailed) Kind() Kind { return KindCaptureFailed }

func (CaptureFailed) event() {}

// Kind is [KindCaptureUnresolved].
func (CaptureUnresolved) Kind() Kind { return KindCaptureUnresolved }

func (CaptureUnresolved) event() {}

// Kind is [KindRefundRequested].
func (RefundRequested) Kind() Kind { return KindRefundRequested }

func (RefundRequested) event() {}

// Kind is [KindRefundAccepted].
func (RefundAccepted) Kind() Kind { return KindRefundAccepted }

func (RefundAccepted) event() {}

// Kind is [KindRefundSucceeded].
func (RefundSucceeded) Kind() Kind { return KindRefundSucceeded }

func (RefundSucceeded) event() {}

// Kind is [KindRefundFailed].
func (RefundFailed) Kind() Kind { return KindRefundFailed }

func (RefundFailed) event() {}

// Kind is [KindRefundUnresolved].
func (RefundUnresolved) Kind() Kind { return KindRefundUnresolved }

func (RefundUnresolved) event() {}

// Kind is [KindRefundHeld].
func (RefundHeld) Kind() Kind { return KindRefundHeld }

func (RefundHeld) event() {}

// Kind is [KindAttemptStarted].
func (AttemptStarted) Kind() Kind { return KindAttemptStarted }

func (AttemptStarted) event() {}

// Kind is [KindInquiryStarted].
func (InquiryStarted) Kind() Kind { return KindInquiryStarted }

func (InquiryStarted) event() {}

// Kind is [KindInquiryAnswered].
func (InquiryAnswered) Kind() Kind { return KindInquiryAnswered }

func (InquiryAnswered) event() {}

// Kind is [KindOperationParked].
func (OperationParked) Kind() Kind { return KindOperationParked }

func (OperationParked) event() {}

// Kind is [KindOperationResolved].
func (OperationResolved) Kind() Kind { return KindOperationResolved }

func (OperationResolved) event() {}

// Kind is [KindTransferResolved].
func (TransferResolved) Kind() Kind { return KindTransferResolved }

func (TransferResolved) event() {}

// Kind is [KindAnomalyObserved].
func (AnomalyObserved) Kind() Kind { return KindAnomalyObserved }

func (AnomalyObserved) event() {}

// Kind is [KindAnomalyCleared].
func (AnomalyCleared) Kind() Kind { return KindAnomalyCleared }

func (AnomalyCleared) event() {}

// Kind is [KindCommandRefused].
func (CommandRefused) Kind() Kind { return KindCommandRefused }

func (CommandRefused) event() {}
