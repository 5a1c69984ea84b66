package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// serviceResult is what the checkout service does for shoppers over HTTP, with APO played by the command line's
// simulator, medians over the rounds. All processes share this machine.
type serviceResult struct {
	Shoppers int
	Lanes    []serviceLane
	Exchange time.Duration // the least that the signatures of one call and their verification take, on both sides
	Alone    float64       // such exchanges a second where all cores do nothing else
}

// serviceLane is one place of the log's file.
type serviceLane struct {
	Name      string
	Commands  float64 // a second; each is one call to APO
	P50, P99  time.Duration
	Service   time.Duration // of the processor, a command, in the service
	Simulator time.Duration // the same, in the simulator
}

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

// service lets shoppers place and cancel orders.
func (b *bench) service() error {
	dir := filepath.Join(b.dir, "service")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	b.progress("building the service and the command line")
	checkout, simulator := filepath.Join(dir, "checkout"), filepath.Join(dir, "tilltape")
	for source, to := range map[string]string{serviceSource: checkout, toolSource: simulator} {
		build := exec.Command("go", "build", "-C", source, "-o", to, ".")
		build.Env = append(os.Environ(), "GOWORK=off")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", source, err, said)
		}
	}
	places := []struct{ name, dir string }{{laneDisk, dir}}
	if at, err := os.MkdirTemp(memoryFolder, "tilltape-bench-"); err == nil {
		defer os.RemoveAll(at)
		defer leaveNothing(at)()
		places = append(places, struct{ name, dir string }{laneMemory, at})
	} else {
		b.progress("%s is left out: %v", laneMemory, err)
	}
	lanes := make([][]serviceLane, len(places))
	var alone []float64
	least := time.Duration(math.MaxInt64)
	for round := range b.Rounds {
		b.progress("shoppers at the service, round %d of %d", round+1, b.Rounds)
		for i, p := range places {
			w := &shopping{checkout: checkout, simulator: simulator, keys: dir,
				log: filepath.Join(p.dir, fmt.Sprintf("orders-%d", round))}
			lane, err := w.run(serviceCells * b.CellTime)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			lanes[i] = append(lanes[i], lane)
		}
		rate, fastest, err := exchanges(b.CellTime)
		if err != nil {
			return err
		}
		alone, least = append(alone, rate), min(least, fastest)
	}
	res := &serviceResult{Shoppers: shoppers, Alone: median(alone), Exchange: least}
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
	return serviceLane{Name: name, Commands: of(func(l serviceLane) float64 { return l.Commands }),
		P50:       took(func(l serviceLane) time.Duration { return l.P50 }),
		P99:       took(func(l serviceLane) time.Duration { return l.P99 }),
		Service:   took(func(l serviceLane) time.Duration { return l.Service }),
		Simulator: took(func(l serviceLane) time.Duration { return l.Simulator })}
}

