package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// serviceResult is what the checkout service does for shoppers over HTTP, with APO played by the command line's
// simulator, medians over the rounds. All processes share this machine.
type serviceResult struct {
	Shoppers int
	Lanes    []serviceLane
	Exchange time.Duration // of the processor, for the signatures of one call and their verification, on both sides
	Alone    float64       // such exchanges a second where all cores do nothing else
}

// serviceLane is one place of the log's file.
type serviceLane struct {
	Name      string
	Commands  float64 // a second; each is one call to APO
	P50, P99  time.Duration
	Service   time.Duration // of the processor, a command, in the service
	Simulator time.Duration // the same, in the simulator
	Shoppers  time.Duration // the same, in those who shop

	Notified float64       // notifications a second that were acknowledged: put on record, or on record already
	Mean     time.Duration // of a command
	Log      time.Duration // of that, waiting for appends
	Shares   shares        // what the service's processor did
}

// signings is how many exchanges with APO the lane's signatures would be: a notification is half of one.
func (l *serviceLane) signings() float64 { return l.Commands + l.Notified/2 }

// The lanes of the service's section.
const (
	laneDisk   = "checkout, its log on the disk"
	laneMemory = "checkout, its log in memory"
)

const (
	// shoppers are the load that the design's figure is for.
	shoppers = 64
	// serviceCells is how many cells' times one lane lasts: a shopper's two commands take longer than an append.
	serviceCells = 4
	// serviceSource is where the service's module is, beside this one.
	serviceSource = "../examples/checkout"
	// serviceUp is how long the processes may take until they answer.
	serviceUp = 30 * time.Second
	// memoryFolder is a place in memory on Linux; where it is not, that lane is left out.
	memoryFolder = "/dev/shm"
	keyBits      = 2048 // of RSA, as APO's keys have
)

// programs builds the service and the command line, once.
func (b *bench) programs() (checkout, simulator string, err error) {
	dir := filepath.Join(b.dir, "service")
	checkout, simulator = filepath.Join(dir, "checkout"), filepath.Join(dir, "tilltape")
	if _, err := os.Stat(dir); err == nil {
		return checkout, simulator, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	b.progress("building the service and the command line")
	for source, to := range map[string]string{serviceSource: checkout, toolSource: simulator} {
		build := exec.Command("go", "build", "-C", source, "-o", to, ".")
		build.Env = append(os.Environ(), "GOWORK=off")
		if said, err := build.CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("build %s: %w: %s", source, err, said)
		}
	}
	return checkout, simulator, nil
}

// service lets shoppers place, pay, capture and cancel orders.
func (b *bench) service() error {
	checkout, simulator, err := b.programs()
	if err != nil {
		return err
	}
	dir := filepath.Dir(checkout)
	places := []struct{ name, dir string }{{laneDisk, dir}}
	if at, err := os.MkdirTemp(memoryFolder, "tilltape-bench-"); err == nil {
		defer os.RemoveAll(at)
		defer leaveNothing(at)()
		places = append(places, struct{ name, dir string }{laneMemory, at})
	} else {
		b.progress("%s is left out: %v", laneMemory, err)
	}
	lanes := make([][]serviceLane, len(places))
	var alone, each []float64
	for round := range b.Rounds {
		b.progress("shoppers at the service, round %d of %d", round+1, b.Rounds)
		for i, p := range places {
			w := &shopping{checkout: checkout, simulator: simulator, keys: dir,
				log: filepath.Join(p.dir, fmt.Sprintf("orders-%d", round))}
			lane, err := w.run(serviceCells*b.CellTime, nil)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			lanes[i] = append(lanes[i], lane)
		}
		rate, took, err := exchanges(b.CellTime)
		if err != nil {
			return err
		}
		alone, each = append(alone, rate), append(each, float64(took))
	}
	res := &serviceResult{Shoppers: shoppers, Alone: median(alone), Exchange: time.Duration(median(each))}
	for i, p := range places {
		res.Lanes = append(res.Lanes, middleLane(p.name, lanes[i]))
	}
	b.out.Service = res
	return nil
}

// middleLane is the median of each.
func middleLane(name string, rounds []serviceLane) serviceLane {
	of := func(pick func(serviceLane) float64) float64 {
		var all []float64
		for _, r := range rounds {
			all = append(all, pick(r))
		}
		return median(all)
	}
	took := func(pick func(serviceLane) time.Duration) time.Duration {
		return time.Duration(of(func(l serviceLane) float64 { return float64(pick(l)) }))
	}
	var each shares
	for i := range each {
		each[i] = of(func(l serviceLane) float64 { return l.Shares[i] })
	}
	return serviceLane{Name: name, Commands: of(func(l serviceLane) float64 { return l.Commands }), Shares: each,
		Notified:  of(func(l serviceLane) float64 { return l.Notified }),
		Mean:      took(func(l serviceLane) time.Duration { return l.Mean }),
		Log:       took(func(l serviceLane) time.Duration { return l.Log }),
		P50:       took(func(l serviceLane) time.Duration { return l.P50 }),
		P99:       took(func(l serviceLane) time.Duration { return l.P99 }),
		Service:   took(func(l serviceLane) time.Duration { return l.Service }),
		Simulator: took(func(l serviceLane) time.Duration { return l.Simulator }),
		Shoppers:  took(func(l serviceLane) time.Duration { return l.Shoppers })}
}

// exchanges counts how often a second all cores can do what signing costs one call: the caller signs its request and
// APO verifies it, APO signs its answer and the caller verifies that. Each is what one of them takes of the processor
// while the others are busy too: two cores that are threads of one are slower then than one of them alone.
func exchanges(during time.Duration) (rate float64, each time.Duration, err error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return 0, 0, err
	}
	hash := sha256.Sum256([]byte("POST /ams/api/v1/payments/cancel"))
	var done atomic.Int64
	var group sync.WaitGroup
	failed := make([]error, runtime.GOMAXPROCS(0))
	begun, before := time.Now(), processorTime()
	for core := range failed {
		group.Go(func() {
			for first := true; first || time.Since(begun) < during && failed[core] == nil; first = false {
				for range 2 {
					signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
					failed[core] = errors.Join(failed[core], err,
						rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, hash[:], signature))
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	each = (processorTime() - before) / time.Duration(done.Load())
	return float64(done.Load()) / time.Since(begun).Seconds(), each, errors.Join(failed...)
}
