package apo

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A log leaves out what an error quotes, so what is the matter has to stand outside the quotes.
func TestTheLinesTroubleIsNamed(t *testing.T) {
	for want, err := range map[string]error{
		"the gateway's name is not resolved: ":        &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host"}},
		"the gateway's certificate is not accepted: ": &tls.CertificateVerificationError{Err: errors.New("expired")},
		"nobody takes connections there: ":            &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"the connection was cut: ":                    fmt.Errorf("reading: %w", io.EOF),
		"":                                            errors.New("a secret of anybody's"),
	} {
		assert.Equal(t, want, lineTrouble(err))
	}
}
