// Package testkeys has RSA keys for tests: making one takes a tenth of a second of processor time, and the many test
// binaries of this repository would make a hundred together. They are no secret, and nothing but a test may believe
// what they sign. They say nothing about a program's own keys: apotest makes new ones for everybody who brings none.
//
// It is for tests.
package testkeys

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"strings"
	"sync"
)

// text has a key a line, PKCS#8 in base64.
//
//go:embed keys.txt
var text string

// Each key costs a few milliseconds to read, and is read once.
var merchant, apo, office, stranger = once(0), once(1), once(2), once(3)

func once(line int) func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey {
		der, err := base64.StdEncoding.DecodeString(strings.Fields(text)[line])
		if err != nil {
			panic(err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			panic(err)
		}
		return key.(*rsa.PrivateKey)
	})
}

// Merchant is the merchant's key, of 2048 bits. It is shared: change nothing in it.
func Merchant() *rsa.PrivateKey { return merchant() }

// APO is the key that APO signs with.
func APO() *rsa.PrivateKey { return apo() }

// Office is the key of an APO that answers no call and only signs, for tests that have both.
func Office() *rsa.PrivateKey { return office() }

// Stranger is the key of somebody whom nobody knows.
func Stranger() *rsa.PrivateKey { return stranger() }