// exchanges counts how often a second all cores can do what signing costs one call: the caller signs its request and
// APO verifies it, APO signs its answer and the caller verifies that. The fastest of them is what they take where
// nobody else has the core.
func exchanges(during time.Duration) (rate float64, fastest time.Duration, err error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return 0, 0, err
	}
	hash := sha256.Sum256([]byte("POST /ams/api/v1/payments/cancel"))
	var done atomic.Int64
	var group sync.WaitGroup
	failed := make([]error, runtime.GOMAXPROCS(0))
	least := make([]time.Duration, len(failed))
	begun := time.Now()
	for core := range failed {
		group.Go(func() {
			for least[core] == 0 || time.Since(begun) < during && failed[core] == nil {
				from := time.Now()
				for range 2 {
					signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
					failed[core] = errors.Join(failed[core], err,
						rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, hash[:], signature))
				}
				done.Add(1)
				if took := time.Since(from); least[core] == 0 || took < least[core] {
					least[core] = took
				}
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(begun).Seconds(), slices.Min(least), errors.Join(failed...)
}

// shopping is one lane's turn: a simulator, a service, and those who shop there.
type shopping struct {
	checkout, simulator, keys, log string

	url  string
	mu   sync.Mutex
	took []time.Duration // of each command in the time that is measured
	all  atomic.Int64    // commands, warming up too
}

func (w *shopping) run(during time.Duration) (lane serviceLane, err error) {
	apo, public, private, err := freeAddresses()
	if err != nil {
		return lane, err
	}
	simulator, err := started(w.simulator, nil, "simulate", "--listen", apo, "--keys", w.keys)
	if err != nil {
		return lane, err
	}
	defer func() {
		lane.Simulator, err = w.ended(simulator, err)
	}()
	if err := answers("http://" + apo + "/_control/"); err != nil {
		return lane, fmt.Errorf("the simulator: %w: %s", err, simulator.said.String())
	}
	service, err := started(w.checkout, []string{"CHECKOUT_GATEWAY=http://" + apo,
		"CHECKOUT_CLIENT=SANDBOX_5YAPOTEST000001", "CHECKOUT_KEYS=" + w.keys, "CHECKOUT_LOG=" + w.log,
		"CHECKOUT_LISTEN=" + public, "CHECKOUT_PRIVATE=" + private, "CHECKOUT_DRAIN_WAIT=0s", "CHECKOUT_DISK_MIN=1MiB"})
	if err != nil {
		return lane, err
	}
	defer func() {
		lane.Service, err = w.ended(service, err)
	}()
	if err := answers("http://" + private + "/livez"); err != nil {
		return lane, fmt.Errorf("the service: %w: %s", err, service.said.String())
	}
	w.url = "http://" + public
	measured, err := w.shop(during)
	if err != nil {
		return lane, err
	}
	slices.Sort(w.took)
	return serviceLane{Commands: float64(len(w.took)) / measured.Seconds(), P50: percentile(w.took, 0.50),
		P99: percentile(w.took, 0.99)}, nil
}

// ended ends a process, and tells what it took of the processor for each command.
func (w *shopping) ended(p *program, before error) (each time.Duration, err error) {
	if err = errors.Join(before, p.end()); err != nil || w.all.Load() == 0 {
		return 0, err
	}
	state := p.ProcessState
	return (state.UserTime() + state.SystemTime()) / time.Duration(w.all.Load()), nil
}

// shop has every shopper place an order and cancel it, and then the next, and measures those that begin after a part of
// the time: at least one command of each shopper.
func (w *shopping) shop(during time.Duration) (measured time.Duration, err error) {
	ctx, stop := context.WithTimeout(context.Background(), during+during/warmUpShare)
	defer stop()
	from := time.Now().Add(during / warmUpShare)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: shoppers}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	failed := make([]error, shoppers)
	for i := range failed {
		group.Go(func() {
			var took []time.Duration
			for n := 0; failed[i] == nil && (ctx.Err() == nil || len(took) == 0); n++ {
				id := fmt.Sprintf("order-%d-%d", i, n)
				for _, c := range []struct{ path, body string }{
					{"/orders", `{"order":"` + id + `","amount":"USD 10.00","method":"CARD","captureMode":"manual","actor":"shop"}`},
					{"/orders/" + id + "/cancel", `{"reason":"changed their mind","actor":"buyer"}`},
				} {
					begun := time.Now()
					if failed[i] = give(client, w.url+c.path, id+c.path[len("/orders"):], c.body); failed[i] != nil {
						break
					}
					w.all.Add(1)
					if begun.After(from) {
						took = append(took, time.Since(begun))
					}
				}
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.took = append(w.took, took...)
		})
	}
	group.Wait()
	return time.Since(from), errors.Join(failed...)
}

// give gives a command, and takes no answer but that it was done.
func give(client *http.Client, url, key, body string) error {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", strings.ReplaceAll(key, "/", "-"))
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s answered %s: %s", url, answer.Status, said)
	}
	return err
}

// program is a process of this section.
type program struct {
	*exec.Cmd
	said bytes.Buffer
}

func started(path string, environment []string, args ...string) (*program, error) {
	p := &program{Cmd: exec.Command(path, args...)}
	p.Env, p.Stdout, p.Stderr = append(os.Environ(), environment...), &p.said, &p.said
	return p, p.Start()
}

// end asks the process to end, and waits for that.
func (p *program) end() error {
	if err := p.Process.Signal(os.Interrupt); err != nil {
		return errors.Join(err, p.Process.Kill(), p.Wait())
	}
	if err := p.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %.2000s", filepath.Base(p.Path), err, p.said.String())
	}
	return nil
}

// answers waits until somebody answers there.
func answers(url string) error {
	for until := time.Now().Add(serviceUp); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			return answer.Body.Close()
		}
		if time.Now().After(until) {
			return err
		}
	}
}

// freeAddresses are three of loopback that nobody listens on now.
func freeAddresses() (one, two, three string, err error) {
	var all []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", "", err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all[0], all[1], all[2], nil
}
