package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
)

// shares is what a process spent its processor on.
type shares [partsOfWork]float64

// The parts of a service's work, as its profile tells them apart.
const (
	partSigning = iota // RSA
	partSync           // handing the log to the disk
	partLog            // the log otherwise
	partHTTP           // HTTP and JSON
	partGarbage        // collecting it
	partOurs           // deciding, recording, answering: our own code
	partOther          // the system, waiting, waking
	partsOfWork
)

// parts names what the functions do whose names begin so. A sample belongs to the innermost of its functions that is
// named here.
var parts = []struct {
	begins string
	part   int
}{
	{"crypto/rsa.", partSigning}, {"crypto/internal/fips140/rsa.", partSigning},
	{"crypto/internal/fips140/bigmod.", partSigning}, {"math/big.", partSigning},
	{"golang.org/x/sys/unix.Fdatasync", partSync}, {"syscall.Fdatasync", partSync}, {"syscall.Fsync", partSync},
	{"os.(*File).Sync", partSync}, {"go.etcd.io/bbolt.fdatasync", partSync},
	{"go.etcd.io/bbolt.", partLog}, {"github.com/tilltape/tilltape/store/bolt.", partLog},
	{"github.com/tilltape/tilltape/internal/engine.", partLog}, {"github.com/tilltape/tilltape/seal.", partLog},
	{"runtime.gcBgMarkWorker", partGarbage}, {"runtime.gcAssistAlloc", partGarbage}, {"runtime.bgsweep", partGarbage},
	{"runtime.bgscavenge", partGarbage},
	{"net/http.", partHTTP}, {"net.", partHTTP}, {"encoding/json.", partHTTP}, {"bufio.", partHTTP},
	{"github.com/tilltape/tilltape", partOurs}, {"main.", partOurs},
}

func partOf(function string) (part int, known bool) {
	for _, p := range parts {
		if strings.HasPrefix(function, p.begins) {
			return p.part, true
		}
	}
	return partOther, false
}

// sharesAt has the program behind the address profiled for so many seconds.
func sharesAt(url string) (s shares, err error) {
	answer, err := http.Get(url)
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(url + " answered " + answer.Status + ": " + string(body))
	}
	if err != nil {
		return s, err
	}
	return readShares(body)
}

// errProfile: what should be a profile is none.
var errProfile = errors.New("not a profile as runtime/pprof writes it")

// readShares reads a profile: of the messages of pprof's profile.proto the sample, the location, the function and the
// table of strings.
func readShares(packed []byte) (s shares, err error) {
	from, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return s, errors.Join(errProfile, err)
	}
	plain, err := io.ReadAll(from)
	if err != nil {
		return s, errors.Join(errProfile, err)
	}
	var strs []string
	var samples [][]byte
	functions, locations := map[uint64]uint64{}, map[uint64][]uint64{} // a function's name; a location's, innermost first
	err = fields(plain, func(number int, value uint64, inside []byte) error {
		switch number {
		case 2:
			samples = append(samples, inside)
		case 4:
			return location(inside, locations)
		case 5:
			var id, name uint64
			err := fields(inside, func(number int, value uint64, _ []byte) error {
				switch number {
				case 1:
					id = value
				case 2:
					name = value
				}
				return nil
			})
			functions[id] = name
			return err
		case 6:
			strs = append(strs, string(inside))
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	names := map[uint64]string{}
	for id, at := range functions {
		if at < uint64(len(strs)) {
			names[id] = strs[at]
		}
	}
	return spent(samples, locations, names)
}

// spent adds up what the samples took, by part, and makes shares of it.
func spent(samples [][]byte, locations map[uint64][]uint64, names map[uint64]string) (s shares, err error) {
	sum := 0.0
	for _, sample := range samples {
		stack, values, err := stackOf(sample)
		if err != nil || len(values) == 0 {
			return s, errors.Join(errProfile, err)
		}
		part := partOther
	walk:
		for _, at := range stack {
			for _, function := range locations[at] {
				if named, known := partOf(names[function]); known {
					part = named
					break walk
				}
			}
		}
		took := float64(values[len(values)-1]) // nanoseconds; before them how many samples
		s[part] += took
		sum += took
	}
	for i := range s {
		s[i] = ratio(s[i], sum)
	}
	return s, nil
}

func location(message []byte, into map[uint64][]uint64) error {
	var id uint64
	var lines []uint64
	err := fields(message, func(number int, value uint64, inside []byte) error {
		switch number {
		case 1:
			id = value
		case 4:
			return fields(inside, func(number int, value uint64, _ []byte) error {
				if number == 1 {
					lines = append(lines, value)
				}
				return nil
			})
		}
		return nil
	})
	into[id] = lines
	return err
}

// stackOf is a sample's locations, innermost first, and its values.
func stackOf(sample []byte) (stack, values []uint64, err error) {
	err = fields(sample, func(number int, value uint64, inside []byte) error {
		to := map[int]*[]uint64{1: &stack, 2: &values}[number]
		if to == nil {
			return nil
		}
		if inside == nil {
			*to = append(*to, value)
		}
		for len(inside) > 0 {
			v, n := binary.Uvarint(inside)
			if n <= 0 {
				return errProfile
			}
			*to, inside = append(*to, v), inside[n:]
		}
		return nil
	})
	return stack, values, err
}

// fields walks a message in protobuf's wire format, of numbers and of what has a length.
func fields(message []byte, do func(number int, value uint64, inside []byte) error) error {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return errProfile
		}
		value, m := binary.Uvarint(message[n:])
		if m <= 0 {
			return errProfile
		}
		message = message[n+m:]
		var inside []byte
		switch tag & 7 {
		case 0:
		case 2:
			if value > uint64(len(message)) {
				return errProfile
			}
			inside, message = message[:value:value], message[value:]
		default:
			return errProfile
		}
		if err := do(int(tag>>3), value, inside); err != nil {
			return err
		}
	}
	return nil
}
