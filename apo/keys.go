package apo

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

const (
	// KeyBitsMin is the shortest RSA modulus accepted, in bits.
	KeyBitsMin = 2048
	// keyTextMax bounds the text of a key, in bytes; a 16384-bit key needs 13 KiB.
	keyTextMax = 32 << 10
)

const (
	privateKeyName = "private key"
	publicKeyName  = "public key"
	privateRemedy  = "give an RSA key in PKCS#8, as PEM or bare base64"
	publicRemedy   = "give an RSA key in SPKI form, as PEM or bare base64"
)

// ParsePrivateKey reads an RSA private key in PKCS#8, as PEM ("PRIVATE KEY") or
// as bare base64 with any line breaks. Parse once and keep the key: parsing
// checks the key's numbers and costs milliseconds.
//
// The error wraps [ErrKey] and holds nothing of the text given.
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	der, err := keyBytes(text, privateKeyName, "PRIVATE KEY", privateRemedy)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if _, errOld := x509.ParsePKCS1PrivateKey(der); errOld == nil {
			return nil, newError(ErrKey, privateKeyName, "is in PKCS#1 form",
				"convert it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem")
		}
		return nil, newError(ErrKey, privateKeyName, "is not a PKCS#8 key", privateRemedy)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, newError(ErrKey, privateKeyName, "is not an RSA key", privateRemedy)
	}
	if err := checkKey(&key.PublicKey, privateKeyName); err != nil {
		return nil, err
	}
	return key, nil
}

// ParsePublicKey reads an RSA public key in SPKI form, as PEM ("PUBLIC KEY") or
// as bare base64 with any line breaks, the form in which APO shows its own key.
//
// The error wraps [ErrKey].
func ParsePublicKey(text []byte) (*rsa.PublicKey, error) {
	der, err := keyBytes(text, publicKeyName, "PUBLIC KEY", publicRemedy)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, newError(ErrKey, publicKeyName, "is not an SPKI key", publicRemedy)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, newError(ErrKey, publicKeyName, "is not an RSA key", publicRemedy)
	}
	if err := checkKey(key, publicKeyName); err != nil {
		return nil, err
	}
	return key, nil
}

// keyBytes takes a key's DER out of PEM or bare base64. The name is the thing
// an error speaks of; want is the PEM type that holds such a key.
func keyBytes(text []byte, name, want, remedy string) ([]byte, error) {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return nil, newError(ErrKey, name, "is empty", remedy)
	case len(text) > keyTextMax:
		return nil, newError(ErrKey, name, fmt.Sprintf("is longer than %d bytes", keyTextMax), remedy)
	}
	if block, rest := pem.Decode(text); block != nil {
		if len(bytes.TrimSpace(rest)) > 0 {
			return nil, newError(ErrKey, name, "is followed by more text", "give one key alone")
		}
		if block.Type == want || block.Type == "RSA PRIVATE KEY" && want == "PRIVATE KEY" {
			return block.Bytes, nil
		}
		return nil, newError(ErrKey, name, "is a PEM block of another kind than "+want, remedy)
	}
	joined := strings.Join(strings.Fields(string(text)), "")
	der, err := base64.StdEncoding.Strict().DecodeString(joined)
	if err != nil {
		return nil, newError(ErrKey, name, "is neither PEM nor base64", remedy)
	}
	return der, nil
}

// checkKey refuses a key that is missing or too short to be trusted.
func checkKey(key *rsa.PublicKey, name string) error {
	if key == nil || key.N == nil {
		return newError(ErrKey, name, "is missing", "parse it once and pass it on")
	}
	if bits := key.N.BitLen(); bits < KeyBitsMin {
		return newError(ErrKey, name, fmt.Sprintf("has %d bits", bits),
			fmt.Sprintf("use a key of at least %d bits", KeyBitsMin))
	}
	return nil
}
